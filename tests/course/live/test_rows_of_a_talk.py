"""A lecture through pages (Present): its rows, its clock, its notes, the way back."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from talk_page import shown


def test_a_row_shows_its_sections_and_leads_to_the_next_row(open_talk, lecture_address: str):
    page = open_talk("first.html?lecture=1#present=one")
    onward = page.locator(".present-bar a")
    shown(page, "One", "1 of 2")
    expect(onward).to_be_hidden()
    page.keyboard.press("ArrowRight")
    shown(page, "Two", "2 of 2")
    expect(onward).to_have_text("Next in the lecture: Four (7 min)")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"{lecture_address}second.html?lecture=2#present=four")
    shown(page, "Four", "1 of 1")
    expect(onward).to_be_hidden()
    page.keyboard.press("ArrowRight")
    shown(page, "Four", "1 of 1")
    page.go_back()
    shown(page, "Two", "2 of 2")
    onward.click()
    page.wait_for_url(f"{lecture_address}second.html?lecture=2#present=four")


def open_notes(page: Page) -> Page:
    """The window with the speaker's notes."""
    with page.expect_popup() as opened:
        page.keyboard.press("n")
    return opened.value


def clock(page: Page, text: str) -> None:
    """Wait for the line of the notes that begins like this, which is renewed at each section; then close them."""
    notes = open_notes(page)
    expect(notes.locator("footer")).to_contain_text(text)
    notes.close()


def test_the_notes_show_the_minutes_planned_and_the_next_row(open_talk):
    page = open_talk("first.html?lecture=1#present=one")
    notes = open_notes(page)
    expect(notes.get_by_text("1 of 2 · 0 of 12 min, this row 0 of 5, 3 here · next: Two")).to_be_visible()
    notes.keyboard.press("ArrowRight")
    expect(
        notes.get_by_text("2 of 2 · 0 of 12 min, this row 0 of 5, 2 here · next: Next in the lecture: Four (7 min)")
    ).to_be_visible()
    notes.close()


@pytest.mark.parametrize("kind", ["server", "file"])
def test_the_notes_stay_open_from_row_to_row(kind: str, open_talk, lecture_address: str, lecture_folder: Path):
    page = open_talk("first.html?lecture=1#present=two")
    root = lecture_address if kind == "server" else f"{lecture_folder.as_uri()}/"
    page.goto(f"{root}first.html?lecture=1#present=two")
    notes = open_notes(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"{root}second.html?lecture=2#present=four")
    expect(notes.get_by_text("Note on four.")).to_be_visible()
    notes.keyboard.press("ArrowLeft")
    page.wait_for_url(f"{root}first.html?lecture=1#present=two")
    expect(notes.get_by_text("Note on two.")).to_be_visible()
    page.locator(".present-bar a").click()
    expect(notes.get_by_text("Note on four.")).to_be_visible()
    expect(page.get_by_role("button", name="Speaker's notes")).to_have_attribute("aria-pressed", "true")
    assert page.context.pages == [page, notes]
    with notes.expect_event("close"):
        page.keyboard.press("n")


def test_one_clock_goes_on_over_all_rows_until_the_lecture_begins_again_or_ends(open_talk, lecture_address: str):
    page = open_talk("first.html#present=one")
    page.clock.install()
    page = open_talk("first.html?lecture=1#present=one")
    page.clock.fast_forward("06:10")
    clock(page, "6 of 12 min, this row 6 of 5")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_url(f"{lecture_address}second.html?lecture=2#present=four")
    page.clock.fast_forward("03:00")
    clock(page, "9 of 12 min, this row 3 of 7")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"{lecture_address}first.html?lecture=1#present=two")
    clock(page, "9 of 12 min, this row 0 of 5")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    clock(page, "9 of 12 min, this row 0 of 5")  # it was left by mistake
    page.keyboard.press("Escape")
    open_talk("second.html?lecture=2#present=four")
    clock(page, "0 of 12 min, this row 0 of 7")
    page.clock.fast_forward("02:00")
    clock(page, "2 of 12 min, this row 2 of 7")
    open_talk("first.html?lecture=1#present=one")
    clock(page, "0 of 12 min, this row 0 of 5")


def test_after_escape_the_row_goes_on_where_it_was_left(open_talk, lecture_address: str):
    page = open_talk("first.html?lecture=1#present=two")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{lecture_address}first.html?lecture=1#two")
    page.locator("#after").evaluate("node => node.scrollIntoView()")
    page.keyboard.press("p")
    shown(page, "Two", "2 of 2")
    page.keyboard.press("Escape")
    page.reload()
    page.locator("#after").evaluate("node => node.scrollIntoView()")
    page.keyboard.press("p")
    shown(page, "One", "1 of 2")
