"""Figures and questions on the built pages: they start, check answers, stay readable without scripts, and print."""

import re
from pathlib import Path

import pytest
from kinds import sampled
from playwright.sync_api import Locator, Page, expect
from until import until

from lecture21.course.chapters import FOLDERS, questions

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
EXAM = "book/exam.html"
# Known from the sources: the tests are collected while the pages are built.
PAGES = sorted(
    [EXAM, "book/drawings.html", "book/intro.html", "book/speedrun.html"]
    + [
        path.relative_to(ROOT).with_suffix(".html").as_posix()
        for path in (ROOT / "notebooks").rglob("*.ipynb")
        if r"class=\"live-figure\"" in path.read_text(encoding="utf-8")
    ]
)
# Below an exercise that is put together in the page, its stub stands in where no script runs.
STANDS_ALONE = ".live-figure:not([data-figure=lines])"
# The pages that ask questions, with the name of their questions.
ASKING = {EXAM: questions.EXAM} | {f"notebooks/{folder.name[1:]}.html": name for name, folder in FOLDERS.items()}


def questions_of(address: str) -> list[dict]:
    """The questions of a page that are checked in the page."""
    return [question for question in questions.load(ASKING[address]) if question["kind"] != "text"]


def on_page(page: Page, address: str, question: dict) -> Locator:
    """The element of one question."""
    return page.locator(".live-figure[data-figure=question]").nth(questions_of(address).index(question))


def check_answers(figure: Locator, question: dict) -> None:
    """Give a foreseen wrong answer and the right one."""
    number = question["id"].removeprefix("exam.")
    expect(figure.locator("section.figure")).to_have_attribute("aria-label", f"Question {number}")
    for answer in (question["hints"][0]["answer"], question["answer"]):
        if question["kind"] == "number":
            figure.get_by_label("Your answer").fill(str(answer))
        else:
            figure.locator("input[type=radio]").nth(question["choices"].index(answer)).check()
        figure.get_by_role("button", name="Check").click()
        says = r"✓ Right\..*Answer:" if answer == question["answer"] else r"✗ Not yet\.(?!.*Answer:)"
        expect(figure.locator(".reading")).to_have_text(re.compile(f"^{says}"))


def test_chapters_have_figures_and_questions():
    built = [path for path in HTML.rglob("*.html") if 'class="live-figure"' in path.read_text(encoding="utf-8")]
    assert sorted(path.relative_to(HTML).as_posix() for path in built) == PAGES
    assert len([address for address in PAGES if address.startswith("notebooks/")]) >= 10
    assert set(ASKING) <= set(PAGES)


def come_to(figure: Locator) -> None:
    """Bring a figure into sight, and wait until it has started; on the path, open its stop."""
    figure.evaluate("each => { const stop = each.closest('#the-path > section'); if (stop) location.hash = stop.id; }")
    figure.scroll_into_view_if_needed()
    figure.locator("section.figure:not([aria-busy=true])").wait_for()


@pytest.mark.parametrize("address", sampled(PAGES))
def test_every_figure_of_a_page_starts_and_is_a_picture_in_print(address: str, wide):
    page = wide.open(address)
    figures = page.locator(".live-figure")
    for i in range(figures.count()):
        figure = figures.nth(i)
        come_to(figure)
        until(lambda: figure.locator(".message").all_inner_texts() in ([], [""]))
        until(lambda: not any(image.is_visible() for image in figure.locator(":scope > img").all()))
    for question in questions_of(address) if address in ASKING else []:
        check_answers(on_page(page, address, question), question)
    assert wide.errors == []
    assert wide.foreign == []
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if re.search(r"live/[^/]+\.webp$", name)] == []  # stand-ins are not loaded in vain
    page.emulate_media(media="print")
    for figure in figures.all():
        expect(figure.locator(".live-place")).to_be_hidden()
    for figure in page.locator(STANDS_ALONE).all():
        expect(figure.locator(":scope > *:not(.live-place)").first).to_be_visible()  # a picture is loaded only now
    if address == EXAM:  # its worked answers stand below the questions
        expect(on_page(page, address, questions_of(address)[0]).get_by_text("Question 2.")).to_be_visible()
        expect(page.get_by_text("See chapter")).to_have_count(len(questions.load(questions.EXAM)))
        expect(page.get_by_text("See chapter").last).to_be_visible()
    elif address in ASKING:
        answers = page.locator("#printed-answers details:has(> summary:text-is('Answer')) > p")
        expect(answers).to_have_count(len(questions_of(address)))
        until(lambda: all(answer.is_visible() for answer in answers.all()))


@pytest.mark.parametrize("address", sampled(PAGES))
def test_where_no_script_runs_pictures_stand_in_and_answers_are_folded(address: str, scriptless):
    page = scriptless.open(address)
    for figure in page.locator(STANDS_ALONE).all():
        until(lambda: figure.inner_text().strip())
        for image in figure.locator(":scope > img").all():
            box = image.bounding_box()
            assert box["width"] > 200
            assert box["height"] > 100
    if address == EXAM:
        answers = page.locator("article details:has(> summary:text-is('Worked answer'))")
        expect(answers).to_have_count(len(questions.load(questions.EXAM)))
    for question in questions_of(address) if address in ASKING else []:
        figure = on_page(page, address, question)
        if address == EXAM:
            answer = figure.locator("xpath=following-sibling::details[1]")
            folded = answer.get_by_text("See chapter")
        else:
            expect(figure).to_contain_text(f"Question {question['id']}.", use_inner_text=True)
            answer, folded = figure.locator("details"), figure.locator("details > p")
        expect(folded).to_be_hidden()
        answer.locator("summary").click()
        expect(folded).to_be_visible()
        if address == EXAM:
            right = questions.answer_of(question).replace("`", "").replace("'", "’")
            until(lambda: answer.locator("p").first.inner_text().startswith(f"{right}."))


@pytest.mark.parametrize(
    "address", [page if "/14_" in page else pytest.param(page, marks=pytest.mark.repetition) for page in PAGES]
)
def test_figures_run_in_a_page_that_is_opened_as_a_file(address: str, wide):
    """As in the zip file to read offline; `tests/course/live/test_opened_as_file.py` opens every kind of figure."""
    page = wide.page
    page.goto((HTML / address).as_uri())
    for figure in page.locator(".live-figure").all():
        come_to(figure)
    expect(page.locator(".live-stopped, .live-failed")).to_have_count(0)
    assert wide.errors == []
