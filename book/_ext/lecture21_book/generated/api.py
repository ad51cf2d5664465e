"""The API reference: one page for each module or package of the library, and one for what an instructor uses.

The rest of `lecture21.course` has no page: whoever changes the book reads its source; book/developers.md says where.
"""

import importlib
import inspect
import pkgutil
import re
import tomllib
import typing
from pathlib import Path
from types import FunctionType, ModuleType

from sphinx.pycode import ModuleAnalyzer

from lecture21.cli.app import app

OF_THE_COURSE = "course.exercises"
"""The package of the course whose exported names have a page."""

_INDEX = """# API reference

These are the modules of the library, from the top layer of imports to the bottom one: each imports only modules that
are listed below it. The last page has the little of `lecture21.course` that notebooks call, and that instructors write
exercises with.

| Module | Contents |
|---|---|
{rows}

Shapes are written as in [](../notation.md). A first program needs only the top level:
`from lecture21 import GPT, GPTConfig, TrainConfig, train, evaluate, generate, presets`.
"""


def pages(root: Path) -> dict[str, str]:
    """Return the text of each page, by its name: `index`, and the names of the modules."""
    names = _in_layers(root)
    rows = [f"| []({name}.md) | {_first_sentence(importlib.import_module(f'lecture21.{name}'))} |" for name in names]
    return {"index": _INDEX.format(rows="\n".join(rows))} | {name: page(name) for name in names}


def page(name: str) -> str:
    """Return the page of a module: its docstring and names, and a section for each public module inside it."""
    module = importlib.import_module(f"lecture21.{name}")
    if name == "cli":
        commands = ["", *(each.name for each in app.registered_commands)]
        return _join(f"# {name}", _automodule(module, []), *map(_help, commands))
    if name == OF_THE_COURSE:
        return _join(f"# {name}", _automodule(module, []), _exported(module))
    blocks = [f"# {name}", _automodule(module, public_names(module))]
    for inner in pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
        if "._" in inner.name:
            continue
        part = importlib.import_module(inner.name)
        if names := public_names(part):
            blocks += [f"## {inner.name.removeprefix(f'{module.__name__}.')}", _automodule(part, names)]
    if len(blocks) == 2 and not public_names(module) and hasattr(module, "__all__"):
        blocks.append(_same_objects(module))
    return _join(*blocks)


def public_names(module: ModuleType) -> list[str]:
    """Return the functions, classes and documented constants that a module defines."""
    constants = {name for scope, name in ModuleAnalyzer.for_module(module.__name__).find_attr_docs() if not scope}
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    return [
        name
        for name, value in public.items()
        if name in constants or (isinstance(value, type | FunctionType) and value.__module__ == module.__name__)
    ]


def _in_layers(root: Path) -> list[str]:
    """Return the names of the public modules, from the top layer of imports to the bottom one."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    names = [name for layer in layers for name in re.split(r"\W+", layer) if name[0] != "_"]
    return [name for name in names if name != "course"] + [OF_THE_COURSE]


def _automodule(module: ModuleType, names: list[str]) -> str:
    """Return the directive that documents a module and these of its names."""
    lines = [f".. automodule:: {module.__name__}"]
    if names:
        lines.append("   :members:")
    if private := _returned(module, names):
        lines.append(f"   :private-members: {', '.join(private)}")
    if base := _first_foreign_base(module, names):
        lines.append(f"   :inherited-members: {base}")
    return "\n".join(["```{eval-rst}", *lines, "```"])


def _returned(module: ModuleType, names: list[str]) -> list[str]:
    """Return the private classes of a module that its public functions return: readers use their attributes."""
    classes = set()
    for function in filter(inspect.isfunction, (getattr(module, name) for name in names)):
        kind = function.__annotations__.get("return")
        classes |= {each.__name__ for each in (kind, *typing.get_args(kind)) if inspect.isclass(each)}
    return sorted(name for name in classes if name.startswith("_") and hasattr(module, name))


def _first_foreign_base(module: ModuleType, names: list[str]) -> str:
    """Return up to which base class methods are shown too: for a class whose base in this module is private."""
    for kind in filter(inspect.isclass, (getattr(module, name) for name in names)):
        bases = kind.__mro__[1:]
        if bases[0].__name__.startswith("_") and bases[0].__module__ == module.__name__:
            return next(each.__name__ for each in bases if not each.__module__.startswith("lecture21"))
    return ""


def _same_objects(module: ModuleType) -> str:
    """Return the names that a module only repeats, as links to where they are defined."""
    objects = [getattr(module, name) for name in sorted(module.__all__)]
    return "\n".join(f"- {{py:obj}}`{each.__module__}.{each.__qualname__}`" for each in objects)


def _exported(module: ModuleType) -> str:
    """Return the directives that document the names that a package exports, under the names of their own modules."""
    lines = []
    for each in (getattr(module, name) for name in module.__all__):
        full = f"{each.__module__}.{each.__qualname__}"
        lines += [f".. autoclass:: {full}\n   :members:" if inspect.isclass(each) else f".. autofunction:: {full}", ""]
    return "\n".join(["```{eval-rst}", *lines, "```"])


def _help(command: str) -> str:
    """Return the help of a command, or of `lecture21` itself."""
    return _join(*([f"## lecture21 {command}"] if command else []), f"```{{command-help}} {command}".rstrip() + "\n```")


def _first_sentence(module: ModuleType) -> str:
    """Return what a docstring says first, without the dot at its end."""
    first = inspect.getdoc(module).split("\n\n")[0].replace("\n", " ")
    return re.split(r"\.(?:\s|$)", first)[0].replace("|", "\\|")


def _join(*blocks: str) -> str:
    """Return blocks of Markdown as one text."""
    return "\n\n".join(block.rstrip("\n") for block in blocks) + "\n"
