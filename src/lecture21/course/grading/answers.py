"""Find the answers in a notebook, and what each of them needs to run.

The rule, which students read: the last definition of a name counts, in whichever cell it is; the stub and `solved(...)`
are no definitions.
"""

import ast
import sys
from dataclasses import dataclass, field

from lecture21.course.exercises.exercise import Exercise
from lecture21.course.exercises.registry import find
from lecture21.course.grading.notebooks import Cell
from lecture21.course.grading.statements import Statement, of_the_book, take_apart

# What a solution of the book may use although a notebook has lost its imports.
_IMPORTS = {
    "math": "import math",
    "torch": "import torch",
    "nn": "from torch import nn",
    "F": "import torch.nn.functional as F",
}


@dataclass(frozen=True)
class Slice:
    """What is run to test one answer: statements in their order, and whose solutions are among them."""

    statements: list[Statement]
    answer: list[Statement]
    """Those of the statements that are the answer itself."""
    builds_on: list[str]
    """Names of the earlier exercises whose answers are among the statements, the student's or the book's."""
    from_the_book: list[str]
    """Names of the exercises whose solution is the book's."""

    @property
    def compiler_flags(self) -> int:
        """What `compile` needs for them."""
        return max((statement.compiler_flags for statement in self.statements), default=0)

    @property
    def modules(self) -> list[str]:
        """The modules that the statements may import."""
        names: dict[str, None] = {}
        for node in [node for statement in self.statements for node in ast.walk(statement.node)]:
            if isinstance(node, ast.Import):
                names.update(dict.fromkeys(alias.name for alias in node.names))
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.update(dict.fromkeys([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]))
        return list(names)


@dataclass(frozen=True)
class Answers:
    """The answers in a notebook, by the names that the exercises ask for."""

    exercises: list[Exercise]
    """Those of the chapters that are graded, in their order."""
    statements: list[Statement]
    written: dict[str, list[Statement]]
    """The statements of each answer: its last definition, and what changes it afterwards."""
    problems: dict[str, str]
    """Why there is no answer, for the other names."""
    solutions: dict[str, list[Statement]] = field(default_factory=dict)
    """Answers of the book that a notebook takes with `solved` from chapters that are not graded."""

    def slice_of(self, exercise: Exercise, wrong: frozenset[str] = frozenset()) -> Slice:
        """Return what is run to test an answer, with the book's solutions of earlier exercises that are wrong."""
        return _Slicer(self, exercise, wrong).slice()


def find_answers(cells: tuple[Cell, ...], exercises: list[Exercise]) -> Answers:
    """Find the answers to exercises in a notebook.

    Args:
        cells: the code cells of the notebook.
        exercises: all exercises of the chapters from which some are graded.
    """
    statements = take_apart(cells)
    written: dict[str, list[Statement]] = {}
    problems: dict[str, str] = {}
    for exercise in exercises:
        defining = [statement for statement in statements if exercise.name in _defined(statement)]
        written_ones = [statement for statement in defining if not _is_stub(statement.node, exercise.name)]
        if written_ones:
            last = written_ones[-1]
            following = [each for each in statements if each.position > last.position and exercise.name in each.changes]
            written[exercise.name] = [last, *following]
        elif broken := [cell.problem for cell in cells if cell.tree is None and _seems_to_define(cell, exercise.name)]:
            problems[exercise.name] = f"the cell {broken[-1]}"
        else:
            problems[exercise.name] = "not written yet" if defining else f"no cell defines {exercise.name}"
    answers = Answers(exercises, statements, written, problems)
    for statement in statements:
        answers.solutions.update(_taken_from_the_book(statement, {each.number for each in exercises}))
    return answers


def _defined(statement: Statement) -> set[str]:
    """Return the names that a statement may answer: by def, class or assignment, perhaps under if, try or with."""
    todo, names = [statement.node], set()
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value is not None and not _calls_solved(node.value):
                names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.ExceptHandler | ast.Expr):
            todo.extend(ast.iter_child_nodes(node))
    return names & statement.binds


def _calls_solved(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call) and _name(each.func) == "solved" for each in ast.walk(node))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_stub(node: ast.AST, name: str) -> bool:
    """Return whether the last thing that a statement gives a name is a stub: `...`, None, or functions with no code."""
    if isinstance(node, ast.FunctionDef):
        return all(_does_nothing(each) for each in node.body)
    if isinstance(node, ast.ClassDef):
        methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        return bool(methods) and all(_is_stub(each, name) for each in methods)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return isinstance(node.value, ast.Constant) and node.value.value in (None, ...)
    inner = [each for each in ast.walk(node) if isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == name]
    return bool(inner) and all(_is_stub(each, name) for each in inner)


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Return):
        return node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    if isinstance(node, ast.Raise):
        return any(_name(each) == "NotImplementedError" for each in ast.walk(node) if isinstance(each, ast.expr))
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _seems_to_define(cell: Cell, name: str) -> bool:
    """Return whether a cell that is not Python begins a line with the definition of a name."""
    begins = (f"def {name}", f"class {name}", f"{name} =")
    return any(line.startswith(begins) for line in cell.source.splitlines())


