"""`lecture21 grade`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecture21.cli._messages import escape_controls, print_error

if TYPE_CHECKING:
    from lecture21.grading.classroom import Submission


def grade_command(
    notebooks: Annotated[list[Path], typer.Argument(help="Notebooks of students.", metavar="NOTEBOOK...")],
    chapter: Annotated[str, typer.Option(help="Chapters that count, such as 4 or 4,5.")] = "",
    exercises: Annotated[str, typer.Option(help="Exercises that count, such as 4.1,4.3.")] = "",
    private: Annotated[
        Path | None, typer.Option(help="Python file with exercises and cases of your own, for this machine only.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with weights, partial credit and more.")] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="File for a table with one row for each exercise.")
    ] = None,
    gradescope: Annotated[
        Path | None, typer.Option(help="File for the results of one notebook, as Gradescope reads them.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Notebooks that are graded at the same time.")] = 1,
    seconds: Annotated[float, typer.Option(help="Time limit for each exercise.")] = 10.0,
    memory: Annotated[int, typer.Option(help="Memory limit in MB, beside what torch needs.")] = 2048,
) -> None:
    """Grade the exercises in notebooks.

    Each answer runs in a process of its own, with the statements of the notebook that it needs. It cannot write files,
    start programs or use the network, as far as the system allows. The answers are judged in this process.
    """
    from lecture21.grading.assignment import assignment
    from lecture21.grading.classroom import grade_all
    from lecture21.grading.exercises import every_exercise, private_numbers
    from lecture21.grading.graders import Grader

    if gradescope is not None and len(notebooks) != 1:
        raise ValueError(f"--gradescope needs exactly one notebook, got {len(notebooks)}")
    if not 0 < seconds <= 3600:
        raise ValueError(f"--seconds must be from 0 to 3600, got {seconds:g}")
    for name, value in (("--memory", memory), ("--jobs", jobs)):
        if not 1 <= value <= 1 << 20:
            raise ValueError(f"{name} must be a whole number from 1 to {1 << 20}, got {value}")
    hidden = private_numbers(private) if private is not None else []
    what = assignment(every_exercise(private), chapter=chapter, numbers=exercises, config=config)
    graded: dict[int, Submission] = {}
    for index, submission in grade_all(
        notebooks, what, lambda: Grader(private, seconds=seconds, memory=memory << 20), jobs
    ):
        graded[index] = submission
        _print_table(submission)
        _write_reports([graded[each] for each in sorted(graded)], len(notebooks), csv_file, gradescope, hidden)
    if any(each.problem for each in graded.values()):
        raise typer.Exit(2)


def _print_table(submission: "Submission") -> None:
    if submission.problem:
        print_error(submission.problem)
        return
    typer.echo(escape_controls(f"{submission.path}: {submission.points:g} of {submission.most:g} points"))
    for each in submission.grades:
        typer.echo(f"  {each.number:5} {each.points:g} of {each.most:g}  {each.title}: {each.text}")


def _write_reports(
    graded: "list[Submission]", expected: int, csv_file: Path | None, gradescope: Path | None, hidden: list[str]
) -> None:
    """Write what is known so far, so that Ctrl-C loses nothing; a pipe is written to once, at the end."""
    from lecture21.grading import reports

    if csv_file is not None and (len(graded) == expected or reports.is_rewritable(csv_file)):
        reports.write_output(csv_file, reports.exercise_table(graded))
    if gradescope is not None and not graded[0].problem:
        reports.write_output(gradescope, reports.gradescope(graded[0].grades, hidden=hidden))
