"""What made the rows of a result: versions, and the constants that a function of a script uses."""

import ast
import dataclasses
import functools
import hashlib
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType

import torch

SHORT = 24
"""Characters of a constant that are stored as they are; of a longer one, a hash."""


def versions() -> dict[str, str]:
    """Return what computes here."""
    machine = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return {"torch": torch.__version__, "python": platform.python_version(), "machine": machine}


def constants(function: Callable, key: Mapping[str, object]) -> dict[str, str]:
    """Return the constants whose names a function uses, or a function or class that it names, in scripts.

    Constants have names in capitals. Of a dictionary that has a value of the key, such as the name of an arm, it is
    this entry only.
    """
    function = getattr(function, "func", function)  # of functools.partial
    own = sys.modules[function.__module__]
    values = {value for column, value in key.items() if column != "seed"}
    found = {}
    for script, name in _reached(own, function.__name__):
        value = getattr(script, name)
        if name.isupper() and not isinstance(value, type | FunctionType | ModuleType):
            name = name if script is own else f"{script.__name__}.{name}"
            entries = values & value.keys() if isinstance(value, Mapping) else ()
            for label, part in [(f"{name}[{entry}]", value[entry]) for entry in entries] or [(name, value)]:
                text = _text(part)
                found[label] = text if len(text) <= SHORT else hashlib.sha256(text.encode()).hexdigest()[:8]
    return {name: text for name, text in sorted(found.items()) if "table.Table" not in text}


@functools.cache
def _reached(script: ModuleType, name: str) -> set[tuple[ModuleType, str]]:
    """Return the names that a function uses, directly and in what these names stand for."""
    seen: set[tuple[ModuleType, str]] = set()
    new = {(script, name)}
    while new:
        seen |= new
        new = {used for each in new for used in _names_in(*each)} - seen
    return seen


def _names_in(script: ModuleType, name: str) -> Iterator[tuple[ModuleType, str]]:
    """Yield the names of scripts in the definition of a name; of a constant, whose value counts, no other constants."""
    value = getattr(script, name)
    origin = sys.modules.get(getattr(value, "__module__", None), script)
    if name not in _definitions(script):  # imported
        if _is_script(origin) and origin is not script:
            yield origin, value.__name__
        return
    for part in ast.walk(_definitions(script)[name]):
        at, used = script, getattr(part, "id", None)
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            at, used = getattr(script, part.value.id, None), part.attr
        if _is_script(at) and hasattr(at, used or "") and not (name.isupper() and used.isupper()):
            yield at, used


@functools.cache
def _definitions(script: ModuleType) -> dict[str, ast.AST]:
    """Return the definitions of the names of a script."""
    found = {}
    for part in ast.parse(Path(script.__file__).read_text()).body:
        stored = [n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        found |= dict.fromkeys([part.name] if hasattr(part, "name") else stored, part)
    return found


def _is_script(thing: object) -> bool:
    return re.match(r"c\d\d_", Path(getattr(thing, "__file__", None) or "").name) is not None


def _text(value: object) -> str:
    """Return a constant as text, the same in every process, and without default settings, which may become more."""
    if isinstance(value, Mapping):
        return str({name: _text(part) for name, part in value.items()})
    if dataclasses.is_dataclass(value):
        fields = {field.name: field.default for field in dataclasses.fields(value) if field.repr}
        given = {name: _text(getattr(value, name)) for name in fields}
        return type(value).__name__ + str({name: text for name, text in given.items() if text != _text(fields[name])})
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_text, value))})"
    # A class of the script is named after it, where the script is a command too.
    return re.sub(r" at 0x\w+", "", repr(value)).replace("__main__", Path(sys.argv[0]).stem)
