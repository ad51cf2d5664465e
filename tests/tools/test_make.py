"""The Makefile: how the environment is made, and what is said where something is missing."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Makefile and the files that it reads, without an environment."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "constraints.txt", "torch.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    return tmp_path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run make as from a shell of its own: not as a part of the make that runs the tests."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CI", "CHROMIUM", "PLAYWRIGHT_BROWSERS_PATH", "XDG_CACHE_HOME"}
    outer |= {"WORKERS", "DRAWS"}
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    command = [shutil.which("make"), "--no-print-directory", "-C", folder, f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=False)


def sections(actual: subprocess.CompletedProcess) -> list[str]:
    return re.findall(r"^=== (.*) \(make ", actual.stdout, re.MULTILINE)


def test_an_old_python_is_refused_in_one_line(folder: Path):
    old = folder / "python3.10"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.9" && exit 0\nexit 1\n')
    old.chmod(0o755)
    actual = make(folder, f"PYTHON={old}", ".venv")
    complaints = [line for line in actual.stderr.splitlines() if not line.startswith("make")]
    assert actual.returncode == 2
    assert complaints == [
        f"lecture21 needs Python 3.11 or newer, and '{old}' is Python 3.10.9; name another one: make PYTHON=python3.12"
    ]
    assert not (folder / ".venv").exists()


def test_only_continuous_integration_installs_what_is_locked(folder: Path):
    newest = make(folder, "-n", ".venv").stdout
    assert "requirements.txt" in newest
    assert "--require-hashes" not in newest
    locked = re.findall("pip install (.*)", make(folder, "-n", ".venv", CI="true").stdout)
    assert locked == [
        "--quiet --no-compile --no-deps --only-binary :all: --require-hashes -r constraints.txt",
        "--quiet --no-compile --constraint torch.txt torch",
        "--quiet --no-deps --no-build-isolation -e .",
    ]


def test_without_node_the_check_of_the_javascript_says_what_to_install(folder: Path, tmp_path: Path):
    (tmp_path / "sh").symlink_to("/bin/sh")
    actual = make(folder, "js-check", "SHELL=/bin/sh", PATH=str(tmp_path))
    assert actual.returncode == 2
    assert "need Node 20 or newer with npm: install it" in actual.stderr.splitlines()[0]


def test_without_a_browser_make_test_stops_before_it_installs_anything(folder: Path):
    bin = folder / "bin"
    bin.mkdir()
    for name in ("make", "printf", "sh"):
        (bin / name).symlink_to(shutil.which(name))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{closed.getsockname()[1]}"
    actual = make(folder, "test", PATH=str(bin), HOME=str(folder), PLAYWRIGHT_DOWNLOAD_HOST=host)
    assert actual.returncode == 2
    assert sections(actual) == ["browser"]
    said = [line for line in actual.stderr.splitlines() if not line.startswith("make[")]
    assert said[0].startswith("no browser for the tests (")
    assert said[1] == "make test stopped at: browser. To repeat it: make browser"
    assert not (folder / ".venv").exists()
