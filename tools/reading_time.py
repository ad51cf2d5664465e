"""How long a chapter takes, estimated from what is in its notebook.

Usage: python tools/reading_time.py [--write] [NOTEBOOK ...]        (all of notebooks/ if none is named)

It prints the words and lines of code that a reader of each notebook sees, the minutes to read it, and those to read it
and do its questions, figures and exercises. With --write it also states the minutes in the first cell. The book states
them whenever it is built, and those of the path on the landing page, by the same rates.

To read: 100 words a minute, 5 seconds for each visible line of code, half a minute for each picture. To do besides: a
minute for each question, 3 minutes for each figure that responds, and for each exercise 3 minutes and one more for each
line of code of its solution, and 15 minutes for an open exercise. These rates are an assumption, not a measurement of
readers.
"""

import ast
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

sys.path.insert(0, str(Path(__file__).resolve().parent))
import repository
from notebook_cells import has_picture, length, tags

WORDS_PER_MINUTE = 100
MINUTES_PER_LINE = 5 / 60
MINUTES_PER_PICTURE = 0.5
MINUTES_PER_QUESTION = 1
MINUTES_PER_FIGURE = 3
MINUTES_PER_EXERCISE = 3
MINUTES_PER_SOLUTION_LINE = 1
MINUTES_PER_OPEN_EXERCISE = 15
STEP = 5  # what is stated is rounded to this many minutes

STATED = re.compile(r"\*\*Reading\*\* \d+ minutes(?:, \d+ with its exercises)?")
_OPEN = re.compile(r"^#+ Open exercise", re.MULTILINE)
_LIVE = re.compile(r"^(:{3,})\{live\}.*?^\1$", re.MULTILINE | re.DOTALL)


def reading(cells: list[NotebookNode]) -> float:
    """Return the minutes to read cells of a notebook: what the page shows before anything is opened."""
    words, lines = length(cells)
    shown = [cell for cell in cells if cell.cell_type == "code" and not tags(cell) & {"hide-output", "remove-output"}]
    pictures = sum(map(has_picture, shown))
    return words / WORDS_PER_MINUTE + lines * MINUTES_PER_LINE + pictures * MINUTES_PER_PICTURE


def doing(cells: list[NotebookNode]) -> float:
    """Return the minutes for the questions, figures that respond, and exercises among cells of a notebook."""
    minutes = 0.0
    for cell in cells:
        if cell.cell_type == "code" and "live.Question(" in cell.source:
            minutes += MINUTES_PER_QUESTION
        elif is_figure(cell):
            minutes += MINUTES_PER_FIGURE
        elif "solution" in tags(cell):
            minutes += MINUTES_PER_EXERCISE + solution_lines(cell.source) * MINUTES_PER_SOLUTION_LINE
        elif cell.cell_type == "markdown":
            minutes += len(_OPEN.findall(cell.source)) * MINUTES_PER_OPEN_EXERCISE
    return minutes


def is_figure(cell: NotebookNode) -> bool:
    """Return whether a cell shows a figure that responds."""
    match = re.match(r"live\.([A-Z]\w*)\(", cell.source) if cell.cell_type == "code" else None
    return match is not None and match[1] != "Question"


def solution_lines(code: str) -> int:
    """Return how many lines of code a reader writes for a solution: no comment, docstring, signature or check."""
    lines = set()
    for node in ast.walk(ast.parse(code)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_check = isinstance(node, ast.Expr) and ast.unparse(node).startswith("check(")
        if isinstance(node, ast.stmt) and not (is_text or is_check or isinstance(node, ast.FunctionDef | ast.ClassDef)):
            lines.add(node.lineno)
    return len(lines)


def rounded(minutes: float) -> int:
    """Return minutes as they are stated."""
    return max(STEP, STEP * round(minutes / STEP))


def of_notebook(path: Path) -> tuple[int, int]:
    """Return the minutes to read a notebook, and to read it and do what it asks, as they are stated."""
    return of_cells(nbformat.read(path, as_version=4).cells)


def of_cells(cells: list[NotebookNode]) -> tuple[int, int]:
    """Return the minutes of a notebook with these cells."""
    return rounded(reading(cells)), rounded(reading(cells) + doing(cells))


def statement(minutes: tuple[int, int]) -> str:
    """Return the sentence part that states the two durations in a first cell."""
    read, done = minutes
    return f"**Reading** {read} minutes" + (f", {done} with its exercises" if done > read else "")


def of_path(page: Path) -> tuple[int, int]:
    """Return how many stops the path has, each with one figure, and its minutes: the landing page up to its end."""
    text = page.read_text(encoding="utf-8").split("\n## After the path\n")[0]
    words, _ = length([new_markdown_cell(_LIVE.sub("", text))])
    figures = len(_LIVE.findall(text))
    return figures, rounded(words / WORDS_PER_MINUTE + figures * MINUTES_PER_FIGURE)


def write(path: Path) -> bool:
    """State the minutes of a notebook in its first cell, and return whether that changed it."""
    notebook = nbformat.read(path, as_version=4)
    changed = state(notebook, of_notebook(path))
    if changed:
        nbformat.write(notebook, path)
    return changed


def state(notebook: NotebookNode, minutes: tuple[int, int]) -> bool:
    """State minutes in the first cell of a notebook, and return whether that changed it."""
    first = notebook.cells[0]
    before, first.source = first.source, STATED.sub(statement(minutes), first.source)
    return first.source != before


def main() -> None:
    """Print the length and the minutes of the notebooks, and write the minutes."""
    names = [name for name in sys.argv[1:] if name != "--write"]
    for path in [Path(name) for name in names] or repository.notebooks():
        cells = nbformat.read(path, as_version=4).cells
        (words, lines), (read, done) = length(cells), of_cells(cells)
        size = f"{words:6,} words {lines:4} lines of code"
        print(f"{repository.name_of(path.resolve()):32}{size} {read:4} minutes, {done:4} with exercises")
        if "--write" in sys.argv[1:]:
            write(path)
    stops, minutes = of_path(repository.ROOT / "book" / "intro.md")
    print(f"{'the path':32}{stops:6} stops {minutes:32} minutes")


if __name__ == "__main__":
    main()
