"""Notebooks for tests of grading."""

import json
from collections.abc import Sequence
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from lecture21.course.exercises.registry import exercises_of
from lecture21.course.grading import graders
from lecture21.course.grading.notebooks import read
from lecture21.course.study import edition

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
MASK = "def causal_mask(n):\n    return torch.ones(n, n, dtype=torch.bool).tril()\n"
SETUP = "import math\nimport torch\nfrom lecture21.course.exercises import check, solved"


def write(path: Path, *cells: str, tags: str = "") -> Path:
    """Write a notebook of code cells, the first of which imports what most answers need."""
    codes = [new_code_cell(each, metadata={"tags": [tags] if tags else []}) for each in cells]
    notebook = new_notebook(cells=[new_markdown_cell("# Mine"), new_code_cell(SETUP), *codes])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(writes(notebook), encoding="utf-8")
    return path


def with_solutions(chapter: str, folder: Path) -> Path:
    """Write the student's edition of a chapter, with the cells of the book's solutions in place of the stubs."""
    (source,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    book = json.loads(source.read_text(encoding="utf-8"))
    solutions = [cell for cell in book["cells"] if "solution" in cell["metadata"].get("tags", [])]
    notebook = edition.student(book)
    stubs = [cell for cell in notebook["cells"] if "exercise" in cell["metadata"].get("tags", [])]
    for stub, solution in zip(stubs, solutions, strict=True):
        stub["source"] = solution["source"]
    path = folder / source.name
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def grades(path: Path, numbers: Sequence[str] = (), **options) -> list[graders.Grade]:
    """Grade a notebook for some exercises; by default for those of chapter 04."""
    with graders.Grader(**{"seconds": 100.0} | options) as grader:
        return grader.grade(read(path), numbers or [each.number for each in exercises_of("04")])


def points(path: Path, numbers: Sequence[str] = (), **options) -> dict[str, float]:
    return {each.number: each.points for each in grades(path, numbers, **options)}
