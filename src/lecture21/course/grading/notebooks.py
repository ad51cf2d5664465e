"""Read a notebook that anybody may have written, as cells of Python."""

import ast
import json
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from lecture21._support.validation import printable

_MAX_FILE = 20 << 20  # bytes; a chapter with its pictures has less than 2 MB
_MAX_CELL = 40_000  # characters; Python needs a thousand times as much memory to parse them
_MAX_CODE = 200_000  # characters of all cells
_MAX_STATEMENTS = 5000  # of all cells
_MAX_WORK = 300_000  # characters of cells that IPython reads, again for each of their magics: two seconds
_NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError, OverflowError)
_MAGIC = re.compile(r"^[ \t]*[%!?]|=[ \t]*[%!]|\?[ \t]*$", re.MULTILINE)  # each line is read once
_CELL_MAGIC = re.compile(r"\s*%%(\w*)[^\n]*\n")
_RUN_AS_PYTHON = {"time", "timeit", "capture", "prun"}  # cell magics whose cell is Python all the same


@dataclass(frozen=True)
class Cell:
    """A code cell: its Python, without magics, and the tree of it, or why there is none."""

    source: str
    tags: frozenset[str]
    tree: ast.Module | None
    problem: str = ""
    """What is wrong with a cell that has no tree, such as "raises SyntaxError"."""


@dataclass(frozen=True)
class Notebook:
    """What grading uses of a notebook file."""

    path: Path
    cells: tuple[Cell, ...]
    student: str
    """What the notebook's own metadata says of its author; empty if nothing."""


def read(path: Path) -> Notebook:
    """Read a notebook."""
    content = _content(path)
    cells, total = [], 0
    try:
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                source, tags = "".join(cell["source"]), cell.get("metadata", {}).get("tags", [])
                total += len(source)
                cells.append((source, frozenset(str(tag) for tag in tags)))
        named = content.get("metadata", {}).get("student", "")
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} is not a notebook: it has no list of cells as Jupyter writes it") from None
    if total > _MAX_CODE:
        raise ValueError(f"{path} has {total:,} characters of code, at most {_MAX_CODE:,} are read")
    read_cells, work = [_cell(source, tags) for source, tags in cells], 0
    for n, cell in enumerate(read_cells):
        if cell.tree is None and 0 < (size := len(cell.source) * len(_MAGIC.findall(cell.source))) <= _MAX_WORK - work:
            read_cells[n], work = _without_magics(cell), work + size
    statements = sum(len(cell.tree.body) for cell in read_cells if cell.tree is not None)
    if statements > _MAX_STATEMENTS:
        raise ValueError(f"{path} has {statements:,} statements, at most {_MAX_STATEMENTS:,} are read")
    return Notebook(path, tuple(read_cells), named if type(named) is str else "")


def _content(path: Path) -> dict:
    """Return the JSON of a notebook file."""
    information = path.stat()
    if not stat.S_ISREG(information.st_mode):  # reading a pipe or a device may never end
        raise ValueError(f"{path} is not a notebook: it is not a regular file")
    if information.st_size > _MAX_FILE:
        raise ValueError(f"{path} has {information.st_size:,} bytes, at most {_MAX_FILE:,} are read")
    with path.open("rb") as file:
        data = file.read(_MAX_FILE + 1)
    try:
        content = json.loads(data.decode("utf-8-sig"))  # some editors write a byte order mark
    except (ValueError, RecursionError) as error:
        damaged = f"cut off, damaged or of another kind ({printable(str(error), limit=80)})"
        reason = "the file is empty" if not data.strip() else f"the file is {damaged}"
        raise ValueError(f"{path} is not a notebook: {reason}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is not a notebook: it holds {type(content).__name__} instead of an object")
    return content


def _cell(source: str, tags: frozenset[str]) -> Cell:
    """Return a cell with its tree, if it is Python."""
    source = source.removeprefix("\ufeff")
    if len(source) > _MAX_CELL:
        return Cell(source[:_MAX_CELL], tags, None, f"has {len(source):,} characters, at most {_MAX_CELL:,} are read")
    if (magic := _CELL_MAGIC.match(source)) is not None:
        if magic[1] not in _RUN_AS_PYTHON:
            return Cell("", tags, ast.Module([], []))  # of another language, such as %%bash
        source = "\n" * magic[0].count("\n") + source[magic.end() :]  # lines keep their numbers
    try:
        return Cell(source, tags, _parsed(source))
    except _NOT_PYTHON as problem:
        return Cell(source, tags, None, _described(problem))


def _without_magics(cell: Cell) -> Cell:
    """Return a cell whose magics IPython has turned into Python."""
    try:
        source = TransformerManager().transform_cell(cell.source)
        return Cell(source, cell.tags, _parsed(source))
    except _NOT_PYTHON as problem:
        return Cell(cell.source, cell.tags, None, _described(problem))


def _described(problem: BaseException) -> str:
    text = f"raises {type(problem).__name__}"
    if isinstance(problem, SyntaxError) and problem.lineno is not None:
        text += f" in line {problem.lineno}: {printable(problem.msg, limit=100)}"
    return text


def _parsed(source: str) -> ast.Module:
    with warnings.catch_warnings(action="ignore"):  # on "\d" in a student's string
        tree = ast.parse(source)
        compile(tree, "cell", "exec")  # finds what the parser does not, such as a return outside of a function
    return tree
