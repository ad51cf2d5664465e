"""Find exercises by their numbers; they are in the modules `exercises` and `exercises_PART` of a chapter's folder."""

import functools
import importlib
from pathlib import Path
from types import ModuleType

from lecture21.course.exercises.exercise import Exercise

CHAPTERS = Path(__file__).parents[1] / "chapters"
"""Folder with a folder for each chapter."""


def chapters() -> list[str]:
    """Return the chapters that have exercises, such as "04"."""
    return sorted({path.parent.name[1:3] for path in CHAPTERS.glob("c[0-9][0-9]_*/exercises.py")})


@functools.cache
def exercises_of(chapter: str) -> tuple[Exercise, ...]:
    """Return the exercises of one chapter in the order of their numbers."""
    exercises = [each for module in _modules(chapter) for each in vars(module).values() if isinstance(each, Exercise)]
    return tuple(sorted(exercises, key=lambda exercise: [int(part) for part in exercise.number.split(".")]))


def _modules(chapter: str) -> list[ModuleType]:
    """Import the modules of one chapter's exercises, by name, since they depend on this package."""
    paths = sorted(CHAPTERS.glob(f"c{chapter}_*/exercises*.py"))
    return [importlib.import_module(f"lecture21.course.chapters.{path.parent.name}.{path.stem}") for path in paths]


def find(number: str) -> Exercise:
    """Return the exercise with this number.

    Raises:
        ValueError: if there is none, naming those that there are.
    """
    number = str(number)
    chapter = number.partition(".")[0].zfill(2)
    if chapter not in chapters():
        raise ValueError(f"there is no such exercise; chapters with exercises are {', '.join(chapters())}")
    exercises = {exercise.number: exercise for exercise in exercises_of(chapter)}
    if number not in exercises:
        raise ValueError(f"there is no such exercise; chapter {chapter} has {', '.join(exercises)}")
    return exercises[number]
