"""Put an exercise into the notebook of its chapter, as five cells: task, stub, check, hints and solution.

Usage: python tools/exercise.py NUMBER        (make exercise NUMBER=4.6)

Title, stub, check and solution come from the exercise's definition. The cells are inserted before the first heading
after the previous exercise; move them where they fit. What only you can write, the task and two hints, is marked TO
WRITE, which the linter does not let pass. Of an exercise that the notebook has, stub and solution are written again,
for a changed docstring or solution; all else stays as it is.
"""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from lecture21.course.exercises.exercise import Exercise
from lecture21.course.exercises.registry import exercises_of, find

sys.path.insert(0, str(Path(__file__).resolve().parent))
from notebook_cells import TO_WRITE

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PARTS = ("task", "stub", "check", "hints", "solution")
_HEADING = re.compile("^#+ ", re.MULTILINE)


def cells_of(exercise: Exercise) -> list[NotebookNode]:
    """Return the five cells of an exercise."""
    hint = "<details>\n<summary>Hint {}</summary>\n\n{}: {}\n\n</details>"
    check = f'check("{exercise.number}", {exercise.name})'
    cells = [
        new_markdown_cell(
            f"### Exercise {exercise.number}: {exercise.title}\n\n{TO_WRITE}: why, and what; the stub says the rest."
        ),
        new_code_cell(exercise.stub, metadata={"tags": ["exercise"]}),
        new_code_cell(check),
        new_markdown_cell(
            f"{hint.format(1, TO_WRITE, 'where to begin.')}\n\n{hint.format(2, TO_WRITE, 'the next step.')}",
            metadata={"tags": ["hint"]},
        ),
        new_code_cell(
            f"{exercise.text(exercise.solution)}\n\n\n{check}", metadata={"tags": ["hide-input", "solution"]}
        ),
    ]
    for part, cell in zip(PARTS, cells, strict=True):
        cell.id = f"exercise-{exercise.number.replace('.', '-')}-{part}"
    return cells


def place_of(cells: list[NotebookNode], exercise: Exercise) -> int | None:
    """Return the index of the first of an exercise's cells, None if it has none."""
    begin = f"### Exercise {exercise.number}:"
    return next((n for n, cell in enumerate(cells) if cell.source.startswith(begin)), None)


def put(cells: list[NotebookNode], exercise: Exercise) -> bool:
    """Insert the cells of an exercise, or write its stub and solution again; return whether they are new.

    Raises:
        ValueError: if none of the earlier exercises of the chapter is among the cells.
    """
    new = cells_of(exercise)
    if (place := place_of(cells, exercise)) is not None:
        cells[place + 1].source = new[1].source
        if not exercise.is_value:  # of a value, the notebook shows how it is found
            cells[place + 4].source = new[4].source
        return False
    numbers = exercises_of(exercise.chapter)
    earlier = [place_of(cells, each) for each in numbers[: numbers.index(exercise)]]
    earlier = [each for each in earlier if each is not None]
    if not earlier:
        raise ValueError("the notebook has no earlier exercise of the chapter, after which this one could come")
    end = earlier[-1] + len(PARTS)
    while end < len(cells) and not (cells[end].cell_type == "markdown" and _HEADING.search(cells[end].source)):
        end += 1
    cells[end:end] = new
    return True


def main() -> int:
    """Put the exercise that is named on the command line into its notebook; return the exit status."""
    if len(sys.argv) != 2:
        print("name one exercise: make exercise NUMBER=4.6", file=sys.stderr)
        return 2
    try:
        exercise = find(sys.argv[1])
        (path,) = NOTEBOOKS.glob(f"{exercise.chapter}_*.ipynb")
        notebook = nbformat.read(path, as_version=4)
        inserted = put(notebook.cells, exercise)
    except ValueError as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        return 1
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    # Formatted for the columns of a notebook, which are fewer; a docstring or comment that is too long is named.
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "format", "--quiet", str(path)], check=True)
    too_long = subprocess.run([*ruff, "check", "--quiet", "--output-format", "concise", str(path)], check=False)
    name = path.relative_to(NOTEBOOKS.parent)
    print(f"{name}: {'five cells inserted' if inserted else 'stub and solution written again'}")
    if too_long.returncode:
        print("Change what ruff names in the exercise's definition, and run this command again.", file=sys.stderr)
        return 1
    if inserted:
        print(f"Write what is marked {TO_WRITE}, and then run: .venv/bin/python tools/notebooks.py {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
