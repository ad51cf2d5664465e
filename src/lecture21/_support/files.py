"""Files that are complete or absent, and JSON from files that may hold anything."""

import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from lecture21._support.locks import try_lock
from lecture21._support.validation import printable

_MAX_JSON = 10**6  # bytes of a configuration


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that a reader, now or after a crash, finds the old file or the new one, never a part.

    The bytes go to a temporary file in the same directory, reach the disk, and are then renamed over `path`.
    If anything stops this (a full disk, Ctrl-C), the old file is unchanged and the temporary file is removed; what a
    killed process left behind is removed by the next write. The mode is that of any new file: 0666 less the umask.

    Raises:
        OSError: from the file system; names the file.
    """
    path = Path(path)
    _remove_abandoned(path)
    # tempfile would make the file readable by its owner only, and rename keeps that mode.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            with suppress(OSError):  # a file system without locks
                try_lock(file)  # tells other processes that this file is being written
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # otherwise the rename can reach the disk before the bytes do
            if os.name != "nt":
                temporary.replace(path)
        if os.name == "nt":  # Windows does not rename an open file
            temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        _name_file(error, path)
        raise


def append_durably(path: str | os.PathLike[str], data: bytes) -> None:
    """Append bytes to a file and wait until they are on the disk; if that fails, the file is as it was before.

    Raises:
        OSError: from the file system; names the file.
    """
    with Path(path).open("ab") as file:
        size = file.tell()
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException as error:
            with suppress(OSError):
                os.truncate(path, size)
            _name_file(error, Path(path))
            raise


def _name_file(error: BaseException, path: Path) -> None:
    """Let an error of a write, such as that of a full disk, name the file that was written."""
    if isinstance(error, OSError) and error.errno is not None and error.filename is None:
        error.filename = str(path)


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of `path` whose writer was killed; a living writer holds a lock on its file."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.tmp")
    with suppress(OSError):
        for entry in path.parent.iterdir():
            if pattern.fullmatch(entry.name):
                with suppress(OSError), entry.open("r+b") as file:
                    if try_lock(file):
                        entry.unlink()


def parse_json(text: str | bytes, source: str | os.PathLike[str]) -> object:
    """Parse JSON from a file that may hold anything.

    Raises:
        ValueError: names `source`, if this is not JSON, is nested too deeply, or repeats a key.
    """
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates)
    except RecursionError as error:
        raise ValueError(f"{source} is not JSON: it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{source} is not JSON: {printable(str(error))}") from error


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in values if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} occurs twice")
    return values


def read_json(path: Path, limit: int = _MAX_JSON) -> dict[str, object]:
    """Read a JSON object from a file of at most `limit` bytes.

    Raises:
        ValueError: names the path, if the file is too large, is not JSON, or holds something other than an object.
    """
    size = path.stat().st_size
    if size > limit:
        raise ValueError(f"{path} has {size:,} bytes, at most {limit:,} are allowed")
    values = parse_json(path.read_bytes(), path)
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold an object, got {type(values).__name__}")
    return values
