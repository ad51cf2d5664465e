"""The `lecture21` command: train, sample from, evaluate and count models, and study and teach with the notebooks.

It only reads options and prints; what is computed is in the packages that it calls.
"""

import sys
from collections.abc import Callable

from lecture21.cli import _process
from lecture21.cli._messages import print_error

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    An error in the input is one line on standard error and exit code 2. Ctrl-C ends a command with exit code 130,
    SIGTERM with 143. This module imports nothing that takes time, so that both also work while torch is loading.

    Args:
        arguments: by default those of the process, which then ends with this function.
    """
    _process.open_standard_streams()
    with _process.handled_signals(restore=arguments is not None):
        from lecture21.cli.app import app

        _process.let_signals_unwind()
        return _run(app, arguments)


def _run(app: Callable[..., int | None], arguments: list[str] | None) -> int:
    """Run a command; whatever ends it becomes an exit code and, if it failed, one line."""
    try:
        code = app(arguments, standalone_mode=False, prog_name="lecture21") or 0
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # from a signal, or from typer where nobody reads the output any more
        if stop.code > 128:
            print_error("stopped")
        return stop.code
    except BrokenPipeError:  # `| head`: nobody reads the output any more
        _process.discard_output()
        return 1
    except (ValueError, OSError) as error:
        print_error(str(error), everywhere=isinstance(error, OSError))
        _process.discard_output()
    except (MemoryError, OverflowError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error).lower():  # torch has no type for it on a CPU
            raise
        size = str(error) or "not enough memory"
        advice = "try a smaller batch_size, block_size or model"
        print_error(f"too large for this machine: {size}; {advice}", everywhere=True)
    except Exception as error:
        if not hasattr(
            error, "format_message"
        ):  # of click, or of the click inside typer: the command was typed wrongly
            raise
        # Newer versions of typer omit what was typed; pydantic, which refused it, still has it.
        refused = getattr(error.__cause__, "errors", list)()
        print_error(error.format_message() + "".join(f", got {value['input']!r}" for value in refused))
    return 2
