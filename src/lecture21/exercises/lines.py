"""Exercises to put together: the solution's code, in which the lines that matter are choices among classic mistakes.

The choices are derived from the mistakes of an exercise: where a mistake differs from the solution, its lines become an
alternative to the solution's. What `check` says of each combination is computed once by `tools/lines.py`, which writes
it to `lines.json` beside the exercises of the chapter; the page of the book reads it there.
"""

import contextlib
import hashlib
import inspect
import itertools
import json
import linecache
import math
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import torch

from lecture21.exercises import checking, exercise, forms, judging, modules, running, sources, values
from lecture21.exercises.checking import judged
from lecture21.exercises.exercise import Exercise
from lecture21.exercises.registry import CHAPTERS, exercises_of
from lecture21.exercises.running import draw
from lecture21.exercises.sources import complete

FILE = "lines.json"
MOST = 100
"""Combinations of an exercise."""

_OPTIONS = 8  # of one choice
_SEEDS = (0, 1)  # of the cases: `check` draws them twice too
_LARGEST = 8  # lines that differ, the solution's and the mistake's together; more is another program
_FEWEST = 3  # mistakes that an exercise keeps, if it has as many
_JUDGES = (checking, exercise, forms, judging, modules, running, sources, values, sys.modules[__name__])


@dataclass(frozen=True)
class Change:
    """Lines of the solution, from `start` up to `end`, and what a mistake has in their place."""

    start: int
    end: int
    lines: list[str]

    @property
    def is_replacement(self) -> bool:
        """Whether there are lines in both, so that it is neither an insertion nor a deletion."""
        return self.start < self.end and bool(self.lines)


@dataclass
class Choice:
    """Lines of the solution and their alternatives, the solution's first; an empty text is no line at all."""

    start: int
    end: int
    options: list[str]


@dataclass
class Puzzle:
    """The solution's lines, the choices among them, and the mistakes that they come from."""

    lines: list[str]
    choices: list[Choice] = field(default_factory=list)
    mistakes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The options of each mistake, by its name."""

    def combinations(self) -> Iterator[tuple[int, ...]]:
        """Yield the options of every combination, the solution first."""
        return itertools.product(*(range(len(choice.options)) for choice in self.choices))

    def code(self, chosen: tuple[int, ...]) -> str:
        """Return the code of one combination."""
        return "\n".join(part for part in self.parts(chosen) if part is not None)

    def parts(self, chosen: tuple[int, ...]) -> list[str]:
        """Return the lines of one combination."""
        found, at = [], 0
        for choice, n in zip(self.choices, chosen, strict=True):
            found += [*self.lines[at : choice.start], *([choice.options[n]] if choice.options[n] else [])]
            at = choice.end
        return [*found, *self.lines[at:]]


# Where mistakes differ from the solution


def changes(right: list[str], wrong: list[str]) -> list[Change]:
    """Return where the lines of a mistake differ from the solution's.

    A line that assigns to the same name, or begins with the same word, replaces its counterpart. Lines without a
    counterpart go with the change beside them or, where there is none, with the line before them.
    """
    found: list[Change] = []
    for tag, a, b, c, d in SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        keys = [_key(line) for line in right[a:b]], [_key(line) for line in wrong[c:d]]
        for _, i, j, k, m in SequenceMatcher(None, *keys, autojunk=False).get_opcodes():
            if j - i == m - k:
                found += [Change(a + n, a + n + 1, [wrong[c + k + n - i]]) for n in range(i, j)]
            else:
                found.append(Change(a + i, a + j, wrong[c + k : c + m]))
    joined: list[Change] = []
    for each in found:
        last = joined[-1] if joined else None
        if last and last.end == each.start and not (last.is_replacement and each.is_replacement):
            joined[-1] = Change(last.start, each.end, last.lines + each.lines)
        else:
            joined.append(each)
    return [_beside(right, each) for each in joined]


def _key(line: str) -> str:
    """Return what a line assigns to, or its first word, with its indentation."""
    target = re.match(r"[^=(\[]+(?= [-+*/]?= )", line)
    return target.group() if target else re.match(r"\s*\w*", line).group()


def _beside(right: list[str], change: Change) -> Change:
    """Return an insertion as a change of the line before it, or of the one after it if that is the first."""
    if change.start < change.end:
        return change
    if change.start > 1 and not right[change.start - 1].endswith(":"):
        return Change(change.start - 1, change.end, [right[change.start - 1], *change.lines])
    return Change(change.start, change.end + 1, [*change.lines, right[change.start]])


# Choices


def puzzle(exercise: Exercise) -> Puzzle:
    """Return the choices of an exercise: at most 100 combinations, with each mistake that fits.

    Of the equal forms of the solution, the one is taken in which most mistakes are choices of single lines. A mistake
    that would join the lines of other choices is left out, and then options of the mistakes that come last.
    """
    mistakes = {}
    for mistake in exercise.mistakes:
        with contextlib.suppress(ValueError):
            mistakes[mistake.name] = complete(exercise, mistake.wrong)
    right = complete(exercise, exercise.solution)
    candidates = [_puzzle(lines, mistakes) for lines in forms.forms(right)]
    return _limited(max(candidates, key=_worth))


def _worth(candidate: Puzzle) -> tuple[int, int]:
    """Return how many mistakes are kept, and how little there is to read."""
    return len(candidate.mistakes), -sum(len(option) for choice in candidate.choices for option in choice.options)


def _puzzle(right: list[str], mistakes: dict[str, list[str]]) -> Puzzle:
    """Return the choices in one form of the solution."""
    found = {}
    for name, lines in mistakes.items():
        versions = [*forms.forms(lines), *forms.forms(forms.like(right, lines))]
        found[name] = min((changes(right, lines) for lines in versions), key=lambda each: sum(map(_size, each)))
    ranges: list[tuple[int, int]] = []
    kept: list[str] = []
    later: list[str] = []
    for name in sorted(found, key=lambda name: max((each.end - each.start for each in found[name]), default=0)):
        if not found[name]:
            continue
        crossed = [sum(_meet(each, other) for other in ranges) for each in found[name]]
        if max(crossed) > 1 or sum(map(_size, found[name])) > _LARGEST:
            later.append(name)
            continue
        kept.append(name)
        ranges = _merged([*ranges, *((each.start, each.end) for each in found[name])])
    for name in later[: max(0, _FEWEST - len(kept))]:
        kept.append(name)
        ranges = _merged([*ranges, *((each.start, each.end) for each in found[name])])
    result = Puzzle(right, [Choice(start, end, ["\n".join(right[start:end])]) for start, end in ranges])
    for name in mistakes:
        if name in kept:
            result.mistakes[name] = tuple(_option(choice, right, found[name]) for choice in result.choices)
    return result


def _size(change: Change) -> int:
    return change.end - change.start + len(change.lines)


def _meet(change: Change, range: tuple[int, int]) -> bool:
    return change.start < range[1] and range[0] < change.end


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _option(choice: Choice, right: list[str], changed: list[Change]) -> int:
    """Return the number of a mistake's option, which is added if the choice does not have it yet."""
    lines, at = [], choice.start
    for each in changed:
        if choice.start <= each.start and each.end <= choice.end:
            lines += [*right[at : each.start], *each.lines]
            at = each.end
    text = "\n".join([*lines, *right[at : choice.end]])
    if text not in choice.options:
        choice.options.append(text)
    return choice.options.index(text)


