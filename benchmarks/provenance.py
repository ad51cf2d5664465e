"""What made the rows of a result: versions, and the constants that a function uses."""

import dataclasses
import dis
import functools
import hashlib
import inspect
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType

import torch
from torch import Tensor

SHORT = 24
"""Characters of a constant that are stored as they are; of a longer one, a hash."""


def versions() -> dict[str, str]:
    """Return what computes here."""
    machine = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return {"torch": torch.__version__, "python": platform.python_version(), "machine": machine}


def constants(function: Callable, key: Mapping[str, object]) -> dict[str, str]:
    """Return the constants that a function uses, by itself and in what it calls, in the scripts of its folder.

    Constants have names in capitals. Of a dictionary that has values of the key, only these entries are returned.
    """
    found: dict[str, str] = {}
    chosen = {value for value in key.values() if isinstance(value, str | int | float)}
    used: list = []
    seen: set[int] = set()
    _text(function, used)
    while used:
        for name, value in _names_of(used.pop()):
            if inspect.isfunction(value) or inspect.isclass(value):
                if id(value) not in seen:
                    seen.add(id(value))
                    used.append(value)
                continue
            entries = chosen & value.keys() if isinstance(value, Mapping) else ()
            for label, part in {f"{name}[{entry}]": value[entry] for entry in entries}.items() or [(name, value)]:
                text = _text(part, used)
                found[label] = text if len(text) <= SHORT else hashlib.sha256(text.encode()).hexdigest()[:8]
    return dict(sorted(found.items()))


def _names_of(thing: object) -> Iterator[tuple[str, object]]:
    """Yield the constants, functions and classes of the scripts that a function or a class uses."""
    if isinstance(thing, type):
        inner = (getattr(part, "__func__", getattr(part, "fget", part)) for part in vars(thing).values())
        yield from (("method", part) for part in inner if inspect.isfunction(part))
        return
    if not inspect.isfunction(thing) or not _is_script(thing):
        return
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.default not in (parameter.empty, None):
            yield f"{thing.__name__}({name})".upper(), parameter.default
    names, attributes = _names_in(thing.__code__)
    pairs = {name: thing.__globals__[name] for name in names & thing.__globals__.keys()}
    for module in [value for value in pairs.values() if isinstance(value, ModuleType) and _is_script(value)]:
        pairs |= {name: getattr(module, name) for name in attributes if hasattr(module, name)}
    for name, value in pairs.items():
        value = getattr(value, "__wrapped__", value)  # of functools.cache
        if inspect.isfunction(value) or inspect.isclass(value):
            if _is_script(value):
                yield name, value
        elif name.isupper() and not isinstance(value, ModuleType) and type(value).__name__ != "Table":
            yield name, value


@functools.cache
def _names_in(code: CodeType) -> tuple[set[str], set[str]]:
    """Return the global names in code, and all names, those of attributes too."""
    found = {each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL"}
    inner = [_names_in(part) for part in code.co_consts if isinstance(part, CodeType)]
    return found.union(*(names for names, _ in inner)), set(code.co_names).union(*(names for _, names in inner))


def _is_script(thing: object) -> bool:
    """Return whether a module, or that of a function, is a script, cNN_NAME.py."""
    module = thing if isinstance(thing, ModuleType) else sys.modules.get(getattr(thing, "__module__", None))
    return re.match(r"c\d\d_", Path(getattr(module, "__file__", None) or "").name) is not None


def _text(value: object, used: list) -> str:
    """Return a constant as text that is the same in every process, and add the functions in it to those in use."""
    if isinstance(value, functools.partial):
        return f"{_text(value.func, used)}({_text(value.args, used)}, {_text(value.keywords, used)})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):  # without defaults, of which there may be more
        used.append(type(value))
        fields = {field.name: field.default for field in dataclasses.fields(value) if field.compare}
        given = {name: getattr(value, name) for name in fields}
        return type(value).__name__ + _text({n: v for n, v in given.items() if repr(v) != repr(fields[n])}, used)
    if callable(value):
        used.append(value)
        return getattr(value, "__qualname__", type(value).__name__)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_text(part, used)}" for name, part in value.items()) + "}"
    if isinstance(value, Tensor) and value.numel() > 1000:  # a text
        return str(tuple(value.shape))
    if isinstance(value, Tensor):
        return _text([f"{x:.6g}" for x in value.double().flatten().tolist()], used)
    if isinstance(value, Sequence | set) and not isinstance(value, str | range):
        return "(" + ", ".join(_text(part, used) for part in value) + ")"
    return repr(value) if isinstance(value, str | int | float | range | None) else type(value).__name__
