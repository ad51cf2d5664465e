"""Present: a chapter as a talk, with the keyboard and the mouse, on a wide screen, a phone, as a file, on paper."""

import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from pypdf import PdfReader
from until import until

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
VECTORS, MASK = (f"notebooks/{name}.html" for name in ("02_basic_self_attention", "04_causal_mask"))
IN_A_TALK = "document.documentElement.hasAttribute('data-present')"


def title(page: Page) -> str:
    """The text of the only heading that is seen, or of all."""
    headings = page.locator("article :is(h1, h2, h3):visible")
    return " ".join(headings.evaluate_all("nodes => nodes.map((node) => node.firstChild.textContent)"))


def slide(page: Page, site: str, address: str, section: str) -> Page:
    """Open a chapter at one of its slides, as a reload does."""
    page.goto(f"{site}{address}#present={section}")
    page.wait_for_function(IN_A_TALK)
    return page


def notes_of(page: Page) -> Page:
    """Open the window with the speaker's notes."""
    with page.expect_popup() as opened:
        page.keyboard.press("n")
    return opened.value


def started(page: Page, kind: str, within: str = "article") -> Locator:
    """The first figure of one kind, once it has started."""
    element = page.locator(f"{within} .live-figure[data-figure={kind}]").first
    element.scroll_into_view_if_needed()
    element.locator("section.figure:not([aria-busy=true])").wait_for()
    return element


def test_keys_turn_a_chapter_into_a_talk_and_back(wide):
    page = wide.open(MASK)
    size = page.locator("article p").first.evaluate("node => node.getBoundingClientRect().height")
    page.keyboard.press("p")
    until(lambda: title(page) == "04. The causal mask")
    until(lambda: page.locator("article p").first.evaluate("node => node.getBoundingClientRect().height") != size)
    for aside in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".prev-next-footer", ".bd-footer-content"):
        expect(page.locator(aside).first).to_be_hidden()
    page.keyboard.press("Shift+ArrowRight")
    until(lambda: title(page) == "The leak")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    until(lambda: title(page) == "Exercise 4.1: the causal mask")
    until(lambda: page.evaluate("scrollY") == 0)
    page.keyboard.press("ArrowLeft")
    until(lambda: title(page) == "The mask on four words")
    assert page.url.endswith("#present=the-mask-on-four-words")
    page.reload()
    page.wait_for_function(IN_A_TALK)
    until(lambda: title(page) == "The mask on four words")
    page.keyboard.press("Escape")
    expect(page.locator("article h1")).to_be_visible()
    expect(page.locator(".bd-sidebar-primary").first).to_be_visible()
    assert page.url.endswith("#the-mask-on-four-words")
    until(lambda: page.locator("#the-mask-on-four-words > h2").bounding_box()["y"] < 300)
    assert wide.errors == []


def test_the_mouse_is_enough(wide):
    page = wide.open(MASK)
    page.get_by_role("button", name="Present this chapter").click()
    until(lambda: title(page) == "04. The causal mask")
    for _ in range(2):
        page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Go back").click()
    until(lambda: title(page) == "The leak")
    expect(page.get_by_role("toolbar", name="Present")).to_contain_text(re.compile(r"2 of \d+"))
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Speaker's notes").click()
    expect(opened.value.get_by_role("heading", name="The leak")).to_be_visible()
    with opened.value.expect_event("close"):
        page.get_by_role("button", name="End").click()
    until(lambda: not page.evaluate(IN_A_TALK))
    expect(page.get_by_role("toolbar", name="Present")).to_have_count(0)


def test_a_talk_begins_at_the_section_in_sight(wide):
    page = wide.open(MASK)
    heading = page.locator("#padding-rows-without-a-key > h2")
    heading.evaluate("node => node.scrollIntoView({ behavior: 'instant' })")
    page.keyboard.press("p")
    until(lambda: title(page) == "Padding: rows without a key")


@pytest.mark.parametrize(("onward", "back"), [("Space", "Shift+Space"), ("PageDown", "PageUp")])
def test_a_section_longer_than_the_screen_scrolls_before_the_next_one_comes(onward: str, back: str, wide, site: str):
    page = slide(wide.page, site, MASK, "training-with-a-leak")
    page.keyboard.press(onward)
    # It scrolls smoothly: a key that comes meanwhile does something else.
    page.wait_for_function("scrollY > 30 && document.documentElement.scrollHeight - innerHeight - scrollY < 1")
    until(lambda: title(page) == "Training with a leak")
    page.keyboard.press(onward)
    until(lambda: title(page) == "Sentences of a model that cheats")
    page.wait_for_function("scrollY === 0")
    page.keyboard.press(back)
    until(lambda: title(page) == "Training with a leak")


def test_folds_are_closed_during_a_talk_and_as_before_at_its_end(wide):
    page = wide.open(MASK)
    hint = page.locator("#exercise-4-1-the-causal-mask details", has_text="Hint 1").first
    hint.evaluate("fold => { fold.open = true; }")  # a click may miss it while figures above still start
    page.locator("#exercise-4-1-the-causal-mask > h3").evaluate("node => node.scrollIntoView({ behavior: 'instant' })")
    page.keyboard.press("p")
    until(lambda: title(page) == "Exercise 4.1: the causal mask")
    expect(hint).not_to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(hint).to_have_attribute("open", "")


