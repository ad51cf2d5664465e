"""The code of solutions and mistakes: as a reader would have written it, line by line, and as a stub to start from."""

import ast
import inspect
import io
import re
import sys
import textwrap
import tokenize
from collections import Counter
from typing import Any

_UNSEEN = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT)


def as_written(answer: Any, name: str) -> str:
    """Return the code of a function or class under the name of its exercise, without decorators.

    Names of classes lose the underscore that they have in this package.
    """
    source = _source_of(answer)
    start = re.search(r"^(?:def|class) (\w+)", source, re.MULTILINE)
    code = re.sub(rf"\b{start[1]}\b", name, source[start.start() :].rstrip())
    return re.sub(r"\b_(?=[A-Z])", "", code)


def changed(solution: Any, difference: str) -> Any:
    """Return a function or class that is the solution with a difference, whose lines begin as those of a diff do.

    A line of the solution is removed by "- ", or kept by two spaces; "+ " adds a line after the one before.

    Raises:
        ValueError: if a line that is removed or kept is not one of the solution, or not the only one.
    """
    rows = "\n".join(logical_lines(_source_of(solution))).splitlines()
    count = Counter(row.strip() for row in rows)
    new: dict[str, list[str]] = {}  # what is in the place of a line
    at = margin = ""
    for line in textwrap.dedent(difference).strip("\n").splitlines():
        mark, code = line[:2], line[2:]
        if mark == "+ ":
            new[at].append(margin + code)
            continue
        at = code.strip()
        if count[at] != 1:
            raise ValueError(f"{solution.__name__} must have exactly one line {at!r}, and has {count[at]}")
        row = next(row for row in rows if row.strip() == at)
        margin = row.removesuffix(code)
        new[at] = [] if mark == "- " else [row]
    code = "\n".join(line for row in rows for line in new.get(row.strip(), [row]))
    made: dict[str, Any] = {}
    exec(compile(code, f"<{solution.__name__}>", "exec"), vars(sys.modules[solution.__module__]), made)
    wrong = made[solution.__name__]
    wrong.source = code
    return wrong


def _source_of(thing: Any) -> str:
    return vars(thing).get("source") or textwrap.dedent(inspect.getsource(thing))


def logical_lines(source: str) -> list[str]:
    """Return the lines of code without comments and docstrings; what brackets hold together is one line."""
    rows, found = source.splitlines(), []
    first: int | None = None
    is_docstring = False
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row = token.start[0] - 1
        if token.type == tokenize.COMMENT:
            rows[row] = rows[row][: token.start[1]].rstrip()
        elif token.type == tokenize.NEWLINE:
            if not is_docstring:
                found.append("\n".join(line for line in rows[first : row + 1] if line.strip()))
            first = None
        elif first is None and token.type not in _UNSEEN:
            first, is_docstring = row, token.type == tokenize.STRING
    return found


def code_lines(source: str) -> list[str]:
    """Return the logical lines of a function or class, with an empty one between methods."""
    found: list[str] = []
    for line in logical_lines(source):
        found += ["", line] if line.startswith("    def ") and len(found) > 1 else [line]
    return found


def without_bodies(source: str) -> str:
    """Return a function or class with its docstrings, and `...` in place of the other statements."""
    lines, kept = source.splitlines(), []
    tree = ast.parse(source).body[0]
    functions = (
        [tree] if isinstance(tree, ast.FunctionDef) else [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    )
    end = 0
    for function in functions:
        documented = ast.get_docstring(function) is not None
        last = function.body[0].end_lineno if documented else function.body[0].lineno - 1
        indent = " " * function.body[0].col_offset
        kept += [*lines[end:last], f"{indent}..."]
        end = function.end_lineno
    return "\n".join(kept)
