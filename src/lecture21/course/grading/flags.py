"""Flag what a person should look at: answers that call the package, or that look around in the process."""

import ast
from collections.abc import Iterator

from lecture21._support.validation import printable
from lecture21.course.exercises.exercise import Exercise
from lecture21.course.grading.answers import Slice
from lecture21.course.grading.statements import of_the_book

_MOST = 8  # flags of one answer
_HARMLESS = ("lecture21.course.exercises.check", "lecture21.course.exercises.solved", "lecture21.data")
# What an honest answer imports. Others, such as pydoc, timeit, code and os, find or run code by a name in a text.
_MODULES = {
    *("__future__", "abc", "bisect", "collections", "copy", "dataclasses", "decimal", "einops", "enum", "fractions"),
    *("functools", "heapq", "itertools", "jaxtyping", "lecture21", "math", "matplotlib", "numbers", "numpy"),
    *("operator", "pandas", "random", "re", "scipy", "seaborn", "sklearn", "statistics", "string", "time", "torch"),
    *("tqdm", "transformers", "typing", "warnings"),
}
_FUNCTIONS = {"__import__", "compile", "eval", "exec", "getattr", "globals", "locals", "open", "setattr", "vars"}
_ATTRIBUTES = {
    *("__builtins__", "__closure__", "__code__", "__dict__", "__getattribute__", "__globals__", "__loader__"),
    *("__spec__", "__subclasses__", "__wrapped__", "_getframe", "f_back", "f_globals", "f_locals", "gi_frame"),
    *("tb_frame", "ForwardRef", "attrgetter", "evaluate_forward_ref", "get_type_hints", "methodcaller"),
    *("builtins", "ctypes", "gc", "importlib", "inspect", "linecache", "os", "pickle", "sys"),  # such as torch.sys
}


def flags(needed: Slice, exercises: list[Exercise]) -> tuple[str, ...]:
    """Return what is conspicuous in the statements that an answer consists of, each once.

    Args:
        needed: the statements.
        exercises: the exercise and those that it builds on. What their solutions import, an answer may import.
    """
    if exercises[0].is_value:  # to find a value, a notebook uses what the chapter offers
        return ()
    solutions = [each.text(each.solution) for each in exercises if not each.is_value]
    used = [each.uses | each.uses_later for text in solutions for each in of_the_book(text)]
    found = [flag for each in needed.statements if each.cell >= 0 for flag in _flags(each.node, set().union(*used))]
    return tuple(dict.fromkeys(printable(flag, limit=80) for flag in found))[:_MOST]


def _flags(statement: ast.stmt, allowed: set[str]) -> Iterator[str]:
    """Yield the flags of a statement, which may import the names that are allowed from the package."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[0] for alias in node.names]
            yield from (f"uses {name}" for name in names if name == "lecture21" or name not in _MODULES)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                ours = name.startswith("lecture21") and not name.startswith(_HARMLESS) and alias.name not in allowed
                if ours or name.partition(".")[0] not in _MODULES or alias.name in _ATTRIBUTES:
                    yield f"uses {name}"
        elif isinstance(node, ast.Name) and node.id in _FUNCTIONS:
            yield f"uses {node.id}"
        elif isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES:
            yield f"uses {node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "lecture21" in node.value:
            yield "names lecture21"
