"""The code of a solution or a mistake as a reader would have written it, and the stub with which the reader starts."""

import ast
import inspect
import textwrap
from typing import Any

_Place = tuple[int, int, int, str]  # line, first and last column in bytes, and the text to put there


def as_written(answer: Any, name: str, solution: Any) -> str:
    """Return the code of a function or class under the name of its exercise, without decorators.

    Names of classes lose the underscore that they have in this package. A mistake that inherits the right methods of
    the solution is shown as a module, with a comment that says so.
    """
    source = textwrap.dedent(inspect.getsource(answer))
    tree = ast.parse(source).body[0]
    lines = source.splitlines()
    inherits = isinstance(answer, type) and answer is not solution and issubclass(answer, solution)
    start = tree.col_offset + len("class " if isinstance(tree, ast.ClassDef) else "def ")
    places = [(tree.lineno, start, start + len(tree.name), name)]
    for node in ast.walk(tree):
        if inherits and _calls_the_module(node):
            places.append(_place(node, "super().__init__()"))
        elif inherits and node in tree.bases:
            places.append(_place(node, "nn.Module"))
        elif isinstance(node, ast.Name) and node.id == tree.name:
            places.append(_place(node, name))
        elif isinstance(node, ast.Name) and node.id[:1] == "_" and node.id[1:2].isupper():
            places.append(_place(node, node.id[1:]))
    for line, first, last, text in sorted(places, reverse=True):
        data = lines[line - 1].encode()
        lines[line - 1] = (data[:first] + text.encode() + data[last:]).decode()
    if inherits:
        lines[tree.lineno - 1] += "  # its other methods are right"
    return "\n".join(lines[tree.lineno - 1 :]).rstrip()


def _place(node: ast.expr, text: str) -> _Place:
    return node.lineno, node.col_offset, node.end_col_offset, text


def _calls_the_module(node: ast.AST) -> bool:
    """Return whether a node is `nn.Module.__init__(self)`, with which a mistake passes over its parent."""
    return isinstance(node, ast.Call) and ast.unparse(node) == "nn.Module.__init__(self)"


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
