"""Exercises to put together: what `check` says of each combination of lines.

A tool, `tools/lines.py`, computes it once and writes it to `lines.json` beside the exercises of the chapter, where the
page of the book reads it.
"""

import functools
import hashlib
import itertools
import json
import linecache
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from lecture21.course.exercises.answers.running import draw
from lecture21.course.exercises.checking import judged
from lecture21.course.exercises.exercise import Exercise
from lecture21.course.exercises.page.puzzles import puzzle
from lecture21.course.exercises.registry import CHAPTERS, exercises_of
from lecture21.course.exercises.source import logical_lines

FILE = "lines.json"
_SEEDS = (0, 1)  # of the cases: `check` draws them twice too
_NO_JUDGES = ("__init__.py", "registry.py")  # modules that no verdict depends on


def verdict(exercise: Exercise, code: str) -> str:
    """Return what `check` says of code that defines the answer to an exercise, on cases that are always the same.

    The first line is the sentence, without the number of the exercise; the others are details.
    """
    names = dict(vars(_home(exercise)))
    names |= {each.name: each.solution for each in exercises_of(exercise.chapter) if isinstance(each.solution, type)}
    name = f"<exercise {exercise.number}>"
    linecache.cache[name] = len(code), None, code.splitlines(keepends=True), name  # as the code of a notebook's cell
    exec(compile(code, name, "exec"), names)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cases = [case for seed in _SEEDS for case in draw(exercise, seed)]
        return "\n".join(judged(exercise, names[exercise.name], cases))


# What is stored


def stored(exercise: Exercise) -> dict[str, Any]:
    """Return the code of an exercise with its choices, in the order in which they are shown, and all verdicts.

    `code` has the lines of the code as one text for each part that is given, and a list of texts for each choice.
    `verdicts` are the different ones, and `of` has the number of the verdict of each combination; the last choice
    changes fastest.
    """
    found = puzzle(exercise)
    orders = [list(range(len(choice.options))) for choice in found.choices]
    for n, order in enumerate(orders):
        random.Random(f"{exercise.number} {n}").shuffle(order)
    code: list[str | list[str]] = []
    at = 0
    for choice, order in zip(found.choices, orders, strict=True):
        code += [*found.lines[at : choice.start], [choice.options[n] for n in order]]
        at = choice.end
    said = [verdict(exercise, found.code(chosen)) for chosen in itertools.product(*orders)]
    verdicts = list(dict.fromkeys(said))
    return {
        "made_from": fingerprint(exercise),
        "code": [*code, *found.lines[at:]],
        "verdicts": verdicts,
        "of": [verdicts.index(each) for each in said],
    }


def fingerprint(exercise: Exercise) -> str:
    """Return a short text that changes with the code that the choices and verdicts of an exercise depend on."""
    judges = [path for path in sorted(Path(__file__).parents[1].rglob("*.py")) if path.name not in _NO_JUDGES]
    code = "".join(_code(path) for path in (Path(_home(exercise).__file__), *judges))
    return hashlib.sha256(code.encode()).hexdigest()[:12]


@functools.cache
def _code(path: Path) -> str:
    """Return what is in a module besides comments and docstrings."""
    return "\n".join(logical_lines(path.read_text(encoding="utf-8")))


def _home(exercise: Exercise) -> ModuleType:
    """Return the module of an exercise."""
    return sys.modules[(exercise.cases if exercise.is_value else exercise.solution).__module__]


def load(chapter: str) -> dict[str, dict[str, Any]]:
    """Return what is stored for the exercises of one chapter, such as "04", by their numbers."""
    path = path_of(chapter)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def path_of(chapter: str) -> Path:
    """Return the file with the combinations of one chapter's exercises."""
    (folder,) = CHAPTERS.glob(f"c{chapter}_*")
    return folder / FILE
