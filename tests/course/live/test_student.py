"""The student's edition as a new student uses it, in a real JupyterLab."""

import shutil
from pathlib import Path

import jupyter_lab
import nbformat
import pytest
from playwright.sync_api import Page, expect
from until import until

from lecture21.cli import main
from lecture21.course.exercises.registry import find

ROOT = Path(__file__).resolve().parents[3]
IDLE = "Python 3 (ipykernel) | Idle"


def cell(page: Page, text: str):
    """Return the code cell with a text."""
    return page.locator(".jp-Notebook .jp-CodeCell").filter(has_text=text)


def run_to(page: Page, text: str) -> None:
    """Run one cell after the other with the keyboard, until the next one has a text."""
    for _ in range(60):
        page.get_by_text(IDLE).wait_for()
        if text in page.locator(".jp-Notebook .jp-Cell.jp-mod-active").inner_text():
            return
        page.keyboard.press("Shift+Enter")
    pytest.fail(f"there is no cell with {text!r}")


def saved_code(page: Page, path: Path) -> list:
    """Save a notebook, and return its cells with code."""
    page.keyboard.press("ControlOrMeta+s")
    page.get_by_text("Saving completed").wait_for()
    return [each for each in nbformat.read(path, as_version=4).cells if each.cell_type == "code"]


@pytest.mark.repetition
def test_a_student_works_through_a_chapter(browser, tmp_path):
    folder = tmp_path / "notebooks"
    main(["study", str(folder), "--no-open"])
    name = "04_causal_mask.ipynb"
    shutil.copy(ROOT / "notebooks" / name, folder / "book.ipynb")
    exercise = find("4.1")
    with jupyter_lab.serving(folder, tmp_path) as address:
        with jupyter_lab.opened(browser, address, name) as page:
            page.get_by_text(IDLE).wait_for()
            expect(page.locator(".jp-OutputArea-output:visible")).to_have_count(0)
            page.locator(".jp-Notebook h1").click()
            setup = cell(page, "import math")
            expect(setup.locator(".jp-InputPlaceholder")).to_be_visible()

            run_to(page, exercise.stub.splitlines()[0])
            expect(setup.locator(".jp-InputPlaceholder")).to_be_visible()  # the code stays folded, and its figure shows
            expect(cell(page, "axes = plt.subplots").locator("img")).to_have_count(1)
            page.keyboard.press("Shift+Enter")
            page.keyboard.press("Shift+Enter")
            cell(page, 'check("4.1"').get_by_text("4.1: not written yet").wait_for()

            cell(page, exercise.stub.splitlines()[0]).locator(".cm-content").click()
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.insert_text(exercise.text(exercise.solution))
            page.keyboard.press("Shift+Enter")
            page.keyboard.press("Shift+Enter")
            cell(page, 'check("4.1"').get_by_text("4.1: correct").wait_for()

            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            # The last cell is folded, so that the page shows no number when it has run.
            until(lambda: saved_code(page, folder / name)[-1].execution_count is not None)
            code = saved_code(page, folder / name)
        with jupyter_lab.opened(browser, address, "book.ipynb") as page:  # the book's notebook folds its results
            # JupyterLab shows the first line of a folded text, which is one more reason to store none for students.
            cell(page, "dice_loss = {}").locator(".jp-OutputPlaceholder").wait_for()
            expect(page.get_by_text("without the mask: 0.212 nats")).to_be_hidden()
    assert [each.source for each in code if each.execution_count is None] == []
    assert [each.source for each in code if any(output.output_type == "error" for output in each.outputs)] == []
    printed = "".join(output.get("text", "") for each in code for output in each.outputs)
    assert "4.1: correct\n" in printed
    assert "4.1: your version is used\n" in printed
    assert "4.2: the book's version is used until yours is correct\n" in printed
    assert [f"4.{n}: not written yet\n" in printed for n in range(1, 6)] == [False, True, True, True, True]
