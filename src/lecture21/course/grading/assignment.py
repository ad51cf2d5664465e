"""What an assignment consists of, and how many points its exercises are worth."""

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lecture21._support.validation import in_range, printable, require
from lecture21.course.exercises.exercise import Exercise
from lecture21.course.grading.graders import Grade
from lecture21.course.grading.notebooks import Notebook

_NAME = re.compile(r"(?:.*_)?(\d\d)_")  # also where Canvas has put the student's name in front
_CHECK = re.compile(r"""\bcheck\(\s*["'](\d+)\.\d+["']""")
_KEYS = ("chapter", "exercises", "title", "weights", "partial", "flagged", "late_per_day")


@dataclass(frozen=True)
class Assignment:
    """The exercises that count, and how. Without numbers, each notebook's own chapter counts."""

    numbers: tuple[str, ...] = ()
    title: str = ""
    """Name of the column in Canvas's gradebook."""
    weights: dict[str, int | float] = field(default_factory=dict)
    """Points of an exercise by its number; the others have those of the book."""
    partial: int | float | dict[str, int | float] = 0.0
    """Most of its points that an answer gets which is right in some cases only, or that by the exercise's number."""
    flagged: int | float = 1.0
    """Share of its points that a correct answer with a flag gets."""
    late_per_day: int | float = 0.0
    """Share of the points of a late file that each day after the deadline costs."""

    def __post_init__(self) -> None:
        if not isinstance(self.title, str):
            raise ValueError(f"title must be a text, got {printable(repr(self.title))}")
        shares = {name: getattr(self, name) for name in ("partial", "flagged", "late_per_day")}
        if isinstance(self.partial, dict):
            shares |= {f"partial of {number}": share for number, share in shares.pop("partial").items()}
        for name, share in shares.items():
            require(name, share, in_range(0, 1, "[]"))
        for number, weight in self.weights.items():
            require(f"the weight of {number}", weight, in_range(0))

    def exercises_of(self, notebook: Notebook, exercises: Sequence[Exercise]) -> list[str]:
        """Return the numbers of the exercises that count in a notebook, in their order."""
        if self.numbers:
            return [each.number for each in exercises if each.number in self.numbers]
        if match := _NAME.match(notebook.path.name):
            wanted = {match[1]}
        else:
            wanted = {number.zfill(2) for cell in notebook.cells for number in _CHECK.findall(cell.source)}
        numbers = [each.number for each in exercises if each.chapter in wanted]
        if len(wanted) != 1 or not numbers:
            found = f"it has checks of chapters {', '.join(sorted(wanted))}" if wanted else "it has no check(...)"
            raise ValueError(
                f"{notebook.path}: which exercises count? {found}; name them: --chapter 4, --exercises 4.1"
            )
        return numbers

    @property
    def column(self) -> str:
        """The title, or the exercises that count."""
        return self.title or f"lecture21 {', '.join(self.numbers) or 'exercises'}"

    def as_toml(self) -> str:
        """Return the file from which `assignment` reads the same."""
        values = {"exercises": list(self.numbers), "title": self.title, "partial": self.partial}
        values |= {"flagged": self.flagged, "late_per_day": self.late_per_day, "weights": self.weights}
        tables = {name: value for name, value in values.items() if isinstance(value, dict)}
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items() if name not in tables]
        for name, table in tables.items():
            lines += [f"[{name}]", *(f"{json.dumps(number)} = {value}" for number, value in table.items())]
        return "\n".join([*lines, ""])

    def apply(self, grade: Grade) -> Grade:
        """Return a grade with the points of this assignment."""
        most = self.weights.get(grade.number, grade.most)
        if grade.most and grade.points == grade.most:
            share = self.flagged if grade.flags else 1.0
        else:
            partial = self.partial.get(grade.number, 0.0) if isinstance(self.partial, dict) else self.partial
            share = partial * grade.right
        return replace(grade, points=_short(most * share), most=_short(most))


def _short(value: int | float) -> int | float:
    """Return a number of points with at most two decimals, and as an integer where it is one."""
    return int(value) if value == int(value) else round(value, 2)


def assignment(
    exercises: Sequence[Exercise], *, chapter: str = "", numbers: str = "", config: Path | None = None
) -> Assignment:
    """Return the assignment that the options of the command name.

    Args:
        exercises: all that there are.
        chapter: one or more, such as "4" or "4,5".
        numbers: of exercises, such as "4.1,4.3".
        config: a TOML file with the same and more.
    """
    content = _read(config) if config is not None else {}
    if chapter or numbers:  # the command line counts more than the file
        content = {key: value for key, value in content.items() if key not in ("chapter", "exercises")}
    chapters = [part.strip() for part in chapter.split(",")] if chapter else _as_list(content.pop("chapter", []))
    names = [part.strip() for part in numbers.split(",")] if numbers else _as_list(content.pop("exercises", []))
    where = "--chapter" if chapter else "--exercises" if numbers else f"{config}"
    chosen: list[str] = []
    for each in chapters:
        of_chapter = [exercise.number for exercise in exercises if exercise.chapter == each.zfill(2)]
        if not of_chapter:
            known = ", ".join(dict.fromkeys(exercise.chapter for exercise in exercises))
            raise ValueError(f"{where}: there is no chapter {printable(each)!r} with exercises; there are {known}")
        chosen += of_chapter
    known = [exercise.number for exercise in exercises]
    weights = content.get("weights", {})
    if not isinstance(weights, dict):
        raise ValueError(f"{config}: weights must be a table, got {printable(repr(weights))}")
    partial = content.get("partial", 0.0)
    for each in [*names, *weights, *(partial if isinstance(partial, dict) else ())]:
        if each not in known:
            raise ValueError(f"{where}: there is no exercise {printable(each)!r}; there are {', '.join(known)}")
    try:
        return Assignment(tuple(dict.fromkeys([*chosen, *names])), **content)
    except ValueError as error:
        raise ValueError(f"{config}: {error}") from None


def _as_list(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not TOML: {printable(str(error))}") from None
    if unknown := sorted(content.keys() - set(_KEYS)):
        raise ValueError(f"{path} has unknown keys {printable(', '.join(unknown))}; known are {', '.join(_KEYS)}")
    return content
