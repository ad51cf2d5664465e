"""The package's structure: its layers of imports, the length of its files, and the number of its public names."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import lecture21

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(lecture21.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))


def test_imports_follow_the_layers():
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_has_at_most_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_top_level_exports_exactly_its_listed_names():
    for name in lecture21.__all__:
        assert getattr(lecture21, name) is not None
    assert len(lecture21.__all__) == 12


def _defined(path: Path) -> list[str]:
    """Return the names that a file defines at its top level."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            targets = [part for target in node.targets for part in getattr(target, "elts", [target])]
            names += [target.id for target in targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return names


def test_the_package_has_at_most_250_public_names():
    """Count the functions, classes and constants that modules define, without those whose path has an underscore."""
    modules = [path.relative_to(PACKAGE).with_suffix("") for path in FILES]
    public = [path for path in modules if not any(part.startswith("_") for part in path.parts[:-1])]
    public = [path for path in public if not path.name.startswith("_") or path.name == "__init__"]
    names = [f"{path}: {name}" for path in public for name in _defined(PACKAGE / f"{path}.py") if name[0] != "_"]
    print(f"{len(names)} public names")
    assert len(names) <= 250, "\n".join([f"{len(names)} public names", *names])


def test_no_two_test_modules_have_the_same_name():
    """Pytest imports test modules by their name alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_object_shadows_a_submodule():
    for package in [info.name for info in pkgutil.walk_packages([str(PACKAGE)], "lecture21.") if info.ispkg]:
        module = importlib.import_module(package)
        for info in pkgutil.iter_modules(module.__path__):
            found = getattr(module, info.name, None)
            assert found is None or found is sys.modules.get(f"{package}.{info.name}"), f"{package}.{info.name}"
