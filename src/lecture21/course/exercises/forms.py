"""Equal forms of code: with a variable or without it.

A mistake is often written in fewer lines than the solution, without its intermediate results. So that the two differ
only where the mistake is, the solution's variables are introduced into the mistake, or taken out of both.
"""

import ast
import re
from collections.abc import Iterator

from lecture21.course.exercises.sources import ATOMS, logical_lines

_FORMS = 16
_WIDTH = 120  # of a line that a form may have
_SEPARATE = (ast.Call, ast.keyword, ast.Return, ast.Assign, ast.Tuple, ast.List)
_SUM, _PRODUCT = (ast.Add, ast.Sub), (ast.Mult, ast.Div)


def forms(lines: list[str]) -> list[list[str]]:
    """Return the lines, and others that do the same without some of the variables that are used once."""
    found = ["\n".join(lines)]
    for code in found:
        for other in _without_a_variable(code):
            if other not in found and len(found) < _FORMS:
                found.append(other)
    return [lines_of(code) for code in found]


def like(right: list[str], wrong: list[str]) -> list[str]:
    """Return lines that do the same as `wrong`, with those variables of `right` whose values they contain."""
    code, solution = "\n".join(wrong), "\n".join(right)
    for function in _functions(ast.parse(solution)):
        before: set[str] = set()
        for statement in function.body:
            if isinstance(statement, ast.Assign):
                line = ast.get_source_segment(solution, statement)
                code = _with_variables(code, function.name, statement, line, before)
            before |= _names(statement, ast.Store).keys()
    return lines_of(code)


def lines_of(code: str) -> list[str]:
    """Return the logical lines of code, with empty ones between methods."""
    found: list[str] = []
    for line in logical_lines(code):
        found += ["", line] if line.startswith("    def ") and len(found) > 1 else [line]
    return found


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


# Fewer variables


def _without_a_variable(code: str) -> Iterator[str]:
    """Yield the code with each one of its variables that are used once replaced by its value."""
    tree = ast.parse(code)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for function in _functions(tree):
        for statement, after in zip(function.body, function.body[1:], strict=False):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    again = isinstance(after, ast.Assign) and name in _names(after, ast.Store)  # x = ..., then x = f(x)
                    place = after if again else function
                    loads = _names(place, ast.Load).get(name, [])
                    if len(loads) == 1 and len(_names(place, ast.Store)[name]) == 1:
                        new = _replaced(code, statement, value, loads[0], parents)
                        if new is not None:
                            yield new


def _names(tree: ast.AST, context: type) -> dict[str, list[ast.Name]]:
    """Return where names are read (ast.Load) or assigned (ast.Store)."""
    found: dict[str, list[ast.Name]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, context):
            found.setdefault(node.id, []).append(node)
    return found


def _replaced(
    code: str, statement: ast.Assign, value: ast.expr, use: ast.Name, parents: dict[ast.AST, ast.AST]
) -> str | None:
    """Return the code without an assignment, with its value where the variable is used; None where that is no form."""
    node: ast.AST = use
    while not isinstance(node, ast.stmt):
        node = parents[node]
        if isinstance(node, ast.Lambda | ast.comprehension):
            return None
    if parents[node] is not parents[statement] or statement.end_lineno != statement.lineno or not code.isascii():
        return None
    text = ast.get_source_segment(code, value)
    rows = code.splitlines()
    row = rows[use.lineno - 1]
    row = row[: use.col_offset] + (text if _is_separate(value, use, parents[use]) else f"({text})")
    row += rows[use.lineno - 1][use.end_col_offset :]
    if len(row) > _WIDTH:
        return None
    rows[use.lineno - 1] = row
    del rows[statement.lineno - 1]
    return "\n".join(rows)


def _is_separate(value: ast.expr, use: ast.Name, parent: ast.AST) -> bool:
    """Return whether a value needs no parentheses in the place of a name."""
    if isinstance(value, ATOMS) or isinstance(parent, _SEPARATE):
        return True
    match parent, value:
        case ast.BinOp(left=left, op=outer), ast.BinOp(op=inner):
            if isinstance(outer, _SUM):
                return isinstance(inner, _PRODUCT) or left is use
            is_product = isinstance(outer, _PRODUCT) and isinstance(inner, _PRODUCT)
            return is_product and (left is use or isinstance(outer, ast.Mult))
        case ast.Compare(), ast.BinOp():
            return True
    return False


# More variables


def _with_variables(code: str, name: str, assignment: ast.Assign, line: str, before: set[str]) -> str:
    """Return the code with an assignment in the function `name`, if values that it assigns are in that function.

    `line` is the text of the assignment; `before` are the names that the solution assigns before it.
    """
    function = next((each for each in _functions(ast.parse(code)) if each.name == name), None)
    match assignment:
        case ast.Assign(targets=[ast.Name() as target], value=value):
            pairs = [(target, value)]
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            pairs = list(zip(targets, values, strict=True))
        case _:
            return code
    if function is None or not code.isascii() or not all(isinstance(each, ast.Name) for each, _ in pairs):
        return code
    if _names(function, ast.Store).keys() & {each.id for each, _ in pairs}:
        return code
    variables = {ast.dump(value): each.id for each, value in pairs if not isinstance(value, ast.Name | ast.Constant)}
    places = [node for node in ast.walk(function) if isinstance(node, ast.expr) and ast.dump(node) in variables]
    if not places or any(node.lineno != node.end_lineno for node in places):
        return code
    rows = code.splitlines()
    for node in sorted(places, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        row, start, end = rows[node.lineno - 1], node.col_offset, node.end_col_offset
        if re.search(r"(?<![\w\])])\($", row[:start]) and row[end : end + 1] == ")":
            start, end = start - 1, end + 1  # a name needs no parentheses
        rows[node.lineno - 1] = row[:start] + variables[ast.dump(node)] + row[end:]
    first = min(node.lineno for node in places)
    at = function.body[0].lineno
    for statement in function.body:
        if statement.end_lineno < first and _names(statement, ast.Store).keys() & before:
            at = statement.end_lineno + 1
    rows.insert(at - 1, " " * function.body[0].col_offset + line)
    return "\n".join(rows)
