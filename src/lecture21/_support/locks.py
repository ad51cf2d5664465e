"""Exclusive locks on files, which the operating system releases when the process ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

_LOCK = ".lock"


def try_lock(file: BinaryIO) -> bool:
    """Lock an open file until it is closed; return False, without waiting, if another process holds the lock.

    Raises:
        OSError: if the file system has no locks.
    """
    try:
        if fcntl is not None:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True


@contextmanager
def locked_directory(directory: Path) -> Iterator[None]:
    """Create a directory if necessary and hold its lock, so that two processes never write one run.

    Raises:
        ValueError: if another process, or another run in this one, holds the lock.
        OSError: if the directory cannot be created or written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / _LOCK
    with path.open("ab") as file:
        # The file that was locked is not the one in the directory if its last owner deleted it in between.
        if not try_lock(file) or not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise ValueError(f"{directory} is in use: another process is training in it")
        try:
            yield
        finally:
            if fcntl is not None:  # Windows does not delete an open file
                path.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
