"""Questions on the built pages: they check an answer, the outputs that give it away are folded, and print answers."""

import re

import pytest

from lecture21.chapters import FOLDERS, questions

PAGES = {chapter: f"notebooks/{folder.name[1:]}.html" for chapter, folder in FOLDERS.items()}

EXAM = "book/exam.html"


def questions_of(name: str) -> list[dict]:
    """The questions of a chapter, or of the exam, that are checked in the page."""
    return [question for question in questions.load(name) if question["kind"] != "text"]


def on_page(page, question: dict):
    """The element of one question."""
    number = questions_of(question["id"].split(".")[0].zfill(2)).index(question)
    return page.locator(".live-figure[data-figure=question]").nth(number)


@pytest.mark.parametrize("name", [*PAGES, "exam"])
def test_a_page_checks_its_questions_and_prints_the_answers(name: str, wide):
    page = wide.open(PAGES.get(name, EXAM))
    for question in questions_of(name):
        figure = on_page(page, question)
        figure.scroll_into_view_if_needed()
        figure.locator("section.figure").wait_for()
        number = question["id"].removeprefix("exam.")
        assert figure.locator("section.figure").get_attribute("aria-label") == f"Question {number}"
        foreseen = question["hints"][0]
        for answer in (foreseen["answer"], question["answer"]):
            if question["kind"] == "number":
                figure.get_by_label("Your answer").fill(str(answer))
            else:
                figure.locator("input[type=radio]").nth(question["choices"].index(answer)).check()
            figure.get_by_role("button", name="Check").click()
            reading = figure.locator(".reading").inner_text()
            assert reading.startswith("✓ Right." if answer == question["answer"] else "✗ Not yet.")
            assert ("Answer:" in reading) == (answer == question["answer"])
    assert wide.errors == []
    assert wide.foreign == []
    page.emulate_media(media="print")
    for question in questions_of(name):
        figure = on_page(page, question)
        assert not figure.locator(".live-place").is_visible()
        assert name == "exam" or figure.locator("details > p").is_visible()


@pytest.mark.parametrize("chapter", PAGES)
def test_without_a_script_the_answer_is_folded(chapter: str, scriptless):
    page = scriptless.open(PAGES[chapter])
    for question in questions.load(chapter):
        figure = on_page(page, question)
        assert f"Question {question['id']}." in figure.inner_text()
        assert not figure.locator("details > p").is_visible()
        figure.locator("summary").click()
        assert figure.locator("details > p").is_visible()


def test_the_exam_has_every_worked_answer_folded_below_its_question(scriptless):
    page = scriptless.open(EXAM)
    answers = page.locator("article details:has(> summary:text-is('Worked answer'))")
    assert answers.count() == len(questions.load("exam"))
    for question in questions_of("exam"):
        answer = on_page(page, question).locator("xpath=following-sibling::details[1]")
        assert not answer.get_by_text("See chapter").is_visible()
        answer.locator("summary").click()
        assert answer.get_by_text("See chapter").is_visible()
        right = questions.answer_of(question).replace("`", "").replace("'", "’")
        assert answer.locator("p").first.inner_text().startswith(f"{right}.")


def test_the_printed_exam_has_every_answer_once(wide):
    page = wide.open(EXAM)
    first = on_page(page, questions_of("exam")[0])
    first.scroll_into_view_if_needed()
    first.locator("section.figure").wait_for()
    page.emulate_media(media="print")
    assert not first.locator(".live-place").is_visible()
    assert first.get_by_text("Question 2.").is_visible()
    assert page.get_by_text("See chapter").count() == len(questions.load("exam"))
    assert page.get_by_text("See chapter").last.is_visible()


def test_the_output_that_gives_the_answer_is_folded(wide):
    page = wide.open(PAGES["02"])
    assert page.get_by_text(re.compile(r"weights\s+\['0\.054'")).count() == 1
    assert not page.get_by_text(re.compile(r"weights\s+\['0\.054'")).is_visible()
    assert not page.get_by_alt_text(re.compile("Right: down cat the sat")).is_visible()