def _limited(kept: Puzzle) -> Puzzle:
    """Return a puzzle with at most 100 combinations, and 8 options of a choice, without the mistakes that come last."""
    while True:
        counts = [len(choice.options) for choice in kept.choices]
        if math.prod(counts) <= MOST and max(counts, default=0) <= _OPTIONS:
            return kept
        longest = counts.index(max(counts))
        kept = _without(kept, next(name for name in reversed(kept.mistakes) if kept.mistakes[name][longest]))


def _without(full: Puzzle, mistake: str) -> Puzzle:
    """Return a puzzle without a mistake, without its options, and without choices that have one option left."""
    kept = {name: chosen for name, chosen in full.mistakes.items() if name != mistake}
    used = [sorted({0, *options}) for options in zip(*kept.values(), strict=True)] or [[0] for _ in full.choices]
    choices = [
        Choice(choice.start, choice.end, [choice.options[n] for n in options])
        for choice, options in zip(full.choices, used, strict=True)
        if len(options) > 1
    ]
    mistakes = {
        name: tuple(options.index(n) for n, options in zip(chosen, used, strict=True) if len(options) > 1)
        for name, chosen in kept.items()
    }
    return Puzzle(full.lines, choices, mistakes)


# Verdicts


def verdict(exercise: Exercise, code: str) -> str:
    """Return what `check` says of code that defines the answer to an exercise, on cases that are always the same."""
    home = exercise.cases if exercise.is_value else exercise.solution
    names = dict(vars(sys.modules[home.__module__]))
    names |= {each.name: each.solution for each in exercises_of(exercise.chapter) if isinstance(each.solution, type)}
    name = f"<exercise {exercise.number}>"
    linecache.cache[name] = len(code), None, code.splitlines(keepends=True), name  # as the code of a notebook's cell
    exec(compile(code, name, "exec"), names)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return judged(exercise, names[exercise.name], [case for seed in _SEEDS for case in draw(exercise, seed)])


def confirmed(exercise: Exercise) -> Puzzle:
    """Return the choices of an exercise without mistakes whose combination does not get their hint."""
    found = puzzle(exercise)
    for mistake in exercise.mistakes:
        chosen = found.mistakes.get(mistake.name)
        if chosen is not None and verdict(exercise, found.code(chosen)) != mistake.hint:
            found = _without(found, mistake.name)
    return found


# What is stored


def stored(exercise: Exercise) -> dict[str, Any]:
    """Return the code of an exercise with its choices, in the order in which they are shown, and all verdicts.

    `code` has the lines of the code as one text for each part that is given, and a list of texts for each choice.
    `verdicts` are the different ones, and `of` has the number of the verdict of each combination; the last choice
    changes fastest.
    """
    found = confirmed(exercise)
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
    """Return a short text that changes with whatever the choices and verdicts of an exercise depend on."""
    home = sys.modules[(exercise.cases if exercise.is_value else exercise.solution).__module__]
    text = "".join(inspect.getsource(module) for module in (home, *_JUDGES))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load(chapter: str) -> dict[str, dict[str, Any]]:
    """Return what is stored for the exercises of one chapter, such as "04", by their numbers."""
    path = path_of(chapter)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def path_of(chapter: str) -> Path:
    """Return the file with the combinations of one chapter's exercises."""
    (folder,) = CHAPTERS.glob(f"c{chapter}_*")
    return folder / FILE
