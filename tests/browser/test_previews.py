"""Previews of terms and citations in Chromium: pointer, keyboard, formulas, and the edges of the window."""

from pathlib import Path

from playwright.sync_api import Browser, expect
from until import until

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
CHAPTER = "notebooks/08_gpt_as_probability.html"


def test_a_pointer_on_a_term_shows_its_definition_and_may_move_onto_it(wide):
    page = wide.open("notebooks/04_causal_mask.html")
    preview = page.locator("#preview")
    expect(preview).to_be_hidden()
    link = page.locator("article a.to-term[href$=term-self-attention]:visible").first
    link.hover()
    expect(preview).to_be_visible()
    expect(preview).to_contain_text("come from the same sequence")
    expect(link).to_have_attribute("aria-describedby", "preview")
    preview.hover()
    page.wait_for_function("!document.getElementById('preview').hidden")
    expect(preview).to_be_visible()
    page.mouse.move(2, 2)
    expect(preview).to_be_hidden()
    assert wide.errors == []


def test_the_keyboard_opens_a_preview_and_escape_closes_it(wide):
    page = wide.open(CHAPTER)
    links = page.locator("article a:visible")
    links.first.focus()
    preview = page.locator("#preview")
    for _ in range(links.count()):
        if preview.is_visible():
            break
        page.keyboard.press("Tab")
    expect(preview).to_be_visible()
    until(lambda: page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "preview")
    page.keyboard.press("Escape")
    expect(preview).to_be_hidden()
    until(lambda: page.evaluate("document.activeElement.getAttribute('aria-describedby')") is None)


def test_a_book_that_is_opened_as_a_file_has_previews(browser: Browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((HTML / CHAPTER).as_uri())
        page.locator("article a.to-term:visible").first.hover()
        expect(page.locator("#preview")).to_be_visible()


def test_a_tap_on_a_term_shows_its_definition_and_the_way_to_its_entry(phone):
    page = phone.open("notebooks/04_causal_mask.html")
    link = page.locator("article a.to-term:visible").first
    link.tap()
    preview = page.locator("#preview")
    expect(preview).to_be_visible()
    assert page.url.endswith("04_causal_mask.html")
    page.locator("article h1").tap()
    expect(preview).to_be_hidden()
    link.tap()
    expect(preview).to_be_visible()
    preview.get_by_role("link", name="In the glossary").tap()
    page.wait_for_url("**/glossary.html#term-*")
    assert phone.errors == []
