"""One lecture: its rows name sections of the chapters that have speaker's notes, and their minutes add up."""

import re
from pathlib import Path

import nbformat
import notebook_lint
import pytest
import yaml

from lecture21.data import worked_example

ROOT = Path(__file__).resolve().parents[2]
ROWS = yaml.safe_load((ROOT / "book" / "lecture.yml").read_text(encoding="utf-8"))


def notes(page: str) -> dict[str, list[str]]:
    """The headings of a chapter in order, each with the notes below it and before the next one."""
    found: dict[str, list[str]] = {}
    for cell in nbformat.read(ROOT / f"{page}.ipynb", as_version=4).cells:
        if cell.cell_type != "markdown":
            continue
        if "teaching" in notebook_lint.tags(cell):
            found[list(found)[-1]].append(cell.source)
        else:
            found |= {name: [] for name in re.findall(r"^#+ +(.*?) *$", cell.source, re.MULTILINE)}
    return found


def test_the_lecture_takes_75_minutes():
    assert sum(minutes for row in ROWS for minutes in row["sections"].values()) == 75


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["what"][:20])
def test_a_row_has_sections_of_its_chapter_in_order_and_each_has_a_note(row: dict):
    known = notes(row["page"])
    sections = list(row["sections"])
    assert [name for name in known if name in sections] == sections
    assert [name for name in sections if not known[name]] == []


def vectors(text: str) -> list[list[int]]:
    """The vectors of four whole numbers that a text writes in parentheses, with what it repeats twice."""
    found = re.findall(r"(twice )?\((-?\d+), (-?\d+), (-?\d+), (-?\d+)\)", text)
    return [[int(part) for part in parts] for twice, *parts in found for _ in range(2 if twice else 1)]


def test_the_notes_give_the_numbers_that_the_class_computes_with():
    (scores,) = notes("notebooks/02_basic_self_attention")["Step 1: scores are dot products"]
    (head,) = notes("notebooks/03_learnable_attention")["One head by hand"]
    x = worked_example.X.int().tolist()
    assert vectors(scores) == x
    assert vectors(head) == [*worked_example.W_QUERY.int().tolist(), x[2], x[1]]


def test_the_note_on_the_mask_says_what_masking_after_the_softmax_leaves():
    (board,) = notes("notebooks/04_causal_mask")["Mask first, then softmax"]
    query, key = worked_example.X @ worked_example.W_QUERY.T, worked_example.X @ worked_example.W_KEY.T
    scores = query[2] @ key.T / 2  # of "sat"
    assert f"{scores.softmax(dim=-1)[:3].sum():.2f}, and the rest" in board
    assert "{:.3g}, {:.3f}, {:.3f}".format(*scores.exp()[:3].tolist()) in board
