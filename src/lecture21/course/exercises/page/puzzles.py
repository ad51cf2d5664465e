"""The lines of an exercise that are choices, derived from its mistakes.

Where a mistake differs from the solution, its lines become an alternative to the solution's.
"""

import math
import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from lecture21.course.exercises.exercise import Exercise
from lecture21.course.exercises.source import code_lines

MOST = 100
"""Combinations of an exercise."""

_OPTIONS = 8  # of one choice
_LARGEST = 8  # lines that differ, the solution's and the mistake's together; more is another program
_FEWEST = 3  # mistakes that an exercise keeps, if it has as many


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

    def code(self, chosen: tuple[int, ...]) -> str:
        """Return the code of one combination."""
        found, at = [], 0
        for choice, n in zip(self.choices, chosen, strict=True):
            found += [*self.lines[at : choice.start], *([choice.options[n]] if choice.options[n] else [])]
            at = choice.end
        return "\n".join([*found, *self.lines[at:]])


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

    A mistake that would join the lines of other choices is left out, and then options of the mistakes that come last.
    """
    right = code_lines(exercise.text(exercise.solution))
    found = {mistake.name: changes(right, code_lines(exercise.text(mistake.wrong))) for mistake in exercise.mistakes}
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
    for name in found:
        if name in kept:
            result.mistakes[name] = tuple(_option(choice, right, found[name]) for choice in result.choices)
    return _limited(result)


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
        kept = without(kept, next(name for name in reversed(kept.mistakes) if kept.mistakes[name][longest]))


def without(full: Puzzle, mistake: str) -> Puzzle:
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
