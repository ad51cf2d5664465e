"""The signals and the standard streams of the process in which a command runs."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from lecture21.cli._messages import process_index

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handled_signals(restore: bool) -> Iterator[None]:
    """End the process at a signal, at once; after `let_signals_unwind` with an exception. At the end, ignore signals.

    Args:
        restore: whether the process goes on, with the handlers that it had before.
    """
    before, hook = {number: signal.getsignal(number) for number in _SIGNALS}, sys.unraisablehook
    try:
        _set_handlers(_exit_at_once)  # while modules are imported, there is nothing to clean up
        yield
    finally:
        _set_handlers(signal.SIG_IGN)  # everything is done; Python takes a while to end
        sys.unraisablehook = hook
        for number, handler in before.items() if restore else ():
            with suppress(ValueError):
                signal.signal(number, handler)


def let_signals_unwind() -> None:
    """Let a signal end the command with SystemExit, so that it can clean up; a second one ends it at once."""
    sys.unraisablehook = _exit_if_swallowed
    _set_handlers(_unwind)


def _set_handlers(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            with suppress(ValueError):  # only the main thread may set one
                signal.signal(number, handler)


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    if process_index() == 0:
        with suppress(OSError):
            os.write(2, b"lecture21: stopped\n")
    os._exit(128 + number)


def _unwind(number: int, frame: FrameType | None) -> None:
    _set_handlers(_exit_at_once)
    sys.exit(128 + number)


def _exit_if_swallowed(unraisable: object) -> None:
    """End the process if `_unwind` was called where Python discards exceptions, such as in a destructor."""
    if isinstance(unraisable.exc_value, SystemExit):
        _exit_at_once(unraisable.exc_value.code - 128, None)
    sys.__unraisablehook__(unraisable)


def open_standard_streams() -> None:
    """Replace standard streams that are closed, or the next file to be opened would take their place."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # print a question mark for a symbol that it cannot show


def discard_output() -> None:
    """Keep Python from writing the rest of the output, which cannot be written, when the process ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
