"""The repository's address: where it is taken from, and that every place follows it, known or not."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import repository
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = repository.notebooks()
UNKNOWN = "https://github.com/OWNER/lecture21"
KNOWN = "https://github.com/ada/engine"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of every file that depends on the address, and of the tool, before any address is known."""
    for name in ("README.md", "_config.yml", "pyproject.toml", "tools/repository.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    repository.set_url(UNKNOWN, tmp_path)
    return tmp_path


def contents(root: Path) -> dict[str, str]:
    """The text of every file that depends on the address, by its name."""
    paths = [root / "pyproject.toml", *repository.places(root)]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def first_cells(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells[:2]]


def check(root: Path) -> None:
    """Assert that each place has the address in pyproject.toml, or that no place has a dead link."""
    known = repository.is_known(root)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"] == {"url": repository.url(root) if known else "", "branch": "main"}
    assert bool(config["launch_buttons"]["colab_url"]) is known
    assert config["html"]["use_repository_button"] is known
    assert config["html"]["use_issues_button"] is known
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert f"git clone {repository.url(root)} lecture21" in readme
    assert readme.count("colab.research.google.com") == (len(CHAPTERS) if known else 0)
    for path in repository.notebooks(root):
        name = repository.name_of(path)
        title, install = first_cells(path)
        assert (repository.badge(name, root) in title) is known, name
        assert (repository.colab(name, root) in readme) is known, name
        assert ("Open in Colab" in title) is known, path.stem
        assert install == repository.install_cell(root), path.stem
        assert (f"git+{repository.url(root)}" in install) is known, path.stem


def test_every_file_has_the_address_of_pyproject():
    check(ROOT)
    assert {path.name for path in repository.places()} == {"README.md", "_config.yml"} | {p.name for p in CHAPTERS}


def test_no_file_names_another_address():
    name = repository.slug().split("/")[1]
    wrong = {}
    for folder in (".github", "book", "notebooks", "src", "tools", "README.md", "_config.yml", "pyproject.toml"):
        path = ROOT / folder
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.suffix not in {".md", ".ipynb", ".py", ".yml", ".toml", ".css", ".bib"}:
                continue
            actual = re.findall(rf"github(?:\.com)?/([\w.-]+/{name})\b", file.read_text(encoding="utf-8"))
            if set(actual) - {repository.slug()}:
                wrong[str(file)] = actual
    assert wrong == {}


def test_a_new_address_is_written_everywhere_and_can_be_removed(copy: Path):
    unknown = contents(copy)
    check(copy)

    changed = repository.set_url(KNOWN, copy)
    assert len(changed) == 3 + len(CHAPTERS)
    known = contents(copy)
    check(copy)
    assert [name for name, text in known.items() if "OWNER" in text or "ada/engine" not in text] == []

    repository.set_url("https://github.com/grace/compiler", copy)
    check(copy)
    assert [name for name, text in contents(copy).items() if "ada/engine" in text] == []

    repository.set_url(KNOWN, copy)
    assert contents(copy) == known
    repository.set_url(UNKNOWN, copy)
    assert contents(copy) == unknown


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/ada/engine",
        "https://github.com/ada/engine.git",
        "https://github.com/ada/engine/",
        "https://token:secret@github.com/ada/engine.git",
        "git@github.com:ada/engine.git",
        "github.com:ada/engine",
        "ssh://git@github.com/ada/engine.git",
        "ssh://git@ssh.github.com:443/ada/engine.git",
        "git://github.com/ada/engine.git",
    ],
)
def test_every_form_of_a_github_remote_is_recognized(remote: str):
    assert repository.normalized(remote) == KNOWN


@pytest.mark.parametrize(
    "remote",
    ["", "/srv/engine", "https://example.org/ada/engine", "git@example.org:ada/engine.git", "https://github.com/ada"],
)
def test_other_remotes_are_not_mistaken_for_github(remote: str):
    assert repository.normalized(remote) is None


def make_address(copy: Path, *arguments: str, remote: str | None = None, workflow: str | None = None):
    """Run the tool in a clone with the remote `origin`, or in a workflow of the repository `workflow`."""
    subprocess.run(["git", "init", "-q", copy], check=True)
    if remote is not None:
        subprocess.run(["git", "-C", copy, "remote", "add", "origin", remote], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_REPOSITORY"}
    if workflow is not None:
        environment["GITHUB_REPOSITORY"] = workflow
    command = [sys.executable, copy / "tools" / "repository.py", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("remote", ["https://github.com/ada/engine", "git@github.com:ada/engine.git"])
def test_the_address_is_taken_from_the_remote(remote: str, copy: Path):
    actual = make_address(copy, remote=remote)
    assert actual.returncode == 0, actual.stderr
    assert repository.url(copy) == KNOWN
    check(copy)
    assert f"README.md: set to {KNOWN}" in actual.stdout
    assert make_address(copy).stdout == f"The address is {KNOWN} already.\n"


@pytest.mark.parametrize(
    ("remote", "problem"),
    [
        (None, "the git remote origin is not set"),
        ("https://ada:secret@example.org/ada/engine", "https://example.org/ada/engine is not an address on GitHub"),
    ],
)
def test_without_a_remote_on_github_one_line_says_what_to_do(remote: str | None, problem: str, copy: Path):
    before = contents(copy)
    actual = make_address(copy, remote=remote)
    assert actual.returncode == 1
    assert actual.stderr == f"{problem}; name one: make address ADDRESS=https://github.com/OWNER/NAME\n"
    assert contents(copy) == before


def test_a_workflow_takes_the_address_of_its_repository(copy: Path):
    actual = make_address(copy, remote="https://github.com/grace/engine", workflow="ada/engine")
    assert actual.returncode == 0, actual.stderr
    assert repository.url(copy) == KNOWN
    check(copy)


def test_a_given_address_takes_precedence(copy: Path):
    given = "https://github.com/grace/compiler"
    assert make_address(copy, given, remote=KNOWN, workflow="ada/engine").returncode == 0
    assert repository.url(copy) == given


def test_the_install_cell_says_what_to_do_where_no_address_is_known(copy: Path, monkeypatch: pytest.MonkeyPatch):
    source = repository.install_cell(copy)
    exec(source)  # the package is installed here: nothing happens
    monkeypatch.setitem(sys.modules, "lecture21", None)
    with pytest.raises(ImportError, match=r"^lecture21 is not installed; run %pip install WHEEL, and in place of"):
        exec(source)
