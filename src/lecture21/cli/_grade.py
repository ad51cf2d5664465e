"""`lecture21 grade`."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lecture21._support.files import write_atomic
from lecture21.cli._messages import print_error

if TYPE_CHECKING:
    from lecture21.exercises.grading import Grade


def grade_command(
    notebooks: Annotated[list[Path], typer.Argument(help="Notebooks of students.", metavar="NOTEBOOK...")],
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="File for a table with one row for each exercise.")
    ] = None,
    gradescope: Annotated[
        Path | None, typer.Option(help="File for the results of one notebook, as Gradescope reads them.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time limit for each exercise.")] = 10.0,
    memory: Annotated[int, typer.Option(help="Memory limit in MB, beside what torch needs.")] = 2048,
) -> None:
    """Grade the exercises in notebooks.

    Each notebook is run in fresh processes, with only the cells of exercises and the imports. They cannot write files,
    start programs or use the network, as far as the system allows. The answers are judged in this process.
    """
    from lecture21.exercises.grading import grade

    if gradescope is not None and len(notebooks) != 1:
        raise ValueError(f"--gradescope needs exactly one notebook, got {len(notebooks)}")
    if not seconds > 0 or memory < 1:
        raise ValueError(f"--seconds and --memory must be positive, got {seconds} and {memory}")
    graded: dict[Path, list[Grade]] = {}
    refused = []
    for path in notebooks:
        try:
            graded[path] = grade(path, seconds=seconds, memory=memory << 20)
        except (ValueError, OSError) as error:
            if len(notebooks) == 1:
                raise
            refused.append(str(error))
            continue
        _print_table(path, graded[path])
    for message in refused:
        print_error(message)
    if csv_file is not None:
        _write_csv(csv_file, graded)
    if gradescope is not None:
        write_atomic(gradescope, json.dumps(_gradescope(graded[notebooks[0]]), indent=2).encode())
    if refused:
        raise typer.Exit(2)


def _print_table(path: Path, grades: "list[Grade]") -> None:
    points, most = sum(each.points for each in grades), sum(each.most for each in grades)
    typer.echo(f"{path}: {points} of {most} points")
    for each in grades:
        typer.echo(f"  {each.number:5} {each.points} of {each.most}  {each.title}: {each.text}")


def _write_csv(path: Path, graded: "dict[Path, list[Grade]]") -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["notebook", "exercise", "points", "of", "result"])
    for notebook, grades in graded.items():
        writer.writerows([str(notebook), each.number, each.points, each.most, each.text] for each in grades)
    write_atomic(path, table.getvalue().encode())


def _gradescope(grades: "list[Grade]") -> dict[str, Any]:
    """Return results.json: https://gradescope-autograders.readthedocs.io/en/latest/specs/"""
    tests = [
        {
            "number": each.number,
            "name": each.title,
            "score": each.points,
            "max_score": each.most,
            "status": "passed" if each.points == each.most else "failed",
            "output": each.text,
        }
        for each in grades
    ]
    return {"score": sum(each.points for each in grades), "tests": tests}
