"""Files that are complete or absent, and JSON objects."""

import hashlib
import json
import os
import re
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from lecture21._support.validation import printable


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that a reader, now or after a crash, gets the old file or the new one, never a part.

    The bytes go to a temporary file in the same directory, reach the disk, and are then renamed over `path`.
    If anything stops this (a full disk, Ctrl-C), the old file is unchanged and the temporary file is removed; what a
    killed process left behind is removed by the next write. The mode is that of any new file: 0666 less the umask.
    Several threads or processes may write one path at the same time: each writes a complete file, and the last one
    stays.

    Raises:
        OSError: from the file system; names the file.
    """
    path = Path(path)
    _remove_abandoned(path)
    # tempfile would make the file readable by its owner only, and rename keeps that mode.
    temporary = path.with_name(f"{_prefix(path)}{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # otherwise the rename can reach the disk before the bytes do
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # an error of a full disk does not name the file
        raise


def _prefix(path: Path) -> str:
    """Return how the name of a temporary file begins: whose file it is, and on which machine it is written."""
    machine = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:4]
    return f".{path.name[:50]}.{machine}."  # a name has at most 255 bytes, and a symbol up to 4


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of `path` whose writer, a process of this machine, has ended."""
    pattern = re.compile(rf"{re.escape(_prefix(path))}(\d{{1,10}})\.[0-9a-f]{{8}}\.tmp")
    with suppress(OSError):
        for entry in path.parent.iterdir():
            if (match := pattern.fullmatch(entry.name)) and not psutil.pid_exists(int(match[1])):
                with suppress(OSError):
                    entry.unlink()


def parse_json(text: str | bytes, source: str | os.PathLike[str]) -> dict[str, Any]:
    """Parse a JSON object."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{source} is not JSON: {printable(str(error))}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{source} must hold an object, got {type(values).__name__}")
    return values


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file; as `parse_json`."""
    return parse_json(path.read_bytes(), path)
