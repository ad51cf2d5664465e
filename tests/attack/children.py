"""Child processes of one warm Python process: torch is imported once, and each child is a fork of it."""

import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

DID_NOT_END = 98

# tqdm locks with a semaphore that forks share: a child killed while it holds it would block all that come after it.
# Its monitor is a thread, and a fork copies only the thread that forks.
tqdm.set_lock(threading.RLock())
tqdm.monitor_interval = 0


@dataclass
class Ended:
    """How a child ended."""

    code: int
    """Its exit code, minus the signal that killed it, or `DID_NOT_END`."""
    output: str
    """What it wrote to standard output and standard error."""


@dataclass
class Child:
    """A running fork of this process."""

    pid: int
    log: Path

    def ends_within(self, limit: float) -> bool:
        """Return whether the child ends within `limit` seconds."""
        descriptor = os.pidfd_open(self.pid)
        try:
            return bool(select.select([descriptor], [], [], limit)[0])
        finally:
            os.close(descriptor)

    def wait(self, limit: float = 600) -> Ended:
        """Wait for the end of the child; kill it after `limit` seconds."""
        in_time = self.ends_within(limit)
        if not in_time:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status) if in_time else DID_NOT_END
        output = self.log.read_text(errors="replace")
        self.log.unlink()
        return Ended(code, output)


def start(work: Callable[[], int | None], folder: Path) -> Child:
    """Fork, run `work` in the child, and end the child with what it returns."""
    log = folder / f"{time.monotonic_ns()}.log"
    log.touch()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Child(pid, log)
    code = 99
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = work() or 0
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def run(work: Callable[[], int | None], folder: Path) -> Ended:
    """Run `work` in a child and wait for its end; one that hangs is killed in the end."""
    return start(work, folder).wait()
