"""The `lecture21` command: train a model, sample from it, evaluate it, count what it costs, and grade exercises.

An error in the input is one line on standard error and exit code 2. Ctrl-C ends a command with exit code 130, SIGTERM
with 143. This module imports nothing that takes time, so that both also work while torch is loading.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from lecture21.cli._messages import print_error, process_index

__all__ = ["main"]

_Handler = Callable[[int, FrameType | None], None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: by default those of the process, which then ends with this function.
    """
    _open_standard_streams()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    hook = sys.unraisablehook
    try:
        _handle_signals(_exit_at_once)  # while there is nothing to clean up
        from lecture21.cli.app import _run

        sys.unraisablehook = _exit_if_swallowed
        _handle_signals(_unwind)
        code = _run(arguments)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
        if code > 128:
            print_error("stopped")
    finally:
        _handle_signals(signal.SIG_IGN)  # everything is done; Python takes a while to end
        sys.unraisablehook = hook
        if arguments is not None:
            _restore_signals(before)
    return code


def _handle_signals(handler: _Handler | signal.Handlers) -> None:
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, handler)


def _restore_signals(handlers: dict[signal.Signals, object]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    if process_index() == 0:
        with suppress(OSError):
            os.write(2, b"lecture21: stopped\n")
    os._exit(128 + number)


def _unwind(number: int, frame: FrameType | None) -> None:
    """End the command with an exception, so that it can clean up; a second signal ends it at once."""
    _handle_signals(_exit_at_once)
    sys.exit(128 + number)


def _exit_if_swallowed(unraisable: object) -> None:
    """End the process if `_unwind` was called where Python discards exceptions, such as in a destructor."""
    if isinstance(unraisable.exc_value, SystemExit):
        _exit_at_once(unraisable.exc_value.code - 128, None)
    sys.__unraisablehook__(unraisable)


def _open_standard_streams() -> None:
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
