"""The commands of `lecture21` as one application."""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from lecture21.cli._count import count_command
from lecture21.cli._evaluate import evaluate_command
from lecture21.cli._grade import grade_command
from lecture21.cli._messages import print_error
from lecture21.cli._sample import sample
from lecture21.cli._train import train_command

_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Train a GPT on Shakespeare, sample from it, evaluate it, count what a GPT costs, and grade exercises.",
)
_app.command("train")(train_command)
_app.command("sample")(sample)
_app.command("eval")(evaluate_command)
_app.command("count")(count_command)
_app.command("grade")(grade_command)

# Newer versions of typer contain their own click, so its base class of usage errors is found through typer itself.
_UsageError = typer.BadParameter.__mro__[1]


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"lecture21 {version('lecture21')}")
        raise typer.Exit
    return wanted


@_app.callback()
def _common_options(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _run(arguments: list[str] | None) -> int:
    """Run a command and return its exit code; errors in the input become one line."""
    try:
        code = _app(arguments, standalone_mode=False, prog_name="lecture21") or 0
        sys.stdout.flush()
        return code
    except (KeyboardInterrupt, typer.Abort):
        print_error("stopped")
        return 130
    except BrokenPipeError:  # `| head`: nobody reads the output any more
        _discard_output()
        return 1
    except _UsageError as error:
        # Newer versions of typer omit what was typed; pydantic, which refused it, still has it.
        refused = getattr(error.__cause__, "errors", list)()
        print_error(error.format_message() + "".join(f", got {value['input']!r}" for value in refused))
    except (ValueError, OSError) as error:
        print_error(str(error), everywhere=isinstance(error, OSError))
        _discard_output()
    except (RuntimeError, MemoryError, OverflowError) as error:
        if not isinstance(error, MemoryError | OverflowError) and "memory" not in str(error).lower():
            raise
        reason = str(error) or "not enough memory"
        advice = "try a smaller batch_size, block_size or model"
        print_error(f"too large for this machine: {reason}; {advice}", everywhere=True)
    return 2


def _discard_output() -> None:
    """Keep Python from writing the rest of the output, which cannot be written, when the process ends."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
