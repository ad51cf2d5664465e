"""A lock on a directory, which the operating system releases when the process ends, however it ends."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = ".lock"


@contextmanager
def locked_directory(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory, which is created if necessary, so that two processes never write the same run.

    A directory that was created and is still empty at the end is removed.
    """
    created = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / _LOCK, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise ValueError(f"{directory} is in use: another process is training in it") from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):  # a file system without locks
            raise
    try:
        yield
    finally:
        try:
            # The one place where the file is removed, and only its owner does it. Whoever has opened the file by then
            # gets a lock on a file without a name, which filelock notices.
            with suppress(OSError):  # Windows does not remove an open file; filelock then does
                (directory / _LOCK).unlink()
        finally:
            lock.release()
        if created:
            with suppress(OSError):  # it is not empty
                directory.rmdir()
