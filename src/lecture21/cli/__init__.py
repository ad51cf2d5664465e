"""The `lecture21` command: train, sample from, evaluate and count models, and study and teach with the notebooks.

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

_ADVICE = "try a smaller batch_size, block_size or model"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: by default those of the process, which then ends with this function.
    """
    _open_standard_streams()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    hook = sys.unraisablehook
    try:
        _handle_signals(_exit_at_once)  # while modules are imported, there is nothing to clean up
        from lecture21.cli.app import app

        sys.unraisablehook = _exit_if_swallowed
        _handle_signals(_unwind)
        return _run(app, arguments)
    finally:
        _handle_signals(signal.SIG_IGN)  # everything is done; Python takes a while to end
        sys.unraisablehook = hook
        if arguments is not None and _in_main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def _run(app: Callable[..., int | None], arguments: list[str] | None) -> int:
    """Run a command; whatever ends it becomes an exit code and, if it failed, one line."""
    try:
        code = app(arguments, standalone_mode=False, prog_name="lecture21") or 0
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # from `_unwind`, or from typer where nobody reads the output any more
        if stop.code > 128:
            print_error("stopped")
        return stop.code
    except BrokenPipeError:  # `| head`: nobody reads the output any more
        _discard_output()
        return 1
    except (ValueError, OSError) as error:
        print_error(str(error), everywhere=isinstance(error, OSError))
        _discard_output()
    except (MemoryError, OverflowError) as error:
        print_error(f"too large for this machine: {str(error) or 'not enough memory'}; {_ADVICE}", everywhere=True)
    except Exception as error:
        if hasattr(error, "format_message"):  # of click, or of the click inside typer: the command was typed wrongly
            # Newer versions of typer omit what was typed; pydantic, which refused it, still has it.
            refused = getattr(error.__cause__, "errors", list)()
            print_error(error.format_message() + "".join(f", got {value['input']!r}" for value in refused))
        elif isinstance(error, RuntimeError) and "memory" in str(error).lower():  # torch has no type for it on a CPU
            print_error(f"too large for this machine: {error}; {_ADVICE}", everywhere=True)
        else:
            raise
    return 2


def _in_main_thread() -> bool:
    """Return whether this thread may set signal handlers."""
    return threading.current_thread() is threading.main_thread()


def _handle_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if _in_main_thread() and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
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


def _discard_output() -> None:
    """Keep Python from writing the rest of the output, which cannot be written, when the process ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
