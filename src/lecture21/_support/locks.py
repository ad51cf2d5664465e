"""Exclusive locks on files, which the operating system releases when the process ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    """Hold the lock of a directory, which is created if necessary, so that two processes never write the same run.

    Raises:
        ValueError: if another process, or another run in this one, holds the lock.
        OSError: if the directory cannot be created or written.
    """
    created = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / _LOCK
    try:
        with path.open("ab") as file:
            if not _holds(path, file):
                raise ValueError(f"{directory} is in use: another process is training in it")
            try:
                yield
            finally:
                if fcntl is not None:  # Windows does not delete an open file
                    path.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    finally:
        if created:
            with suppress(OSError):  # it is not empty
                directory.rmdir()


def _holds(path: Path, file: BinaryIO) -> bool:
    """Lock a file, and check that its last owner has not deleted it in between."""
    try:
        if not try_lock(file):
            return False
    except OSError:
        return True  # a file system without locks
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())
