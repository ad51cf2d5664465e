"""The code of solutions and mistakes as complete programs, so that one can be compared with the other line by line."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from types import FunctionType
from typing import Any

from lecture21.course.exercises.exercise import Exercise

ATOMS = (ast.Call, ast.Attribute, ast.Subscript, ast.Name, ast.Constant, ast.List, ast.ListComp)
"""Expressions that need no parentheses anywhere."""

_UNSEEN = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT)


def complete(exercise: Exercise, answer: Any) -> list[str]:
    """Return the lines of a solution or a mistake that do without anything that a reader does not have.

    Comments and docstrings are left out, calls of private functions are replaced by what these do, and a class that
    inherits from the solution gets the solution's other methods.

    Raises:
        ValueError: if a private function is called in a way that cannot be replaced.
    """
    if exercise.is_value:
        return [exercise.text(answer)]
    if isinstance(answer, FunctionType):
        lines = _without_private_calls(_lines_of(answer), _names_of(answer))
    else:
        lines = _with_inherited_methods(exercise, answer)
    header, *body = lines
    header = re.sub(r"^(def|class) \w+", rf"\1 {exercise.name}", header)
    if isinstance(answer, type):
        header = f"class {exercise.name}(nn.Module):"
    body = [re.sub(r"\b_(?=[A-Z])", "", line) for line in body]  # classes are private here, and the reader's are not
    return [header, *body]


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


def _lines_of(thing: Any) -> list[str]:
    """Return the lines of a function or class, without decorators."""
    lines = logical_lines(textwrap.dedent(inspect.getsource(thing)))
    start = next(n for n, line in enumerate(lines) if re.match(r"def |class ", line))
    return lines[start:]


def _names_of(function: FunctionType) -> dict[str, Any]:
    """Return the names that a function's code can use, also where a check of types is wrapped around it."""
    return inspect.unwrap(function).__globals__


# Private functions


def _without_private_calls(lines: list[str], names: dict[str, Any]) -> list[str]:
    """Return the lines of a function with each call of a private function replaced by that function's lines."""
    for n, line in enumerate(lines[1:], start=1):
        call = _private_call(line, names)
        if call is None:
            continue
        if not line.startswith("    ") or line.startswith("     "):
            raise ValueError(f"{call.func.id} is called in an inner block: {line.strip()}")
        helper = names[call.func.id]
        _, *body = _without_private_calls(_lines_of(helper), _names_of(helper))
        last = body.pop()
        if not last.startswith("    return ") or any(re.match(r" +return\b", each) for each in body):
            raise ValueError(f"{call.func.id} does not end with its only return")
        parameters = list(inspect.signature(helper).parameters)
        given = [ast.unparse(argument) for argument in call.args]
        before = [f"    {name} = {value}" for name, value in zip(parameters, given, strict=True) if name != value]
        text = line.strip()
        start, end = call.col_offset, call.end_col_offset
        result = _enclosed(last.removeprefix("    return "), text, start, end)
        line = f"    {text[:start]}{result}{text[end:]}"
        return _without_private_calls([*lines[:n], *before, *body, line, *lines[n + 1 :]], names)
    return lines


def _private_call(line: str, names: dict[str, Any]) -> ast.Call | None:
    """Return the first call of a private function in a line."""
    try:
        tree = ast.parse(line.strip())
    except SyntaxError:  # the first line of a block
        return None
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name[0] == "_" and isinstance(names.get(name), FunctionType):
                return node
    return None


def _enclosed(expression: str, text: str, start: int, end: int) -> str:
    """Return an expression that replaces text[start:end], in parentheses unless it is simple or is all there is."""
    tree = ast.parse(expression, mode="eval").body
    alone = re.fullmatch(r"return |\(|\w+ = ", text[:start]) and end == len(text)
    return expression if isinstance(tree, ATOMS) or alone else f"({expression})"


# Classes


def _with_inherited_methods(exercise: Exercise, answer: type) -> list[str]:
    """Return the lines of a class that is the solution with the methods of `answer` in place of its own."""
    own, right = _methods(_lines_of(answer)), _methods(_lines_of(exercise.solution))
    if not issubclass(answer, exercise.solution):
        right = {}
    methods = right | own
    for name, method in own.items():
        if name in right:  # super().__init__(width) is the solution's method
            at = [n for n, line in enumerate(method) if re.match(rf" +super\(\)\.{name}\(.+\)$", line)]
            for n in reversed(at):
                method[n : n + 1] = right[name][1:]
            if any("super()." in line and line not in right[name] for line in method):
                raise ValueError(f"{answer.__name__}.{name} uses the solution's method in an expression")
    lines = ["class _:"]
    for method in methods.values():
        lines += [*([""] if len(lines) > 1 else []), *method]
    return [line.replace("nn.Module.__init__(self)", "super().__init__()") for line in lines]


def _methods(lines: list[str]) -> dict[str, list[str]]:
    """Return the lines of each method of a class, by its name."""
    found: dict[str, list[str]] = {}
    for line in lines[1:]:
        if match := re.match(r"    def (\w+)", line):
            name = match[1]
            found[name] = []
        found[name].append(line)
    return found
