"""The repository's address, the dependencies and the workflows: what a reader's first minutes depend on."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import repository
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

# What Colab had in August 2026, on Python 3.13. A lower bound above one of these would make the install cell replace
# a package under a running kernel.
COLAB = {
    "ipykernel": "6.17",
    "ipywidgets": "7.7.1",
    "matplotlib": "3.10",
    "numpy": "2.1",
    "seaborn": "0.13.2",
    "tiktoken": "0.14",
    "torch": "2.11",
}


def requirements(*extras: str) -> list[Requirement]:
    groups = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return [Requirement(text) for group in groups for text in group]


def test_the_address_stands_in_pyproject_once():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert text.count(repository.slug()) == 1
    assert repository.url().startswith("https://")


def test_the_book_s_buttons_lead_to_the_repository():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"] == {"url": repository.url(), "branch": "main"}


def test_the_readme_opens_every_chapter_on_colab_and_clones_the_repository():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"git clone {repository.url()}" in readme
    assert [path.stem for path in CHAPTERS if repository.colab(path.stem) not in readme] == []


def test_every_chapter_carries_its_badge_and_installs_from_the_repository():
    for path in CHAPTERS:
        cells = ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
        assert repository.badge(path.stem) in cells[0], path.stem
        assert cells[1] == repository.install_cell(), path.stem


def test_no_file_names_another_address():
    name = repository.slug().split("/")[1]
    wrong = {}
    for folder in (".github", "book", "notebooks", "src", "tools", "README.md", "_config.yml", "pyproject.toml"):
        path = ROOT / folder
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.suffix not in {".md", ".ipynb", ".py", ".yml", ".toml", ".css", ".bib"}:
                continue
            found = re.findall(rf"github(?:\.com)?/([\w.-]+/{name})\b", file.read_text(encoding="utf-8"))
            if set(found) - {repository.slug()}:
                wrong[str(file)] = found
    assert wrong == {}


def test_a_new_address_is_carried_everywhere(tmp_path: Path):
    for name in ("README.md", "_config.yml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(text.replace(repository.slug(), "ada/engine"), encoding="utf-8")
    changed = repository.carry(tmp_path)
    assert len(changed) == 2 + len(CHAPTERS)
    for path in repository.places(tmp_path):
        assert repository.slug() not in path.read_text(encoding="utf-8")
        assert "ada/engine" in path.read_text(encoding="utf-8")
    assert repository.carry(tmp_path) == []


@pytest.mark.parametrize(
    "requirement", requirements("notebooks", "pretrained"), ids=lambda requirement: requirement.name
)
def test_installing_on_colab_replaces_nothing(requirement: Requirement):
    if requirement.name in COLAB:
        assert requirement.specifier.contains(Version(COLAB[requirement.name])), requirement
    if requirement in requirements():
        assert [bound.operator for bound in requirement.specifier] == [">="], "a lower bound only"


def test_python_3_11_to_3_13_are_promised():
    assert PROJECT["requires-python"] == ">=3.11"
    promised = [c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert promised == ["3.11", "3.12", "3.13"]


def index() -> list[str]:
    """The package index that pip is set to use here, as uv takes it."""
    found = os.environ.get("PIP_INDEX_URL")
    if not found:
        asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return ["--default-index", found] if found else []


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_requirements_resolve(python: str, tmp_path: Path):
    uv = shutil.which("uv", path=Path(sys.executable).parent)
    extras = [flag for extra in ("pretrained", "notebooks", "book", "test") for flag in ("--extra", extra)]
    settings = ["--only-binary", ":all:", "--no-header", "--no-annotate", "--quiet"]
    # uv reads metadata alone; pip would fetch gigabytes to answer the same question.
    command = [uv, "pip", "compile", "pyproject.toml", *extras, *index(), *settings, "--python-version", python]
    found = subprocess.run(
        [*command, "--python", sys.executable, "--output-file", tmp_path / "resolved.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    resolved = dict(line.split("==") for line in (tmp_path / "resolved.txt").read_text().split() if "==" in line)
    assert Version("1.0.4.post1") <= Version(resolved["jupyter-book"]) < Version("2")
    assert {"torch", "nbval", "sphinx-mathjax-offline"} <= resolved.keys()


def test_the_wheel_carries_the_results_and_the_small_model(tmp_path: Path):
    uv = shutil.which("uv", path=Path(sys.executable).parent)
    command = [uv, "build", "--wheel", "--quiet", *index(), "--python", sys.executable, "--out-dir", tmp_path, ROOT]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    data = [
        path
        for path in (ROOT / "src/lecture21/data/results").rglob("*")
        if path.suffix in {".csv", ".json", ".safetensors"}
    ]
    assert any(path.name == "model.safetensors" for path in data)
    assert [path for path in data if path.relative_to(ROOT / "src").as_posix() not in names] == []
    assert [path for path in data if path.stat().st_mode & 0o444 != 0o444] == []  # all may read them


def test_requirements_txt_installs_the_package_with_all_that_the_commands_need():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["-e .[pretrained,notebooks,book,test]"]


def test_the_workflows_are_sound():
    actionlint = shutil.which("actionlint", path=Path(sys.executable).parent)
    found = subprocess.run([actionlint, *WORKFLOWS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize(("name", "command"), [("tests", "make test"), ("book", "make book")])
def test_a_workflow_is_a_thin_call_of_make(name: str, command: str):
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert [run for run in runs if "apt-get" not in run] == [command]


def test_the_tests_workflow_covers_the_oldest_and_the_newest_python():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.13"]


def test_ci_calls_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("exec make test")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["make", "-C", folder, *arguments], capture_output=True, text=True, check=False)


def test_an_old_python_is_refused_in_one_line(tmp_path: Path):
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3.10"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.9" && exit 0\nexit 1\n')
    old.chmod(0o755)
    found = make(tmp_path, f"PYTHON={old}", ".venv")
    complaints = [line for line in found.stderr.splitlines() if not line.startswith("make")]
    assert found.returncode == 2
    assert complaints == [
        f"lecture21 needs Python 3.11 or newer, and '{old}' is Python 3.10.9; name another one: make PYTHON=python3.12"
    ]
    assert not (tmp_path / ".venv").exists()


def test_an_environment_that_is_there_is_not_made_again(tmp_path: Path):
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    assert "pip install" not in make(tmp_path, "-n", ".venv").stdout
    os.utime(tmp_path / "pyproject.toml", (2**31 - 1, 2**31 - 1))
    assert "pip install" in make(tmp_path, "-n", ".venv").stdout
