"""Which answers are suspiciously alike: the same code after all names are replaced, and not the code of everybody."""

import ast
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lecture21.course.exercises.exercise import Exercise
from lecture21.course.grading.answers import find_answers
from lecture21.course.grading.classroom import Submission
from lecture21.course.grading.reports import table

COLUMNS = ("student", "other student", "exercise", "alike", "same names")
THE_BOOK = "the book's solution"
"""Stands for a student in a pair."""
_LENGTH = 6  # consecutive parts of a syntax tree that make one fingerprint
_FEWEST = 12  # fingerprints that two answers must share; shorter answers are alike by themselves
_LEAST = 0.6  # share of the shorter answer's fingerprints
_COMMON = 0.1  # share of the class whose fingerprints say nothing


@dataclass(frozen=True)
class Pair:
    """Two students whose answers to an exercise are alike."""

    first: str
    second: str
    number: str
    share: int | float
    """Of the fingerprints of the shorter answer, how many are in both."""
    same_names: bool
    """Whether the names are the same as well."""


def similar(names: Sequence[str], submissions: Sequence[Submission], exercises: Sequence[Exercise]) -> list[Pair]:
    """Return the suspicious pairs, the most alike first; two notebooks of one student are no pair.

    Args:
        names: of the students, one for each notebook.
        submissions: their notebooks.
        exercises: those that count.
    """
    functions = [each for each in exercises if not each.is_value]  # a value that is right is the same for everybody
    answers: dict[str, list[tuple[str, list[ast.stmt]]]] = {each.number: [] for each in functions}
    for name, submission in zip(names, submissions, strict=True):
        for exercise in functions:
            answers[exercise.number].append((name, _answer(submission, exercise)))
    pairs = [pair for exercise in functions for pair in _pairs(exercise, answers[exercise.number])]
    return sorted(pairs, key=lambda pair: (-pair.share, pair.number, pair.first, pair.second))


def similarity_table(pairs: Sequence[Pair]) -> str:
    """Return a CSV file with one row for each pair."""
    return table(
        COLUMNS, [[p.first, p.second, p.number, f"{p.share:.0%}", "yes" if p.same_names else ""] for p in pairs]
    )


def _answer(submission: Submission, exercise: Exercise) -> list[ast.stmt]:
    """Return the statements of an answer, with the functions of the notebook that it calls."""
    if submission.notebook is None or exercise.number not in [each.number for each in submission.grades]:
        return []
    answers = find_answers(submission.notebook.cells, [exercise])
    if exercise.name not in answers.written:
        return []
    nodes = [statement.node for statement in answers.slice_of(exercise).statements]
    try:
        return _without_docstrings([node for node in nodes if not isinstance(node, ast.Import | ast.ImportFrom)])
    except RecursionError:  # nobody writes such code
        return []


def _pairs(exercise: Exercise, answers: list[tuple[str, list[ast.stmt]]]) -> Iterator[Pair]:
    prints = [(name, frozenset(_fingerprints(nodes)), _text(nodes)) for name, nodes in answers if nodes]
    solution = _without_docstrings(ast.parse(exercise.text(exercise.solution)).body)
    of_the_book, text_of_the_book = frozenset(_fingerprints(solution)), _text(solution)
    for name, own, text in prints:
        if len(own) >= 2 * _FEWEST and len(own & of_the_book) >= 0.9 * len(own):  # longer, or many find it themselves
            share = len(own & of_the_book) / len(own)
            yield Pair(name, THE_BOOK, exercise.number, share, text == text_of_the_book)
    frequency = Counter(print for _, own, _ in prints for print in own)
    most = max(2, round(_COMMON * len(prints)))
    holders: dict[int, list[int]] = {}
    for index, (_, own, _) in enumerate(prints):
        for print in own - of_the_book:
            if 1 < frequency[print] <= most:
                holders.setdefault(print, []).append(index)
    shared = Counter(pair for indices in holders.values() for pair in itertools.combinations(indices, 2))
    for (one, other), count in shared.items():
        (first, a, text), (second, b, other_text) = prints[one], prints[other]
        if first != second and count >= _FEWEST and count >= _LEAST * min(len(a), len(b)):
            yield Pair(first, second, exercise.number, len(a & b) / min(len(a), len(b)), text == other_text)


def _text(nodes: list[ast.stmt]) -> str:
    return "\n".join(ast.unparse(node) for node in nodes)


def _without_docstrings(nodes: list[ast.stmt]) -> list[ast.stmt]:
    copies = ast.parse("\n".join(map(ast.unparse, nodes))).body
    for node in [inner for each in copies for inner in ast.walk(each)]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return copies


def _fingerprints(nodes: list[ast.stmt]) -> Iterator[int]:
    parts = [part for node in nodes for part in _parts(node)]
    for start in range(len(parts) - _LENGTH + 1):
        yield hash(tuple(parts[start : start + _LENGTH]))


def _parts(node: ast.AST) -> Iterator[str]:
    """Yield the parts of a syntax tree in their order: kinds, operators, attributes and constants, but no names."""
    if isinstance(node, ast.Load | ast.Store | ast.arguments):
        pass
    elif isinstance(node, ast.Attribute):
        yield f".{node.attr}"
    elif isinstance(node, ast.Constant):
        yield repr(node.value)
    else:
        yield type(node).__name__
    for child in ast.iter_child_nodes(node):
        yield from _parts(child)
