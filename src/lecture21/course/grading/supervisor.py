"""A process that has the libraries loaded, and forks one child for each answer.

It receives jobs on a connection and sends one reply for each: how the child ended, and the line that it wrote. A child
has a session of its own, a deadline, and at most `LONGEST` bytes to say; when it ends, all that it started is
killed.
"""

import contextlib
import ctypes
import importlib
import os
import pickle
import select
import signal
import sys
import time
from multiprocessing.connection import Connection

import psutil
import torch

from lecture21.course.exercises.answers.running import call_once
from lecture21.course.exercises.exercise import Exercise
from lecture21.course.grading import child
from lecture21.course.grading.exercises import every_exercise
from lecture21.course.grading.sandbox import PR_SET_PDEATHSIG, Sandbox

REPLIED, LATE, WAITING, ENDED, TOO_LONG, NOT_STARTED = b"r", b"t", b"w", b"e", b"l", b"s"
"""How a child ended: with a reply, over its processor time, over its wall time, without a reply, with too many bytes,
before its code ran."""
LONGEST = 4 << 20
"""Bytes that a child may write; the longest honest reply of the book's exercises has four thousand."""
START_SECONDS = 120.0
"""Time to import the libraries that a notebook names, on a busy machine."""
_PR_SET_CHILD_SUBREAPER = 36
_LIBRARIES = {"lecture21", "torch", "numpy", "scipy", "sklearn", "matplotlib", "pandas", "seaborn", "transformers"}


def main(descriptor: str, private: str = "") -> None:
    """Answer the jobs of a connection until it is closed."""
    connection = Connection(int(descriptor))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the child is killed as well
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exercises = every_exercise(private or None)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what a child has started becomes a child of this process
    torch.set_num_threads(1)  # threads do not survive a fork
    sandbox = Sandbox()
    with contextlib.suppress(EOFError, OSError):  # the other end is closed
        while True:
            job = pickle.loads(connection.recv_bytes())
            if sys.platform == "linux":  # elsewhere, libraries that are loaded may not work after a fork
                _load_libraries(job, exercises)
            connection.send_bytes(_supervise(job, exercises, sandbox, connection))


def _load_libraries(job: child.Job, exercises: list[Exercise]) -> None:
    """Import the libraries that an answer imports, so that this child and later ones find them loaded."""
    exercise = next(each for each in exercises if each.number == job.number)
    # Of torch, parts are imported late, in two seconds: by the first optimizer, and by many a function on `meta`.
    optimizers = ["torch._dynamo"] if "optim" in exercise.call.__code__.co_names else []
    for case in pickle.loads(job.cases):
        if case.observed == "device":
            call_once(exercise, exercise.solution, case)
    for name in [*job.modules, *optimizers]:
        if name not in sys.modules and name.partition(".")[0] in _LIBRARIES:
            with contextlib.suppress(Exception):  # the student's spelling; the child reports it
                importlib.import_module(name)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _supervise(job: child.Job, exercises: list[Exercise], sandbox: Sandbox, connection: Connection | None) -> bytes:
    """Run a job in a child, which gets no connection, and return how it ended and what it wrote."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.setsid()
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if connection is not None:
                connection.close()
            os.close(read)
            child.run(job, exercises, write, sandbox)
        finally:
            os._exit(0)
    os.close(write)
    try:
        return _collect(read, process, job.seconds, job.patience)
    finally:
        os.close(read)
        _kill(process)


def _collect(read: int, process: int, seconds: int | float, patience: int | float) -> bytes:
    """Read what a child writes until a line is complete, it ends, writes too much, or its time is over.

    Its time is that of the processor, since on a busy machine a right answer waits; `patience` ends one that sleeps.
    """
    os.set_blocking(read, False)
    ready = select.poll()
    ready.register(read, select.POLLIN)
    ended = os.pidfd_open(process) if hasattr(os, "pidfd_open") else None
    if ended is not None:  # the pipe alone may be held open by a process that the child has started
        ready.register(ended, select.POLLIN)
    data, started, deadline, used = bytearray(), False, time.monotonic() + START_SECONDS, 0.0
    try:
        while (left := deadline - time.monotonic()) > 0:
            if started and (rest := seconds - _processor_time(process) + used) <= 0:
                return LATE
            events = ready.poll(1000 * (min(left, max(rest, 0.05)) if started else left))
            part = None
            with contextlib.suppress(BlockingIOError):
                part = os.read(read, 1 << 16)
            data += part or b""
            if not started and data.startswith(child.READY):
                started, deadline, used = True, time.monotonic() + patience, _processor_time(process)
                del data[: len(child.READY)]
            if started and b"\n" in data:
                return REPLIED + data[: data.index(b"\n")]
            if len(data) > LONGEST:
                return TOO_LONG
            if part == b"" or (part is None and any(descriptor == ended for descriptor, _ in events)):
                return ENDED if started else NOT_STARTED
        return WAITING if started else NOT_STARTED
    finally:
        if ended is not None:
            os.close(ended)


def _processor_time(process: int) -> int | float:
    """Return the seconds that a child has computed; 0 if it has ended."""
    try:
        times = psutil.Process(process).cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system


def _kill(process: int) -> None:
    """Kill a child and all that it has started, whatever session that is in."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    while others := psutil.Process().children(recursive=True):
        for other in others:
            with contextlib.suppress(psutil.Error):
                other.kill()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
