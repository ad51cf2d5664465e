"""tools/find_browser.py with stub programs: what is found, what is installed, and the error if neither works."""

import http.server
import os
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
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


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer every HEAD request with the server's status."""

    def do_HEAD(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def host(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.HTTPServer]:
    """A host for Playwright's downloads that answers."""
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.status = 200
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], list[str]]:
    """Call the tool; return its exit status and the lines on both streams."""
    status = find_browser.main()
    out, err = capsys.readouterr()
    return status, out.splitlines(), err.splitlines()


def playwright_stub(path: Path, cache: Path) -> None:
    """A `playwright` that notes its arguments and puts a browser into the cache."""
    chrome = cache / "chromium-1/chrome-linux64/chrome"
    program(
        path,
        f"""#!/bin/sh
echo "$@" > {path.parent}/arguments
/bin/mkdir -p {chrome.parent}
printf '#!/bin/sh\\nexit 0\\n' > {chrome}
/bin/chmod +x {chrome}
""",
    )


def apt_stub(bin: Path) -> None:
    """An `apt-get` that notes its arguments and puts a program with the name of the package on the PATH."""
    program(
        bin / "apt-get",
        f"""#!/bin/sh
echo "$DEBIAN_FRONTEND $@" >> {bin}/arguments
case "$@" in *install*)
  for package; do :; done
  printf '#!/bin/sh\\nexit 0\\n' > {bin}/$package
  /bin/chmod +x {bin}/$package ;;
esac
""",
    )


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


def test_apt_get_without_permission_is_not_tried(machine: Path, capsys):
    apt_stub(machine)
    program(machine / "sudo", FAILS)  # it would require a password
    status, _, err = run(capsys)
    assert status == 1
    assert len(err) == 1
    assert "apt-get needs root or passwordless sudo" in err[0]
    assert not (machine / "arguments").exists()


def test_playwright_installs_a_browser_that_the_next_run_finds(machine: Path, host, capsys):
    cache = Path.home() / ".cache/ms-playwright"
    playwright_stub(machine / "playwright", cache)
    status, out, err = run(capsys)
    assert (status, out) == (0, [str(cache / "chromium-1/chrome-linux64/chrome")])
    assert [line for line in err if "with Playwright" not in line] == []
    assert (machine / "arguments").read_text() == "install chromium\n"
    (machine / "playwright").unlink()
    assert run(capsys) == (0, out, [])


@pytest.mark.parametrize("root", [True, False])
def test_apt_get_is_used_if_the_playwright_host_does_not_respond(root: bool, machine: Path, monkeypatch, capsys):
    playwright_stub(machine / "playwright", Path.home() / ".cache/ms-playwright")
    apt_stub(machine)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    if not root:
        program(machine / "sudo", '#!/bin/sh\n[ "$1" = -n ] && shift && exec "$@"\n')
        program(machine / "true", "#!/bin/sh\n")
    status, out, err = run(capsys)
    assert (status, out) == (0, [str(machine / "chromium-headless-shell")])
    assert [line for line in err if "with apt-get" not in line] == []
    calls = [line.split() for line in (machine / "arguments").read_text().splitlines() if line.strip()]
    assert [(call[0], "install" in call) for call in calls] == [("noninteractive", False), ("noninteractive", True)]
    assert calls[1][-2:] == ["install", "chromium-headless-shell"]


def test_the_error_line_names_what_failed(machine: Path, host, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(machine / "playwright", FAILS)
    program(machine / "apt-get", FAILS)
    status, _, err = run(capsys)
    assert status == 1
    assert "playwright install failed; apt-get install failed" in err[-1]
    assert [line for line in err[:-1] if not line.startswith("Installing Chromium with")] == []


def test_a_command_past_its_time_limit_is_killed_with_its_children(tmp_path: Path, monkeypatch):
    """Its child holds a pipe open, which ends with it. The limit is over as soon as the child has started."""
    os.mkfifo(tmp_path / "pipe")
    both = os.open(tmp_path / "pipe", os.O_RDWR)  # opens without waiting for the child
    reader = os.open(tmp_path / "pipe", os.O_RDONLY)

    class OverTime(subprocess.Popen):
        def wait(self, timeout: float | None = None) -> int:
            if timeout is None:
                return super().wait()
            assert os.read(reader, 1) == b"s"
            raise subprocess.TimeoutExpired(self.args, timeout)

    monkeypatch.setattr(subprocess, "Popen", OverTime)
    script = program(tmp_path / "slow", f"#!/bin/sh\n(printf s; exec /bin/sleep 600) > {tmp_path}/pipe &\nwait\n")
    assert find_browser._run([str(script)], limit=1) is False
    os.close(both)
    assert select.select([reader], [], [], 60)[0], "its child is still there"
    assert os.read(reader, 1) == b""
    os.close(reader)
