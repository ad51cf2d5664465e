"""`lecture21 grade`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lecture21._support.validation import in_range, require
from lecture21.cli._messages import escape_controls, print_error

if TYPE_CHECKING:
    from lecture21.course.grading.classroom import Submission


def grade_command(
    notebooks: Annotated[
        list[Path] | None, typer.Argument(help="Notebooks of students.", metavar="NOTEBOOK...", show_default=False)
    ] = None,
    chapter: Annotated[str, typer.Option(help="Chapters that count, such as 4 or 4,5.")] = "",
    exercises: Annotated[str, typer.Option(help="Exercises that count, such as 4.1,4.3.")] = "",
    config: Annotated[Path | None, typer.Option(help="TOML file with exercises, weights, partial credit.")] = None,
    private: Annotated[
        Path | None, typer.Option(help="Python file with exercises of your own, which no installed package shows.")
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="File for a table with one row for each exercise.")
    ] = None,
    students: Annotated[Path | None, typer.Option(help="File for a table with one row for each student.")] = None,
    student_id: Annotated[
        str, typer.Option(help="Where a student's name is: folder, name (of the file), metadata, or auto.")
    ] = "auto",
    deadline: Annotated[
        str,
        typer.Option(
            help="Date after which a file is late by its time of change, such as 2026-12-01T18:00+01:00; without "
            "+01:00, in the time zone of this machine."
        ),
    ] = "",
    canvas: Annotated[Path | None, typer.Option(help="File that Canvas's gradebook imports.")] = None,
    gradebook: Annotated[Path | None, typer.Option(help="File that Canvas has exported, with the students.")] = None,
    similar: Annotated[
        Path | None, typer.Option(help="File for a table of answers that are suspiciously alike.")
    ] = None,
    gradescope: Annotated[
        Path | None, typer.Option(help="File for the results of one notebook, as Gradescope reads them.")
    ] = None,
    autograder: Annotated[
        Path | None, typer.Option(help="Zip file to write for Gradescope, with all that it needs; grades nothing.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks that are graded at the same time.")] = 1,
    seconds: Annotated[float, typer.Option(help="Processor time for each exercise.")] = 10.0,
    memory: Annotated[
        int, typer.Option(min=1, max=1 << 20, help="Memory limit in MB, beside what torch needs.")
    ] = 2048,
) -> None:
    """Grade the exercises in notebooks.

    The last definition of a name counts, in whichever cell it is. Each answer runs in a process of its own, with the
    statements of the notebook that it needs. It cannot write files, start programs or use the network, as far as the
    system allows. The answers are judged in this process, and reports are written after each notebook.
    """
    from lecture21.course.grading import reports, similarity
    from lecture21.course.grading import students as class_list
    from lecture21.course.grading.assignment import assignment
    from lecture21.course.grading.autograder import autograder as autograder_zip
    from lecture21.course.grading.classroom import grade_all, summary
    from lecture21.course.grading.exercises import every_exercise, private_numbers
    from lecture21.course.grading.graders import Grader
    from lecture21.course.grading.sandbox import missing_protection, require_packages

    tables = (
        ("--csv", csv_file, reports.EXERCISE_COLUMNS),
        ("--students", students, class_list.COLUMNS),
        ("--canvas", canvas, class_list.CANVAS_COLUMNS),
        ("--similar", similar, similarity.COLUMNS),
    )
    for option, table, columns in tables:
        if table is not None:
            reports.refuse_another_table(option, table, columns)
    paths = notebooks or []
    if not hasattr(os, "fork"):
        raise ValueError("lecture21 grade needs Linux or macOS; on Windows, run it in WSL or in a container")
    if not paths and autograder is None:
        raise ValueError("nothing to grade: name notebooks, such as submissions/*.ipynb")
    if gradescope is not None and len(paths) != 1:
        raise ValueError(f"--gradescope needs exactly one notebook, got {len(paths)}")
    if gradebook is not None and canvas is None:
        raise ValueError(f"--gradebook {gradebook} needs --canvas, the file to write")
    if gradebook is not None and gradebook.resolve() == canvas.resolve():
        raise ValueError(f"--canvas would replace {gradebook}, which --gradebook reads; name another file")
    require("--seconds", seconds, in_range(0, 3600, "(]"))
    if paths:
        require_packages()
    hidden = private_numbers(private) if private is not None else []
    known = every_exercise(private)
    what = assignment(known, chapter=chapter, numbers=exercises, config=config)
    if autograder is not None:
        data = autograder_zip(what, private=private, seconds=seconds, memory=memory)
        reports.write_output(autograder, data)
        typer.echo(f"Wrote {autograder}")
    due = class_list.deadline_of(deadline) if deadline else None
    if due is not None and paths:
        typer.echo(f"Late after {due.isoformat(' ', 'seconds')} ({due.tzname()})")
    class_list.check_way(student_id)
    if gradebook is not None:
        class_list.canvas_table([], what.column, gradebook)  # a wrong file is refused before the work begins

    def write_reports(graded: "list[Submission]", is_last: bool) -> None:
        def write(path: Path | None, text: str) -> None:
            if path is not None and (is_last or reports.is_rewritable(path)):
                reports.write_output(path, text.encode("utf-8", errors="backslashreplace"))

        totals = class_list.totals(graded, what, way=student_id, deadline=due)
        write(csv_file, reports.exercise_table(graded))
        write(students, class_list.student_table(totals))
        write(gradescope, reports.gradescope(graded[0], hidden=hidden))
        if canvas is not None:
            text, missing = class_list.canvas_table(totals, what.column, gradebook)
            write(canvas, text)
            if is_last and missing:
                print_error(f"{gradebook} has no student {', '.join(missing)}")
        if similar is not None and is_last:
            pairs = similarity.similar(class_list.names(graded, student_id), graded, known)
            write(similar, similarity.similarity_table(pairs))

    if paths and (warning := missing_protection()):
        print_error(f"warning: {warning}")
    graded: dict[int, Submission] = {}
    for index, submission in grade_all(
        paths, what, lambda: Grader(private, seconds=seconds, memory=memory << 20), jobs
    ):
        graded[index] = submission
        _print_table(submission)
        write_reports([graded[each] for each in sorted(graded)], len(graded) == len(paths))
    if len(graded) > 1:
        typer.echo(summary(list(graded.values())))
    if any(each.problem for each in graded.values()):
        raise typer.Exit(2)


def _print_table(submission: "Submission") -> None:
    if submission.problem:
        print_error(submission.problem)
        return
    typer.echo(escape_controls(f"{submission.path}: {submission.points:g} of {submission.most:g} points"))
    for each in submission.grades:
        typer.echo(f"  {each.number:5} {each.points:g} of {each.most:g}  {each.title}: {each.text}")