def _taken_from_the_book(statement: Statement, graded: set[str]) -> dict[str, list[Statement]]:
    """Return the solutions that `solved` gives where a notebook builds on exercises that are not graded with it."""
    solutions = {}
    for node in ast.walk(statement.node):
        if isinstance(node, ast.Call) and _name(node.func) == "solved" and node.args:
            number = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            if isinstance(number, str) and number not in graded:
                try:
                    exercise = find(number)
                except ValueError:  # there is no such exercise
                    continue
                for name in {exercise.name} & statement.binds or statement.binds:
                    text = exercise.text(exercise.solution)
                    text += "" if name == exercise.name else f"\n{name} = {exercise.name}"
                    solutions[name] = of_the_book(text)
    return solutions


class _Slicer:
    """Collects the statements that one answer needs, itself or through others."""

    def __init__(self, answers: Answers, exercise: Exercise, wrong: frozenset[str]):
        self._answers, self._exercise = answers, exercise
        numbers = [each.number for each in answers.exercises]
        earlier = answers.exercises[: numbers.index(exercise.number)]
        self._earlier = {each.name: each for each in earlier}
        self._wrong = wrong
        self._statements: dict[Statement, None] = {}
        self._before: dict[Statement, list[Statement]] = {}  # later in the notebook, and needed earlier
        self._builds_on: dict[str, None] = {}
        self._from_the_book: dict[str, list[Statement]] = {}
        self._binding: dict[str, list[Statement]] = {}
        self._changing: dict[str, list[Statement]] = {}
        for statement in answers.statements:
            for name in () if _calls_solved(statement.node) else statement.binds:
                self._binding.setdefault(name, []).append(statement)
            for name in statement.changes:
                self._changing.setdefault(name, []).append(statement)

    def slice(self) -> Slice:
        """Return the statements in the order of the notebook, as far as their names allow."""
        answer = self._answers.written[self._exercise.name]
        for statement in answer:
            self._add(statement)
        ordered: dict[Statement, None] = {}
        for statement in sorted(self._statements, key=lambda each: each.position):
            self._emit(statement, ordered)
        names = [each.name for each in self._answers.exercises]
        return Slice(
            list(ordered),
            answer,
            sorted(self._builds_on, key=names.index),
            sorted(self._from_the_book, key=names.index),
        )

    def _emit(self, statement: Statement, ordered: dict[Statement, None]) -> None:
        if statement not in ordered:
            for other in self._before.pop(statement, []):  # popped: two statements may need each other
                self._emit(other, ordered)
            ordered[statement] = None

    def _add(self, statement: Statement) -> None:
        todo = [statement]
        while todo:
            each = todo.pop()
            if each in self._statements:
                continue
            self._statements[each] = None
            for name in (each.uses | each.changes) | (each.uses_later - each.binds):
                needed = self._resolve(name, each)
                todo += needed
                if name in each.uses | each.changes:
                    self._before.setdefault(each, []).extend(n for n in needed if n.position > each.position)
                if name not in self._binding:  # what another module defines is no definition that comes last
                    self._before.setdefault(each, []).extend(needed)

    def _resolve(self, name: str, user: Statement) -> list[Statement]:
        """Return the statements that give a name its value where a statement uses it."""
        if name == self._exercise.name and user not in self._answers.written[name]:
            return self._answers.written[name]
        if name not in self._earlier:
            return self._definition(name, user)
        self._builds_on[name] = None
        if name in self._answers.written and name not in self._wrong:
            return self._answers.written[name]
        if name not in self._from_the_book:
            exercise = self._earlier[name]
            self._from_the_book[name] = of_the_book(exercise.text(exercise.solution))
        return self._from_the_book[name]

    def _definition(self, name: str, user: Statement) -> list[Statement]:
        if name in self._answers.solutions:
            return self._answers.solutions[name]
        binding = [each for each in self._binding.get(name, ()) if each is not user]
        if not binding:
            return [] if name in user.binds else [*of_the_book(_IMPORTS.get(name, "")), *self._binding.get("*", ())]
        own = [each for each in binding if not each.is_given]  # what a cell of the book binds is no other definition
        if name in user.uses_later and own:  # when a function is called, the last definition counts
            return [*self._valid_at(user.position, name, own), *self._valid_at(sys.maxsize, name, own)]
        return self._valid_at(user.position, name, binding)

    def _valid_at(self, position: int, name: str, binding: list[Statement]) -> list[Statement]:
        """Return the last of the definitions before a position, and what changes the value up to there."""
        earlier = [each for each in binding if each.position < position]
        chosen = earlier[-1] if earlier else binding[0]
        changes = [each for each in self._changing.get(name, ()) if chosen.is_given or not each.is_given]
        return [chosen, *(each for each in changes if chosen.position < each.position < position)]
