"""Exercises on the built pages: each is one card, in which the reader can put its code together."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from lecture21_book.exercises import without_verdicts

from lecture21.course.exercises.registry import chapters, exercises_of

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


@pytest.mark.parametrize("chapter", chapters())
def test_an_exercise_is_one_card_below_its_heading(chapter: str, pages: Pages):
    (page,) = [page for name, page in pages.items() if name.startswith(f"notebooks/{chapter}_")]
    cards = page.select(".exercise-card")
    assert len(cards) == len(exercises_of(chapter))
    for card, exercise in zip(cards, exercises_of(chapter), strict=True):
        heading = card.find_previous_sibling(lambda tag: tag.name != "template")
        assert heading.name == "h3"
        assert heading.get_text().startswith(f"Exercise {exercise.number}:")
        assert card.find("p", recursive=False)  # the task
        kinds = [kind for tag in card.find_all(True, recursive=False) if (kind := kind_of(tag))]
        hints = len(kinds) - 3
        assert hints >= 1
        assert kinds == ["stub", "lines", *["hint"] * hints, "solution"]
    outside = [
        tag for tag in page.select(".tag_exercise, .tag_solution") if not tag.find_parent(class_="exercise-card")
    ]
    assert outside == []


def kind_of(tag) -> str:
    """What a part of a card is; nothing for its text."""
    classes = tag.get("class", [])
    if tag.name == "details":
        return "hint" if tag.summary.get_text().startswith("Hint") else tag.summary.get_text()
    if tag.get("data-figure"):
        return tag["data-figure"]
    if "tag_exercise" in classes:
        return "stub"
    if "tag_solution" in classes:
        return "solution"
    return "another cell" if "cell" in classes else ""


def test_no_page_says_what_a_check_says_where_nobody_has_run_it(pages: Pages):
    for name, page in pages.items():
        if name.startswith("notebooks/"):
            said = [output.get_text() for output in page.select(".cell_output .output")]
            assert [text for text in said if re.search(r"^\d+\.\d+: ", text, re.MULTILINE)] == [], name
            assert [text for text in said if not text.strip()] == [], name


def test_of_an_output_only_the_lines_of_checks_are_left_out():
    assert without_verdicts("4.1: your version is used\n4.2: not written yet\nloss 2.4\n") == "loss 2.4\n"
    assert without_verdicts("4.1: correct\n") == ""
    for kept in ("row 4.1: correct\n", "4.1: correct, since it is masked\n", "accuracy 4.1: 0.7\n"):
        assert without_verdicts(kept) == kept
