"""The exercises that are graded: the book's, and the instructor's own."""

import functools
import importlib.util
import sys
from pathlib import Path

from lecture21.course.exercises.exercise import Exercise
from lecture21.course.exercises.registry import chapters, exercises_of

_MODULE = "private_exercises"


def every_exercise(private: str | Path | None = None) -> list[Exercise]:
    """Return all exercises of the book, with those of a private file; of the same number, the private one.

    Args:
        private: a Python file that defines exercises, such as `Exercise(number="4.9", ...)`, or
            `dataclasses.replace(find("4.1"), cases=other_cases)`.
    """
    exercises = {each.number: each for chapter in chapters() for each in exercises_of(chapter)}
    if private is not None:
        exercises |= _of_file(Path(private))
    return sorted(exercises.values(), key=_order)


def private_numbers(private: Path) -> list[str]:
    """Return the numbers of the exercises in a private file."""
    return list(_of_file(private))


def _order(exercise: Exercise) -> list[tuple[bool, int, str]]:
    """Sort by numbers, and parts of a number that are words after them."""
    parts = exercise.number.split(".")
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


@functools.cache
def _of_file(path: Path) -> dict[str, Exercise]:
    specification = importlib.util.spec_from_file_location(_MODULE, path)
    if specification is None or specification.loader is None:
        raise ValueError(f"the private exercises are a Python file, NAME.py, got {path}")
    module = importlib.util.module_from_spec(specification)
    sys.modules[_MODULE] = module  # arguments of a case may be functions of this module
    try:
        specification.loader.exec_module(module)
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    exercises = {each.number: each for each in vars(module).values() if isinstance(each, Exercise)}
    if not exercises:
        raise ValueError(f"{path} defines no exercise; it needs a line such as mine = Exercise(number='4.9', ...)")
    return exercises
