"""The package's structure: its layers of imports, and the number of its public names."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import repository

import lecture21

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(lecture21.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_imports_follow_the_layers():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_top_level_exports_exactly_its_listed_names():
    for name in lecture21.__all__:
        assert getattr(lecture21, name) is not None
    assert len(lecture21.__all__) == 12


def _imported(source: str, package: str = "") -> set[str]:
    """Return the full names that code imports from lecture21, but not from its own package or the shared `_support`."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "lecture21":
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if _package(name.split(".")[1:]) not in (package, "_support")}


def _package(parts: Sequence[str]) -> str:
    """Return which package of the library or of the course the parts of a name lead to."""
    return "/".join(parts[: 2 if parts[0] == "course" else 1])


def _imports_of_modules() -> dict[str, set[str]]:
    parts = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in FILES}
    return {"/".join(at): _imported(path.read_text(encoding="utf-8"), _package(at)) for path, at in parts.items()}


def test_no_package_imports_an_underscore_name_of_another():
    imports = [(module, name) for module, names in _imports_of_modules().items() for name in names]
    assert [(module, name) for module, name in imports if any(part[0] == "_" for part in name.split("."))] == []


def test_at_most_300_names_are_imported_from_another_package_or_in_a_chapter():
    names = set().union(*_imports_of_modules().values())
    for path in repository.notebooks():
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                names |= _imported(cell.source)
    print(f"{len(names)} public names")
    assert len(names) <= 300, "\n".join(sorted(names))


def test_no_object_shadows_a_submodule():
    for package in [info.name for info in pkgutil.walk_packages([str(PACKAGE)], "lecture21.") if info.ispkg]:
        module = importlib.import_module(package)
        for info in pkgutil.iter_modules(module.__path__):
            actual = getattr(module, info.name, None)
            assert actual is None or actual is sys.modules.get(f"{package}.{info.name}"), f"{package}.{info.name}"
