"""The `lecture21` command: train a model, let it write, score it beside its baselines, count what it costs.

A mistake in the input gives one line on standard error and exit code 2; Ctrl-C gives 130.
"""

import io
import os
import sys

import typer

from lecture21.cli.count import count_command
from lecture21.cli.evaluate import evaluate_command
from lecture21.cli.options import complain
from lecture21.cli.sample import sample
from lecture21.cli.train import train_command

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Train a GPT on Shakespeare, let it write, score it beside n-grams, and count what a GPT costs.",
)
app.command("train")(train_command)
app.command("sample")(sample)
app.command("eval")(evaluate_command)
app.command("count")(count_command)

# Newer typers carry a click of their own, so that its base class of usage errors is reached through typer itself.
UsageError = typer.BadParameter.__mro__[1]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that cannot show a symbol shows a question mark, instead of ending the text.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return app(arguments, standalone_mode=False, prog_name="lecture21") or 0
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); Python must not try to flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UsageError as error:
        # Newer typers leave out what was typed; pydantic, which refused it, still knows.
        refused = getattr(error.__cause__, "errors", list)()
        complain(error.format_message() + "".join(f", got {value['input']!r}" for value in refused))
    except (ValueError, OSError) as error:
        complain(str(error))
    except (RuntimeError, MemoryError, OverflowError) as error:
        if not isinstance(error, MemoryError | OverflowError) and "memory" not in str(error).lower():
            raise
        complain(f"too large for this machine: {error}; try a smaller batch_size, block_size or model")
    return 2
