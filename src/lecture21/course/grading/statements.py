"""Take the cells of a notebook apart into top-level statements, with the names that each one binds and uses."""

import __future__

import ast
import dis
import functools
import inspect
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from lecture21.course.grading.notebooks import Cell
from lecture21.course.study import folder

# Methods that change a list, a set or a dict, as in `wrong.add("A")`.
_CHANGING = {
    *("add", "append", "clear", "difference_update", "discard", "extend", "insert", "intersection_update", "pop"),
    *("remove", "reverse", "setdefault", "sort", "update"),
}
_LEFT_OUT = {"solution", "teaching"}
_COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}


@dataclass(frozen=True, eq=False)
class Statement:
    """One top-level statement."""

    position: int
    """Its number in the notebook, counted over all cells."""
    cell: int
    """The cell's number; -1 for code of the book."""
    source: str
    """The source of the whole cell, so that lines keep their numbers."""
    index: int
    """The statement's number in the cell."""
    node: ast.stmt
    binds: frozenset[str]
    """Names that it defines: by def, class, assignment, import, for, with; "*" is that of `from module import *`."""
    changes: frozenset[str]
    """Names whose values it changes, as in `names.add("A")`, `x += 1`, `GPT.generate = generate`."""
    uses: frozenset[str]
    """Names that are read when it is executed."""
    uses_later: frozenset[str]
    """Names that are read when its functions are called."""
    compiler_flags: int = 0
    """What `compile` needs: Jupyter compiles every cell after `from __future__ import annotations` with it."""
    is_given: bool = False
    """Whether its cell is one of the book's, and not the student's."""


@functools.lru_cache(maxsize=8)
def take_apart(cells: tuple[Cell, ...]) -> list[Statement]:
    """Return the statements of a notebook in their order, without the cells of the book's solutions."""
    positions = itertools.count()
    counted = [(n, cell) for n, cell in enumerate(cells) if cell.tree is not None and not cell.tags & _LEFT_OUT]
    postponed = any(_postpones_annotations(node) for _, cell in counted for node in cell.tree.body)
    compiler_flags = __future__.annotations.compiler_flag if postponed else 0
    found: list[Statement] = []
    for number, cell in counted:
        is_given = cell.source.strip() in _given_cells()
        found += _statements(cell.source, cell.tree, number, positions, compiler_flags, is_given)
    return found


def of_the_book(source: str) -> list[Statement]:
    """Return the statements of a solution, as if they were before the notebook's first cell."""
    return list(_statements(source, ast.parse(source), -1, itertools.repeat(-1)))


def _statements(
    source: str, tree: ast.Module, cell: int, positions: Iterator[int], compiler_flags: int = 0, is_given: bool = True
) -> Iterator[Statement]:
    for index, node in enumerate(tree.body):
        uses, uses_later = _loaded(compile(ast.Module([node], []), "cell", "exec", compiler_flags))
        binds, changes = frozenset(_bound(node)), frozenset(_changed(node))
        names = (binds, changes, uses, uses_later)
        yield Statement(next(positions), cell, source, index, node, *names, compiler_flags, is_given)


def _postpones_annotations(node: ast.stmt) -> bool:
    names = node.names if isinstance(node, ast.ImportFrom) and node.module == "__future__" else []
    return any(each.name == "annotations" for each in names)


@functools.cache
def _given_cells() -> frozenset[str]:
    """Return the code of the cells that students receive, without the stubs of the exercises."""
    try:
        notebooks = [json.loads(data) for name, data in folder.files().items() if name.endswith(".ipynb")]
    except ValueError:  # this installation has no notebooks
        return frozenset()
    cells = [cell for notebook in notebooks for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return frozenset(
        "".join(cell["source"]).strip() for cell in cells if "exercise" not in cell["metadata"].get("tags", [])
    )


def _loaded(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """Return the global names that a statement reads: when it is executed, and when its functions are called."""
    now: set[str] = set()
    later: set[str] = set()
    todo = [(code, now)]
    while todo:
        each, names = todo.pop()
        names.update(
            step.argval for step in dis.get_instructions(each) if step.opname.startswith(("LOAD_NAME", "LOAD_GLOBAL"))
        )
        for inner in each.co_consts:
            if isinstance(inner, CodeType):
                waits = inner.co_flags & inspect.CO_OPTIMIZED and inner.co_name not in _COMPREHENSIONS
                todo.append((inner, later if waits else names))  # the body of a class is executed at once
    return frozenset(now), frozenset(later)


def _here(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a statement that are executed with it: all but the bodies of functions and classes."""
    todo = [node]
    while todo:
        each = todo.pop()
        yield each
        if isinstance(each, ast.comprehension):  # its variable is its own
            todo += [each.iter, *each.ifs]
        elif not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(each))


def _bound(node: ast.stmt) -> Iterator[str]:
    for each in _here(node):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield each.name
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id
        elif isinstance(each, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in each.names)


def _changed(node: ast.stmt) -> Iterator[str]:
    for each in _here(node):
        if isinstance(each, ast.AugAssign):
            yield from _root(each.target)
        elif isinstance(each, ast.Attribute | ast.Subscript) and not isinstance(each.ctx, ast.Load):
            yield from _root(each)
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in _CHANGING:
            yield from _root(each.func)


def _root(node: ast.expr) -> Iterator[str]:
    """Yield the name at the beginning of an expression such as `a.b[0].c`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
