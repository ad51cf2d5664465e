"""Lists of places in the book: what a page lacks is reported, and a script gets what was listed."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from lecture21_book import lecture, listed, path

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def warned(monkeypatch) -> list[str]:
    """What has been reported."""
    texts = []
    logger = SimpleNamespace(warning=lambda text, *values: texts.append(text % values))
    monkeypatch.setattr(listed, "_LOGGER", logger)
    return texts


@pytest.mark.parametrize(
    ("part", "add", "script"), [(lecture, lecture._add_rows, "lecture_rows"), (path, path._add_stops, "path_stops")]
)
def test_a_page_without_a_listed_section_is_reported(part, add: Callable, script: str, warned: list[str]):
    app = SimpleNamespace(srcdir=ROOT, config=SimpleNamespace(root_doc="book/intro"))
    part._read(app)
    context = {"body": '<section id="the-mask-on-four-words">', "content_root": "../"}
    add(app, "notebooks/04_causal_mask", "page.html", context, None)
    assert json.loads(context[script])
    assert f"{part._LIST}: notebooks/04_causal_mask has no anchor the-leak" in warned
    assert not any("the-mask-on-four-words" in text for text in warned)


def test_a_book_without_the_lists_has_neither(tmp_path: Path):
    app = SimpleNamespace(srcdir=tmp_path)
    lecture._read(app)
    path._read(app)
    assert app.lecture_rows == app.path_stops == []


def test_a_list_does_not_end_the_script_that_holds_it():
    data = {"says": "</script><b>bold</b>"}
    assert "</" not in listed.for_script(data)
    assert json.loads(listed.for_script(data)) == data
