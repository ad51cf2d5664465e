"""The gallery of mistakes, as the build wrote it."""

import json
from pathlib import Path

import one_document
import pytest
from bs4 import BeautifulSoup

from lecture21.course.exercises.registry import chapters, exercises_of

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
PAGE = ROOT / "book" / "mistakes.md"
EXERCISES = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]


@pytest.fixture(scope="module")
def text() -> str:
    """The source of the page."""
    if not PAGE.is_file():
        pytest.fail("the build has not written the gallery; run: make book", pytrace=False)
    return PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_mistake_and_no_solution(text: str):
    for exercise in EXERCISES:
        for mistake in exercise.mistakes:
            assert exercise.text(mistake.wrong) in text, "out of date; run: make book"
            assert mistake.hint in text
        assert exercise.text(exercise.solution) not in text


def test_names_are_in_the_open_and_code_and_hints_are_folded(pages: dict[str, BeautifulSoup]):
    article = BeautifulSoup(str(pages["book/mistakes.html"].find("article")), "html.parser")
    mistakes = [mistake for exercise in EXERCISES for mistake in exercise.mistakes]
    folds = article.select("details")
    assert len(folds) == len(mistakes)
    for fold in folds:
        assert fold.select_one(".highlight") is not None
        assert "Hint: " in fold.get_text()
        fold.extract()
    assert article.select(".highlight") == []
    assert "Hint: " not in article.get_text()
    names = [name.get_text() for name in article.select("p > strong")]
    assert [name.partition(" ")[2].lower() for name in names] == [mistake.name.lower() for mistake in mistakes]


def test_the_search_knows_nothing_but_the_title_of_the_page(pages: dict[str, BeautifulSoup]):
    texts = json.loads((HTML / "_static" / "search_texts.js").read_text(encoding="utf-8").partition(" = ")[2])
    assert [text for _, _, text, *_ in texts["book/mistakes"]] == [""]
    assert any(text for _, _, text, *_ in texts["book/exam"])


def test_the_printed_book_does_without_the_page():
    printed = [file for _, files in one_document.parts(ROOT) for file in files]
    assert "book/exam" in printed
    assert "book/mistakes" not in printed
