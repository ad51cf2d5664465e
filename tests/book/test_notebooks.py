"""The notebooks: the linter, what each chapter has, and what `make notebooks` stores."""

import base64
import io
import re
from pathlib import Path

import nbformat
import notebook_lint
import pytest
import repository
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image, ImageChops

import notebooks

NOTEBOOKS = repository.notebooks()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_linter_finds_no_problem_in_the_chapters(path: Path):
    assert notebook_lint.lint(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_chapter_has_exercises_questions_and_a_summary_of_three_sentences(path: Path):
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    figures = set(re.findall(r"live\.(\w+)\(", code))
    summary = next(cell.source for cell in cells if "## Summary\n" in cell.source).split("## Summary\n")[1]
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z$*])", summary.strip().split("\n\n")[0])
    assert len(re.findall(r"^(?:\d\.|-) ", summary, re.MULTILINE)) == 3 or len(sentences) == 3
    if path.parent.name != "labs":
        assert sum("exercise" in notebook_lint.tags(cell) for cell in cells) >= 3
        assert len(re.findall(r"live\.Question\(", code)) >= 3
        assert figures - {"Question"}


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.parent.name != "labs"], ids=lambda path: path.stem)
def test_the_first_note_for_instructors_has_a_time_plan(path: Path):
    cells = nbformat.read(path, as_version=4).cells
    notes = [cell.source for cell in cells if "teaching" in notebook_lint.tags(cell)]
    assert notebook_lint.TIME_PLAN.search(notes[0])


def test_a_compressed_picture_keeps_its_size_and_colors():
    ramp = Image.linear_gradient("L").resize((400, 300))
    drawn = Image.merge("RGBA", (ramp, ramp.rotate(180), ramp, Image.new("L", ramp.size, 255)))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", dpi=(144, 144))
    before = base64.b64encode(buffer.getvalue()).decode()
    after = notebooks.compress(before)
    shown = Image.open(io.BytesIO(base64.b64decode(after)))
    assert shown.size == drawn.size
    assert shown.info["dpi"] == pytest.approx((144, 144), abs=0.1)
    difference = ImageChops.difference(shown.convert("RGB"), drawn.convert("RGB"))
    assert max(most for _, most in difference.getextrema()) <= 2
    assert notebooks.compress(after) == after


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_at_most_a_megabyte(path: Path):
    assert path.stat().st_size <= 1_000_000


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["hide-input"], {"jupyter": {"source_hidden": True}, "cellView": "form"}),
        (["hide-output"], {"jupyter": {"outputs_hidden": True}, "collapsed": True}),
        (
            ["hide-cell"],
            {"jupyter": {"source_hidden": True, "outputs_hidden": True}, "cellView": "form", "collapsed": True},
        ),
        ([], {}),
    ],
)
def test_running_a_notebook_again_folds_in_jupyter_what_the_book_folds(given: list[str], expected: dict):
    stale = {"cellView": "form", "jupyter": {"outputs_hidden": True}}
    notebook = new_notebook(cells=[new_code_cell("1", metadata={"tags": given, **stale})])
    notebooks.fold(notebook)
    assert notebook.cells[0].metadata == {"tags": given, **expected}
