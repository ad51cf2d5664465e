"""tools/find_browser.py with stub programs: what is found, and the error if nothing is."""

import os
import shutil
import socket
from pathlib import Path

import find_browser
import pytest

STARTS = "#!/bin/sh\necho Chromium 1.0\n"
FAILS = "#!/bin/sh\nexit 1\n"


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a browser, Playwright, apt-get or root; the directory returned is its PATH."""
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "env").symlink_to(shutil.which("env"))
    for name in ("CHROMIUM", "PLAYWRIGHT_BROWSERS_PATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(bin))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(find_browser, "ROOT", tmp_path / "repository")
    monkeypatch.setattr(find_browser, "_NAMES", [name for name in find_browser._NAMES if os.sep not in name])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", f"http://127.0.0.1:{closed.getsockname()[1]}")
    return bin


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], list[str]]:
    """Call the tool; return its exit status and the lines on both streams."""
    status = find_browser.main()
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


@pytest.mark.parametrize("name", ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"])
def test_a_browser_on_the_path_is_found(name: str, machine: Path, capsys):
    path = program(machine / name, STARTS)
    assert run(capsys) == (0, [str(path)], [])


def test_the_browser_in_the_variable_chromium_takes_precedence(machine: Path, monkeypatch, capsys):
    program(machine / "chromium", STARTS)
    path = program(machine.parent / "other" / "chrome", STARTS)
    monkeypatch.setenv("CHROMIUM", str(path))
    assert run(capsys) == (0, [str(path)], [])


@pytest.mark.parametrize("kind", ["missing", "no program", "does not start"])
def test_a_chromium_that_does_not_start_is_an_error_and_not_replaced(kind: str, machine: Path, monkeypatch, capsys):
    program(machine / "chromium", STARTS)
    path = machine.parent / "chrome"
    if kind == "no program":
        path.write_text("text")
    if kind == "does not start":
        program(path, FAILS)
    monkeypatch.setenv("CHROMIUM", str(path))
    status, out, err = run(capsys)
    assert (status, out) == (1, [])
    assert err == [f"CHROMIUM={path} is not a browser that can be started; {find_browser._ADVICE}"]


def test_a_browser_that_does_not_start_is_skipped(machine: Path, capsys):
    program(machine / "chromium", FAILS)
    path = program(machine / "google-chrome", STARTS)
    assert run(capsys) == (0, [str(path)], [])


def test_a_browser_that_playwright_installed_earlier_is_found(machine: Path, capsys):
    path = program(Path.home() / ".cache/ms-playwright/chromium-1200/chrome-linux64/chrome", STARTS)
    assert run(capsys) == (0, [str(path)], [])


def test_without_any_way_to_install_one_line_says_what_to_do(machine: Path, capsys):
    status, out, err = run(capsys)
    assert (status, out) == (1, [])
    assert len(err) == 1
    assert "does not answer; there is no apt-get" in err[0]
    assert err[0].endswith(find_browser._ADVICE)
