"""Exercises on the built pages: under each stub the reader can put its code together."""

import html
import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from lecture21.exercises.registry import chapters, exercises_of

ROOT = Path(__file__).resolve().parents[2]
Pages = dict[str, BeautifulSoup]


@pytest.mark.parametrize("chapter", chapters())
def test_under_each_stub_its_code_can_be_put_together(chapter: str, pages: Pages):
    (page,) = [page for name, page in pages.items() if name.startswith(f"notebooks/{chapter}_")]
    shown = []
    for stub in page.select(".cell.tag_exercise"):
        figure = stub.find_next_sibling()
        assert figure["data-figure"] == "lines"
        shown.append(json.loads(figure["data-state"])["exercise"]["number"])
        assert shown[-1] in stub.find_previous("h3").get_text()
        assert figure.get_text().strip() == ""  # without scripts and in print, the stub stands alone
    assert shown == [exercise.number for exercise in exercises_of(chapter)]


def test_notebooks_do_without_these_figures():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert "live.Lines" not in html.unescape(path.read_text(encoding="utf-8"))
