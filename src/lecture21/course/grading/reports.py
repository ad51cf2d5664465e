"""Write what grading found: tables that a spreadsheet can open safely, and Gradescope's results.json."""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lecture21._support.files import write_atomic
from lecture21._support.validation import printable
from lecture21.course.grading.classroom import Submission

EXERCISE_COLUMNS = ("notebook", "exercise", "points", "of", "result", "look at")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|")  # with these, a spreadsheet takes a cell for a command


def write_output(path: Path, data: bytes) -> None:
    """Write a report: a regular file is replaced at once, anything else (a pipe, a device) is written to.

    A symbolic link stays, and the file that it leads to is written.
    """
    if is_rewritable(path):
        write_atomic(Path(os.path.realpath(path)), data)
    else:
        with path.open("ab") as stream:  # behind what is there: /dev/stdout may be a file
            stream.write(data)


def is_rewritable(path: Path) -> bool:
    """Return whether a report can be written again and again, as its table grows."""
    is_file = path.is_file() or not path.exists()
    return is_file and not path.is_relative_to("/dev") and not path.is_relative_to("/proc")


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a CSV file in which every cell is what it seems: one line, and no formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_safe(value) for value in row] for row in rows)
    return text.getvalue()


def _safe(value: Any) -> Any:
    if not isinstance(value, str):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    value = printable(value, limit=2000)
    return f"'{value}" if value.startswith(_FORMULA) else value


def refuse_another_table(option: str, path: Path, header: Sequence[str]) -> None:
    """Raise ValueError if a file is there that is not a report of this kind, such as the list of a class."""
    if path.is_file() and is_rewritable(path) and path.stat().st_size:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            first = next(csv.reader([stream.readline(10_000)]), [])
        if first[: len(header)] != list(header):
            raise ValueError(f"{option} {path} would replace a file that is not a table of lecture21; name a new file")


def exercise_table(submissions: Iterable[Submission]) -> str:
    """Return a CSV file with one row for each exercise, and one for each file that is no notebook."""
    rows: list[list[Any]] = []
    for each in submissions:
        name = str(each.path)
        why = f"not graded: {each.problem}" if each.problem else ""
        rows += [[name, one.number, one.points, one.most, why or one.text, "; ".join(one.flags)] for one in each.grades]
        rows += [[name, "", 0, "", why, ""]] if why and not each.grades else []
    return table(EXERCISE_COLUMNS, rows)


def gradescope(submission: Submission, *, hidden: Sequence[str] = ()) -> str:
    """Return results.json: https://gradescope-autograders.readthedocs.io/en/latest/specs/

    Students read it: of the instructor's private exercises they learn whether their answer is correct, and no more.
    """
    if submission.problem:
        return json.dumps({"score": 0, "output": submission.problem}, indent=2)
    tests = [
        {
            "number": each.number,
            "name": each.title,
            "score": each.points,
            "max_score": each.most,
            "status": "passed" if each.points == each.most else "failed",
            "output": ("correct" if each.right == 1 else "not correct") if each.number in hidden else each.text,
        }
        for each in submission.grades
    ]
    return json.dumps({"score": submission.points, "tests": tests}, indent=2)
