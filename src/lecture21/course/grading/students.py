"""One row for each student: whose a notebook is, how late it is, the total; also as Canvas's gradebook wants it."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lecture21._support.validation import one_of, printable, require
from lecture21.course.chapters import FOLDERS
from lecture21.course.grading.assignment import Assignment
from lecture21.course.grading.classroom import Submission
from lecture21.course.grading.graders import Grade
from lecture21.course.grading.reports import table

# What Canvas makes of a file name: adalovelace_LATE_12345_67890_04_causal_mask.ipynb has the user's id 12345.
_CANVAS_NAME = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_\d+_.+")
CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
COLUMNS = ("student", "points", "of", "days late")
_WAYS = ("auto", "folder", "name", "metadata")


@dataclass(frozen=True)
class Student:
    """The total of one student."""

    name: str
    grades: dict[str, Grade]
    """The best grade for each exercise, where several notebooks have it; each pays for its own late days."""
    days_late: int
    """Of the latest notebook that has one of these grades, and points for it."""
    points: int | float
    """With the deduction for late days."""
    most: int | float
    notebooks: tuple[str, ...]
    problems: tuple[str, ...]


def names(submissions: Sequence[Submission], way: str = "auto") -> list[str]:
    """Return who wrote each notebook.

    Args:
        submissions: the notebooks.
        way: "folder" for the name of the folder that holds it; "name" for its file name, without the chapter's and with
            what Canvas puts in front; "metadata" for "student" in the notebook's own metadata, which the student can
            write. "auto" takes the folders if they differ, and the file names otherwise.
    """
    folders = [each.path.absolute().parent.name for each in submissions]
    if way == "auto":
        by_canvas = all(_CANVAS_NAME.fullmatch(each.path.name) for each in submissions)
        way = "folder" if len(set(folders)) > 1 and not by_canvas else "name"
    if way == "folder":
        return folders
    if way == "name":
        return [_from_file_name(each.path) for each in submissions]
    return [(each.notebook.student if each.notebook is not None else "") or each.path.stem for each in submissions]


def check_way(way: str) -> None:
    """Raise ValueError unless this is a way to find a student's name."""
    require("--student-id", way, one_of(_WAYS))


def _from_file_name(path: Path) -> str:
    if match := _CANVAS_NAME.fullmatch(path.name):
        return match["id"]
    stem = path.stem
    for chapter in FOLDERS.values():  # 04_causal_mask-ada, but not 04_causal_mask (1)
        rest = stem.removeprefix(chapter.name.removeprefix("c")).strip(" _-.")
        if rest and rest != stem and not re.fullmatch(r"\(?\d+\)?", rest):
            return rest
    return stem


def deadline_of(text: str) -> datetime:
    """Return a deadline, in the local time zone if it names none.

    Raises:
        ValueError: if it is not a date of ISO 8601; a day without a time ends at midnight.
    """
    try:
        value = datetime.fromisoformat(text if len(text) > 10 else f"{text}T23:59:59")
    except ValueError:
        example = "2026-12-01T18:00 or 2026-12-01"
        raise ValueError(f"--deadline must be a date such as {example}, got {printable(repr(text))}") from None
    return value.astimezone()


def days_late(path: Path, deadline: datetime | None) -> int:
    """Return how many days after the deadline a file was last changed, each begun day counted.

    Canvas writes _LATE_ into the names of late files, and the time of a download is not that of the submission: such a
    file is a day late at least.
    """
    match = _CANVAS_NAME.fullmatch(path.name)
    least = int(match is not None and match["late"] is not None)
    if deadline is None or not path.exists():
        return least
    return max(least, math.ceil((path.stat().st_mtime - deadline.timestamp()) / 86_400))


def totals(
    submissions: Sequence[Submission], assignment: Assignment, *, way: str = "auto", deadline: datetime | None = None
) -> list[Student]:
    """Return the students in the order of their names."""
    by_name: dict[str, list[Submission]] = {}
    for name, submission in zip(names(submissions, way), submissions, strict=True):
        by_name.setdefault(name, []).append(submission)
    return [_total(name, by_name[name], assignment, deadline) for name in sorted(by_name)]


def _total(name: str, submissions: list[Submission], assignment: Assignment, deadline: datetime | None) -> Student:
    best: dict[str, tuple[int | float, int, Grade]] = {}  # points with the deduction, days late
    for each in submissions:
        late = days_late(each.path, deadline)
        kept = max(0.0, 1 - assignment.late_per_day * late)
        for grade in each.grades:
            best.setdefault(grade.number, (0.0, late, grade))
            points, days, _ = best[grade.number]
            if (kept * grade.points, -late) >= (points, -days):
                best[grade.number] = kept * grade.points, late, grade
    return Student(
        name,
        {number: grade for number, (_, _, grade) in best.items()},
        max([late for _, late, grade in best.values() if grade.points], default=0),
        round(sum(points for points, _, _ in best.values()), 2),
        round(sum(grade.most for _, _, grade in best.values()), 2),
        tuple(each.path.name for each in submissions),
        tuple(each.problem for each in submissions if each.problem),
    )


def student_table(students: Sequence[Student]) -> str:
    """Return a CSV file with one row for each student."""
    numbers = list(dict.fromkeys(number for each in students for number in each.grades))
    rows = []
    for each in students:
        look_at = [f"{number}: {flag}" for number, grade in each.grades.items() for flag in grade.flags]
        points = [each.grades[number].points if number in each.grades else "" for number in numbers]
        row = [each.name, each.points, each.most, each.days_late, *points]
        rows.append([*row, "; ".join(look_at), "; ".join(each.notebooks), "; ".join(each.problems)])
    return table([*COLUMNS, *numbers, "look at", "notebooks", "not graded"], rows)


def canvas_table(students: Sequence[Student], title: str, gradebook: Path | None = None) -> tuple[str, list[str]]:
    """Return the CSV file that Canvas imports, and the names of the students that its gradebook does not have.

    Args:
        students: the totals.
        title: name of the column; that of an existing assignment, such as "Chapter 4 (12345)", fills it.
        gradebook: what Canvas has exported. Without it, names become login ids, and numbers Canvas's own ids.
    """
    if gradebook is None:
        rows = []
        for each in students:
            is_id = each.name.isdecimal()
            rows.append(["", each.name if is_id else "", "", "" if is_id else each.name, "", each.points])
        return table([*CANVAS_COLUMNS, title], rows), []
    people = _read_gradebook(gradebook)
    points = {_normal(each.name): each.points for each in students}
    rows, seen = [], set()
    for person in people:
        keys = [key for key in _keys(person) if key in points]
        seen |= set(keys[:1])
        rows.append([*(person[column] for column in CANVAS_COLUMNS), points[keys[0]] if keys else ""])
    return table([*CANVAS_COLUMNS, title], rows), [each.name for each in students if _normal(each.name) not in seen]


def _normal(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _keys(person: dict[str, Any]) -> list[str]:
    """Return how a student of the gradebook may be called: by three ids, and by name, the last one first or not."""
    first = " ".join(reversed(person["Student"].split(",")))
    names = [person["ID"], person["SIS User ID"], person["SIS Login ID"], person["Student"], first]
    return [key for key in map(_normal, names) if key]


def _read_gradebook(path: Path) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
    if missing := [column for column in CANVAS_COLUMNS if column not in (reader.fieldnames or ())]:
        raise ValueError(f"{path} is not a gradebook exported from Canvas: it has no column {', '.join(missing)}")
    # The rows above the students, such as "    Points Possible", have no id.
    return [row for row in reader if (row["ID"] or "").strip()]
