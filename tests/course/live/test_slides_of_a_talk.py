"""The slides of a talk (Present): what fits on a screen, which keys turn them, and what they leave out."""

import pytest
from playwright.sync_api import expect
from talk_page import shown
from until import until


def test_the_arrows_show_the_rest_of_a_section_before_the_next_one(open_talk):
    page = open_talk("first.html#present=long")
    page.evaluate("document.getElementById('more').style.height = '800px'")
    rest = "document.documentElement.scrollHeight - innerHeight - scrollY"
    onward = page.get_by_role("button", name="Go on")
    for turn in (lambda: page.keyboard.press("ArrowRight"), onward.click):
        turn()
        page.wait_for_function(f"{rest} < 2")
        shown(page, "Long", "9 of 11")
        turn()
        shown(page, "After", "10 of 11")
        page.keyboard.press("ArrowLeft")
        shown(page, "Long", "9 of 11")
        page.wait_for_function("scrollY === 0")
    page.keyboard.press("Shift+ArrowRight")
    shown(page, "After", "10 of 11")


def test_after_a_click_or_a_drag_the_keys_turn_pages_again(open_talk):
    page = open_talk("first.html#present=fields")
    page.locator("#figure").evaluate(
        "node => { node.attachShadow({ mode: 'open' }).innerHTML = '<button>Show the result</button>'; }"
    )
    size = page.get_by_label("size")
    for click in (
        page.get_by_role("button", name="Check").click,
        page.get_by_text("Hint").click,
        page.get_by_role("button", name="Show the result").click,
        lambda: size.drag_to(size, source_position={"x": 9, "y": 9}, target_position={"x": 60, "y": 9}),
    ):
        click()
        page.wait_for_function("document.activeElement === document.body")
        page.keyboard.press("ArrowLeft")
        shown(page, "After", "10 of 11")
        page.keyboard.press("Space")
        shown(page, "Fields", "11 of 11")


def test_who_types_or_moves_by_tab_keeps_the_focus(open_talk):
    page = open_talk("first.html#present=fields")
    answer = page.get_by_label("answer")
    answer.click()
    page.keyboard.type("0 1 2")
    expect(answer).to_have_value("0 1 2")
    shown(page, "Fields", "11 of 11")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_text("Hint")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#fields details")).to_have_attribute("open", "")
    expect(page.get_by_text("Hint")).to_be_focused()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_a_figure_its_caption_and_its_text_are_in_sight_together(open_talk, width: int, height: int):
    page = open_talk("first.html#present=picture", width, height)
    boxes = [part.bounding_box() for part in page.locator("#picture > :is(h2, p, .cell)").all()]
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= height for box in boxes)
    *texts, figure = sorted(boxes, key=lambda box: box["x"])
    assert all(text["x"] + text["width"] <= figure["x"] for text in texts)
    assert [text["y"] for text in texts] == sorted(text["y"] for text in texts)
    picture = page.locator("#picture img").bounding_box()
    assert picture["height"] > 0.5 * height
    assert picture["width"] / picture["height"] == pytest.approx(890 / 620, rel=0.02)


def test_what_is_for_readers_only_is_not_projected(open_talk):
    page = open_talk("first.html#present=outside")
    expect(page.get_by_text("Reading 25 minutes")).to_be_hidden()
    page = open_talk("first.html#present=picture")
    expect(page.get_by_text("Code of this figure").first).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Reading 25 minutes")).to_be_visible()
    expect(page.get_by_text("Code of this figure").first).to_be_visible()


def test_a_question_that_the_screen_cuts_is_shown_from_its_top(open_talk):
    page = open_talk("second.html#present=three")
    card = page.locator("#card")
    room = 720 - page.locator(".present-bar").bounding_box()["height"]

    def place(before: int, behind: int) -> None:
        """Set the heights of what is around the card."""
        page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
        for name, height in (("before", before), ("card", 250), ("behind", behind)):
            page.locator(f"#{name}").evaluate("(node, height) => { node.style.height = `${height}px`; }", height)

    place(250, 900)
    until(lambda: card.bounding_box()["y"] + card.bounding_box()["height"] > room)
    page.keyboard.press("PageDown")
    page.wait_for_function("Math.abs(document.getElementById('card').getBoundingClientRect().top - 8) < 2")
    place(180, 0)  # less than a tenth of the screen is left
    until(lambda: room < card.bounding_box()["y"] + card.bounding_box()["height"] < 720 + 72)
    page.keyboard.press("PageDown")
    page.wait_for_function(f"document.getElementById('card').getBoundingClientRect().bottom <= {room}")
    shown(page, "Three", "2 of 4")
    page.keyboard.press("PageDown")
    shown(page, "Four", "3 of 4")


def test_the_slide_with_the_title_carries_the_chapter_s_first_picture(open_talk):
    page = open_talk("first.html#present=top")
    pictures = page.locator("article figure img")
    count = len(page.locator("section#picture img, section#alone img, section#formula img").all())
    expect(pictures).to_have_count(count + 1)
    cover = page.locator("section#top > figure img")
    expect(cover).to_be_visible()
    expect(cover).to_have_attribute("src", page.locator("section#picture img").get_attribute("src"))
    page.keyboard.press("Escape")
    expect(pictures).to_have_count(count)
