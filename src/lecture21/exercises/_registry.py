"""Find exercises by their numbers."""

import functools
import importlib
import pkgutil

import lecture21.exercises
from lecture21.exercises._exercise import Exercise


def chapters() -> list[str]:
    """Return the chapters that have exercises, such as "04"."""
    return sorted({name.split("_")[1] for name in _modules()})


def _modules() -> list[str]:
    """Return the modules of exercises: chapter_NN, and chapter_NN_PART where one file is not enough."""
    names = [module.name for module in pkgutil.iter_modules(lecture21.exercises.__path__)]
    return [name for name in names if name.startswith("chapter_")]


@functools.cache
def exercises_of(chapter: str) -> tuple[Exercise, ...]:
    """Return the exercises of one chapter in the order of their numbers."""
    names = [name for name in _modules() if name.split("_")[1] == chapter]
    modules = [importlib.import_module(f"lecture21.exercises.{name}") for name in names]
    found = [each for module in modules for each in vars(module).values() if isinstance(each, Exercise)]
    return tuple(sorted(found, key=lambda exercise: [int(part) for part in exercise.number.split(".")]))


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
