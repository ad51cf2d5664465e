"""Find asserts on what a page shows at one moment: `expect` waits for one element, `until` for what several show.

Usage: python tools/lint_tests.py        (part of `make lint`; tests/ruff.toml forbids sleeping and clocks)

No test waits for a time. An assert may read no element, neither itself nor through a function of its file. What a
module of the page computes, `page.evaluate("… module.name(…)")`, is no element.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
READERS = {
    "all_inner_texts", "all_text_contents", "bounding_box", "count", "evaluate", "evaluate_all", "get_attribute",
    "inner_html", "inner_text", "input_value", "is_checked", "is_disabled", "is_editable", "is_enabled", "is_hidden",
    "is_visible", "text_content",
}  # fmt: skip


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, but no function inside of it, which `until` may call again."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Lambda | ast.FunctionDef):
            yield from walk(child)


def reads_element(node: ast.AST) -> bool:
    """Return whether a call asks Playwright for the present state of a page."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in READERS:
        return False
    if node.func.attr == "count":
        return not node.args  # that of a text or of a list has one
    if node.func.attr == "evaluate":
        return not any(isinstance(each, ast.Constant) and "module." in str(each.value) for each in ast.walk(node))
    return True


def is_computed(node: ast.AST) -> bool:
    """Return whether a call evaluates something on the page."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "evaluate"


def reading_functions(tree: ast.AST) -> set[str]:
    """Return the functions of a file that return what they read, themselves or through another one.

    Those that only evaluate an expression don't count: most call a module of the page.
    """
    found: set[str] = set()
    while True:
        more = set()
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("test_"):
                returns = any(isinstance(each, ast.Return) and each.value for each in walk_body(function))
                parts = [each for each in walk_body(function) if not is_computed(each)]
                if returns and any(reads_element(each) or calls(each, found) for each in parts):
                    more.add(function.name)
        if more <= found:
            return found
        found |= more


def walk_body(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what is in a function."""
    for part in function.body:
        yield from walk(part)


def calls(node: ast.AST, functions: set[str]) -> bool:
    """Return whether a node calls one of some functions."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions


def reads(expression: ast.AST, functions: set[str]) -> bool:
    """Return whether an expression reads an element, or calls a function that does."""
    return any(reads_element(each) or calls(each, functions) for each in walk(expression))


def problems(path: Path) -> dict[int, str]:
    """Return the asserts that read an element, and what waits for a time, by line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = reading_functions(tree)
    return {
        each.lineno: ast.unparse(each)
        for each in ast.walk(tree)
        if (isinstance(each, ast.Assert) and reads(each.test, functions))
        or (isinstance(each, ast.Attribute) and each.attr == "wait_for_timeout")
    }


def main() -> int:
    """Print one line for each problem; return the exit status."""
    found = {path: problems(path) for path in sorted(TESTS.rglob("*.py"))}
    for path, lines in found.items():
        for line, text in lines.items():
            print(f"{path.relative_to(TESTS.parent)}:{line}: not waited for: {text}", file=sys.stderr)
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
