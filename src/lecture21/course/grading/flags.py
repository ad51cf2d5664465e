"""Mark what a person should look at: answers that call the package, or that look around in the process."""

import ast
from collections.abc import Iterator

from lecture21._support.validation import printable
from lecture21.course.exercises.exercise import Exercise
from lecture21.course.grading.answers import Program
from lecture21.course.grading.pieces import Piece, of_the_book

_MOST = 8  # marks of one answer
_HARMLESS = ("lecture21.course.exercises.check", "lecture21.course.exercises.solved", "lecture21.data")
_MODULES = {
    *("builtins", "codecs", "ctypes", "dis", "gc", "glob", "importlib", "inspect", "io", "linecache", "marshal"),
    *("mmap", "multiprocessing", "os", "pathlib", "pickle", "pkgutil", "posix", "runpy", "shutil", "signal", "site"),
    *("socket", "subprocess", "sys", "tokenize", "traceback", "zipimport"),
}
_FUNCTIONS = {"__import__", "compile", "eval", "exec", "getattr", "globals", "locals", "open", "setattr", "vars"}
_ATTRIBUTES = {
    *("__builtins__", "__closure__", "__code__", "__dict__", "__globals__", "__loader__", "__spec__", "__subclasses__"),
    *("__wrapped__", "_getframe", "f_back", "f_globals", "f_locals", "gi_frame", "tb_frame"),
}

_INNER_MODULES = {"builtins", "ctypes", "gc", "importlib", "inspect", "linecache", "os", "pickle", "sys"}  # torch.sys


def marks(program: Program, exercises: list[Exercise]) -> tuple[str, ...]:
    """Return what is conspicuous in the statements that an answer consists of, each once.

    Args:
        program: the statements.
        exercises: the exercise and those that it builds on. What their solutions import, an answer may import.
    """
    if exercises[0].is_value:  # to find a value, a notebook uses what the chapter offers
        return ()
    allowed = {name for each in exercises if not each.is_value for name in _used(each)}
    found = [mark for piece in program.pieces if piece.cell >= 0 for mark in _marks(piece, allowed)]
    return tuple(dict.fromkeys(printable(mark, limit=80) for mark in found))[:_MOST]


def _used(exercise: Exercise) -> set[str]:
    """Return the names that a solution uses and does not define."""
    pieces = of_the_book(exercise.text(exercise.solution))
    return {name for piece in pieces for name in piece.uses | piece.uses_later}


def _marks(piece: Piece, allowed: set[str]) -> Iterator[str]:
    for node in ast.walk(piece.node):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in {"lecture21", *_MODULES}:
                    yield f"uses {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                ours = name.startswith("lecture21") and not name.startswith(_HARMLESS) and alias.name not in allowed
                if ours or name.partition(".")[0] in _MODULES:
                    yield f"uses {name}"
        elif isinstance(node, ast.Name) and node.id in _FUNCTIONS:
            yield f"uses {node.id}"
        elif isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES | _INNER_MODULES:
            yield f"uses {node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "lecture21" in node.value:
            yield "names lecture21"
