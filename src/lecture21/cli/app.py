"""The commands of `lecture21` as one application."""

from importlib.metadata import version
from typing import Annotated

import typer

from lecture21.cli._count import count_command
from lecture21.cli._evaluate import evaluate_command
from lecture21.cli._exam import exam_command
from lecture21.cli._grade import grade_command
from lecture21.cli._sample import sample
from lecture21.cli._speedrun import speedrun_command
from lecture21.cli._study import study_command
from lecture21.cli._train import train_command

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.command("train")(train_command)
app.command("sample")(sample)
app.command("eval")(evaluate_command)
app.command("count")(count_command)
app.command("speedrun")(speedrun_command)
app.command("grade")(grade_command)
app.command("study")(study_command)
app.command("exam")(exam_command)


def _print_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"lecture21 {version('lecture21')}")
        raise typer.Exit
    return wanted


@app.callback()
def _common_options(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Train a GPT on Shakespeare, sample from it, evaluate it, count what a GPT costs, race on two cores; study the
    book, and teach it."""