def test_a_figure_responds_and_keeps_the_keys_that_it_uses(wide, site: str):
    page = slide(wide.page, site, VECTORS, "an-arrow-that-its-neighbors-pull")
    figure = started(page, "arrow", ".on-screen")
    handle = figure.get_by_role("button", name="sat: body")
    before = figure.locator(".reading").first.inner_text()
    handle.press("ArrowRight")
    expect(figure.locator(".reading").first).not_to_have_text(before)
    until(lambda: title(page) == "An arrow that its neighbors pull")
    handle.press("PageDown")  # of a presenter's remote, which this handle does not use
    page.evaluate("scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })")
    handle.press("PageDown")
    until(lambda: title(page) == "What happens if the words are shuffled")
    assert wide.errors == []


def test_keys_typed_into_a_field_do_nothing(wide, site: str):
    page = wide.open(VECTORS)
    field = started(page, "question").get_by_label("Your answer")
    field.click()
    page.keyboard.press("p")
    until(lambda: not page.evaluate(IN_A_TALK))
    page.keyboard.press("Control+p")
    until(lambda: not page.evaluate(IN_A_TALK))
    slide(page, site, VECTORS, "step-2-the-softmax-turns-scores-into-weights")
    page.reload()
    page.wait_for_function(IN_A_TALK)
    field = started(page, "question", ".on-screen").get_by_label("Your answer")
    field.click()
    for key in ("n", "ArrowRight", "Space"):
        page.keyboard.press(key)
    until(lambda: title(page) == "Step 2: the softmax turns scores into weights")
    assert len(page.context.pages) == 1  # no window with notes
    page.keyboard.press("Escape")  # leaves the figure
    until(lambda: page.evaluate(IN_A_TALK))
    page.keyboard.press("Escape")
    until(lambda: not page.evaluate(IN_A_TALK))


def test_notes_are_in_a_window_of_their_own_and_never_on_the_page(wide):
    page = wide.open(MASK)
    note = "What does a model write that was trained without a mask"
    page.keyboard.press("n")
    assert len(page.context.pages) == 1
    page.keyboard.press("p")
    page.keyboard.press("Shift+ArrowRight")
    notes = notes_of(page)
    expect(notes.get_by_text(note)).to_be_visible()
    expect(notes.get_by_role("heading", name="The leak")).to_be_visible()
    expect(notes.get_by_text(re.compile(r"2 of \d+ · 0 min · next: The mask on four words"))).to_be_visible()
    expect(page.get_by_text(note)).to_have_count(0)
    page.keyboard.press("Shift+ArrowRight")  # the window follows the talk
    expect(notes.get_by_text("A student draws the mask for five tokens")).to_be_visible()
    expect(notes.get_by_text(note)).to_have_count(0)
    notes.keyboard.press("ArrowLeft")  # and leads it
    until(lambda: title(page) == "The leak")
    expect(notes.get_by_text(note)).to_be_visible()
    with notes.expect_event("close"):
        page.keyboard.press("n")
    notes = notes_of(page)
    expect(notes.get_by_text(note)).to_be_visible()
    notes.close()
    expect(page.get_by_role("button", name="Speaker's notes")).to_have_attribute("aria-pressed", "false")
    with notes_of(page).expect_event("close"):
        page.keyboard.press("Escape")
    assert wide.errors == []


def test_a_phone_has_no_button_and_a_page_that_is_no_chapter_no_script(phone):
    page = phone.open(MASK)
    expect(page.locator(".present-button")).to_have_count(1)
    expect(page.locator(".present-button")).to_be_hidden()
    page.keyboard.press("p")
    until(lambda: not page.evaluate(IN_A_TALK))
    page = phone.open("book/notation.html")
    expect(page.locator("[src*='present.js'], [href*='present.css'], .present-button")).to_have_count(0)


def test_a_chapter_that_is_opened_as_a_file_is_presented(wide):
    page = wide.page
    page.goto((HTML / VECTORS).as_uri())
    page.keyboard.press("p")
    until(lambda: title(page) == "02. Basic self-attention")
    page.keyboard.press("Shift+ArrowRight")
    notes = notes_of(page)
    expect(notes.get_by_text("Question for the class.")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(notes.get_by_text("how would you make the two vectors of bank different")).to_be_visible()
    page.keyboard.press("Shift+ArrowRight")
    with notes.expect_event("close"):
        page.reload()
    page.wait_for_function(IN_A_TALK)
    until(lambda: title(page) == "A sentence of four vectors")
    assert wide.errors == []


def test_printed_slides_are_wide_pages_one_for_each_section_without_notes_and_solutions(wide, site: str):
    page = slide(wide.page, site, MASK, "the-leak")
    notes_of(page)
    slides = page.evaluate("Number(document.querySelector('.present-bar span').textContent.split(' of ')[1])")
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) >= slides
    assert all(sheet.mediabox.width > 1.5 * sheet.mediabox.height for sheet in printed.pages)
    starts = [" ".join(sheet.extract_text().split()) for sheet in printed.pages]
    for name in ("The leak", "The mask on four words", "Exercise 4.1: the causal mask", "Eight masks", "Summary"):
        assert len([text for text in starts if text.startswith(name)]) == 1, name
    text = " ".join(starts)
    assert "What does a model write that was trained without" not in text
    assert "is a table that allows" not in text  # a hint
    until(lambda: page.evaluate(IN_A_TALK))
    expect(page.locator("#the-leak > h2")).to_be_visible()


def test_neither_the_search_nor_a_reader_finds_the_notes(scriptless):
    page = scriptless.open("notebooks/03_learnable_attention.html")
    word = "losers"  # in a note, and in no text
    assert word in page.content()
    expect(page.locator("body")).not_to_contain_text(word, use_inner_text=True)
    text = (HTML / "_static" / "search_texts.js").read_text(encoding="utf-8")
    assert "softmax" in text
    assert not re.search(r"\bloser", text)
