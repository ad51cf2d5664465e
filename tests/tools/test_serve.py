"""make serve: the book on a free port, and one line where the port cannot be used."""

import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVE = [sys.executable, "-u", ROOT / "tools" / "serve.py"]


def test_a_busy_port_is_reported_in_one_line():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        actual = subprocess.run([*SERVE, str(port)], capture_output=True, text=True, check=False)
    assert (actual.returncode, actual.stdout) == (1, "")
    assert actual.stderr.startswith(f"port {port} cannot be used (Address already in use); name another one: ")
    assert actual.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["x", "-1", "65536"])
def test_an_invalid_port_is_reported_in_one_line(port: str):
    actual = subprocess.run([*SERVE, port], capture_output=True, text=True, check=False)
    assert (actual.returncode, actual.stdout) == (1, "")
    assert actual.stderr == f"PORT must be a number from 0 to 65535, got {port}\n"


def test_the_address_is_printed_and_answers():
    with subprocess.Popen([*SERVE, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        address = line.split()[4]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(address + "no-such-page")
        process.terminate()
    assert line.startswith("The book is at http://127.0.0.1:")
