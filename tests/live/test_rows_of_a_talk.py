"""A lecture through pages (Present): rows of sections, their end, what fits on a screen, and what is left out."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import live_page
import pytest
from playwright.sync_api import Browser, Page, expect

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"
SCRIPTS = ("present_notes.js", "present_beside.js", "present_fit.js", "present.js")
PICTURE = (
    '<div class="cell tag_hide-input"><details class="hide above-input"><summary>Code of this figure</summary>'
    '</details><figure><img width="890" height="{height}" alt="" src="data:image/svg+xml,'
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 890 {height}'/%3E\"><figcaption>{caption}</figcaption>"
    "</figure></div>"
)
WORDS = "Every token attends to itself and to all earlier ones. "


def section(name: str, *parts: str) -> str:
    """A section with a note."""
    note = f'<template class="teaching"><p>Note on {name}.</p><p><b>Time plan, 50 minutes.</b> 5 {name}.</p></template>'
    return f'<section id="{name}"><h2>{name.title()}</h2>{"".join(parts) or f"<p>{WORDS}</p>"}{note}</section>'


PAGES = {
    "first": [
        section("one"),
        section("two", '<p>See <a href="#outside">outside</a>.</p>'),
        section("outside", '<p class="page-only">Reading 25 minutes</p><p>Text.</p>'),
        section("picture", f"<p>{WORDS * 3}</p>", PICTURE.format(height=620, caption=WORDS * 3), f"<p>{WORDS}</p>"),
        section("alone", PICTURE.format(height=300, caption="")),
        section(
            "formula",
            f"<p>{WORDS}</p>",
            '<div class="math"><pre>{}</pre></div>',
            PICTURE.format(height=300, caption=""),
        ),
        section("little", '<div id="little-more"></div>'),
        section("long", '<div id="more"></div>'),
        section("after"),
        section(
            "fields",
            "<button>Check</button><details><summary>Hint</summary></details><input aria-label='answer'>",
            "<input type='range' aria-label='size'><div class='live-figure' id='figure'></div>",
        ),
    ],
    "second": [section("three"), section("four")],
}
ROWS = [
    {"page": "first", "minutes": 5, "sections": [("one", 3), ("two", 2)]},
    {"page": "second", "minutes": 7, "sections": [("four", 7)]},
]


def lecture() -> Iterator[dict]:
    """The rows as the book gives them to its pages."""
    for number, row in enumerate(ROWS, start=1):
        named = [{"title": name.title(), "anchor": name, "minutes": minutes} for name, minutes in row["sections"]]
        yield row | {
            "sections": named,
            "href": f"{row['page']}.html?lecture={number}#present={named[0]['anchor']}",
        }


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """The pages on 127.0.0.1; the address ends with a slash."""
    folder = tmp_path_factory.mktemp("lecture")
    scripts = "".join(f"<script>{(STATIC / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS)
    css = f"{live_page.STYLE} body {{ max-width: none }} figure {{ margin: 0 }}"
    style = f"<style>{css} {(STATIC / 'present.css').read_text(encoding='utf-8')}</style>"
    rows = f'<script type="application/json" id="lecture-rows">{json.dumps(list(lecture()))}</script>'
    for name, sections in PAGES.items():
        (folder / f"{name}.html").write_text(
            '<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">'
            f'<title>{name}</title>{style}<main><article class="bd-article"><section id="top"><h1>{name}</h1>'
            f"<p>Text.</p>{''.join(sections)}</section></article></main>{rows}{scripts}",
            encoding="utf-8",
        )
    with live_page.serve(folder) as served:
        yield served if served.endswith("/") else f"{served}/"


@pytest.fixture
def talk(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """A function that opens a page in a talk on a screen of 1280 x 720, or of another size."""
    with browser.new_context() as context:
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        def open_talk(place: str, width: int = 1280, height: int = 720) -> Page:
            page.set_viewport_size({"width": width, "height": height})
            page.goto(address + place)
            expect(page.get_by_role("toolbar", name="Present")).to_be_visible()
            return page

        yield open_talk
    assert errors == []


def shown(page: Page, name: str, place: str) -> None:
    """Wait for a section, which is the only one, and its place."""
    expect(page.locator("article h2:visible")).to_have_text([name])
    expect(page.locator(".present-bar > span").first).to_have_text(place)


def test_a_row_shows_its_sections_and_leads_to_the_next_row(talk, address: str):
    page = talk("first.html?lecture=1#present=one")
    onward = page.locator(".present-bar a")
    shown(page, "One", "1 of 2")
    expect(onward).to_be_hidden()
    page.keyboard.press("ArrowRight")
    shown(page, "Two", "2 of 2")
    expect(onward).to_have_text("Next in the lecture: Four (7 min)")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"{address}second.html?lecture=2#present=four")
    shown(page, "Four", "1 of 1")
    expect(onward).to_be_hidden()
    page.keyboard.press("ArrowRight")
    shown(page, "Four", "1 of 1")
    page.go_back()
    shown(page, "Two", "2 of 2")
    onward.click()
    page.wait_for_url(f"{address}second.html?lecture=2#present=four")


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


def test_the_notes_show_the_minutes_planned_and_the_next_row(talk):
    page = talk("first.html?lecture=1#present=one")
    notes = open_notes(page)
    expect(notes.get_by_text("1 of 2 · 0 of 12 min, this row 0 of 5, 3 here · next: Two")).to_be_visible()
    notes.keyboard.press("ArrowRight")
    expect(
        notes.get_by_text("2 of 2 · 0 of 12 min, this row 0 of 5, 2 here · next: Next in the lecture: Four (7 min)")
    ).to_be_visible()
    notes.close()


def test_a_row_does_not_show_the_time_plan_of_its_chapter(talk):
    for place, count in (("first.html?lecture=1#present=one", 0), ("first.html#present=one", 1)):
        notes = open_notes(talk(place))
        expect(notes.get_by_text("Note on one.")).to_be_visible()
        expect(notes.get_by_text("Time plan")).to_have_count(count)
        notes.close()


def test_one_clock_goes_on_over_all_rows_until_the_lecture_begins_again_or_ends(talk, address: str):
    page = talk("first.html#present=one")
    page.clock.install()
    page = talk("first.html?lecture=1#present=one")
    page.clock.fast_forward("06:10")
    clock(page, "6 of 12 min, this row 6 of 5")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_url(f"{address}second.html?lecture=2#present=four")
    page.clock.fast_forward("03:00")
    clock(page, "9 of 12 min, this row 3 of 7")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"{address}first.html?lecture=1#present=two")
    clock(page, "9 of 12 min, this row 0 of 5")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    clock(page, "9 of 12 min, this row 0 of 5")  # it was left by mistake
    page.keyboard.press("Escape")
    talk("second.html?lecture=2#present=four")
    clock(page, "0 of 12 min, this row 0 of 7")
    page.clock.fast_forward("02:00")
    clock(page, "2 of 12 min, this row 2 of 7")
    talk("first.html?lecture=1#present=one")
    clock(page, "0 of 12 min, this row 0 of 5")


def test_a_browser_that_keeps_nothing_has_a_clock_for_each_row(talk):
    page = talk("first.html#present=one")
    page.add_init_script("Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('refused'); } })")
    page = talk("second.html?lecture=2#present=four")
    clock(page, "1 of 1 · 0 of 12 min, this row 0 of 7")


def test_back_from_the_first_section_of_a_row_leads_to_the_last_one_of_the_row_before(talk, address: str):
    page = talk("second.html?lecture=2#present=four")
    page.get_by_role("button", name="Go back").click()
    page.wait_for_url(f"{address}first.html?lecture=1#present=two")
    shown(page, "Two", "2 of 2")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    shown(page, "One", "1 of 2")


def test_after_escape_the_row_goes_on_where_it_was_left(talk, address: str):
    page = talk("first.html?lecture=1#present=two")
    page.keyboard.press("Escape")
    page.wait_for_url(f"{address}first.html?lecture=1#two")
    page.locator("#after").evaluate("node => node.scrollIntoView()")
    page.keyboard.press("p")
    shown(page, "Two", "2 of 2")
    page.keyboard.press("Escape")
    page.reload()
    page.locator("#after").evaluate("node => node.scrollIntoView()")
    page.keyboard.press("p")
    shown(page, "One", "1 of 2")


def test_a_link_to_another_section_leaves_the_row(talk, address: str):
    page = talk("first.html?lecture=1#present=two")
    page.get_by_role("link", name="outside").click()
    shown(page, "Outside", "4 of 11")
    page.wait_for_url(f"{address}first.html#present=outside")
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator(".present-bar > span").first).to_contain_text("of 11")


def test_the_arrows_show_the_rest_of_a_section_before_the_next_one(talk):
    page = talk("first.html#present=long")
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


def test_after_a_click_or_a_drag_the_keys_turn_pages_again(talk):
    page = talk("first.html#present=fields")
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


def test_who_types_or_moves_by_tab_keeps_the_focus(talk):
    page = talk("first.html#present=fields")
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


def test_a_row_of_another_page_or_of_none_is_the_complete_talk(talk):
    for number in ("2", "3", "0", "x"):
        shown(talk(f"first.html?lecture={number}#present=one"), "One", "2 of 11")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_a_figure_its_caption_and_its_text_are_in_sight_together(talk, width: int, height: int):
    page = talk("first.html#present=picture", width, height)
    boxes = [part.bounding_box() for part in page.locator("#picture > :is(h2, p, .cell)").all()]
    assert all(box["y"] >= 0 and box["y"] + box["height"] <= height for box in boxes)
    *texts, figure = sorted(boxes, key=lambda box: box["x"])
    assert all(text["x"] + text["width"] <= figure["x"] for text in texts)
    assert [text["y"] for text in texts] == sorted(text["y"] for text in texts)
    picture = page.locator("#picture img").bounding_box()
    assert picture["height"] > 0.5 * height
    assert picture["width"] / picture["height"] == pytest.approx(890 / 620, rel=0.02)


def test_on_a_narrow_screen_and_beside_no_text_a_figure_is_below(talk):
    for name, width in (("picture", 1000), ("alone", 1280)):
        page = talk(f"first.html#present={name}", width, 720)
        heading, cell = (page.locator(f"#{name} > {part}").bounding_box() for part in ("h2", ".cell"))
        assert cell["y"] >= heading["y"] + heading["height"]


def test_a_formula_that_a_column_would_cut_is_above(talk):
    page = talk("first.html#present=formula")
    page.locator("#formula pre").evaluate("node => { node.textContent = 'x = y + z '.repeat(8); }")
    page.evaluate("location.hash = '#present=one'")
    shown(page, "One", "2 of 11")
    page.set_viewport_size({"width": 1280, "height": 560})
    page.evaluate("location.hash = '#present=formula'")
    shown(page, "Formula", "7 of 11")
    formula, cell = (page.locator(f"#formula > {part}").bounding_box() for part in (".math", ".cell"))
    assert cell["y"] >= formula["y"] + formula["height"]


def test_the_space_bar_spends_no_press_on_a_tenth_of_the_screen(talk):
    page = talk("first.html#present=little")
    page.evaluate("document.getElementById('little-more').style.height = '400px'")
    rest = "document.documentElement.scrollHeight - innerHeight - scrollY"
    assert 8 < page.evaluate(rest) < 72
    page.keyboard.press("Space")
    shown(page, "Long", "9 of 11")
    page.evaluate("document.getElementById('more').style.height = '820px'")
    assert 0.85 * 720 < page.evaluate(rest) < 0.95 * 720  # what is left after a step is less than a tenth
    page.keyboard.press("Space")
    page.wait_for_function(f"{rest} < 2")
    shown(page, "Long", "9 of 11")
    page.keyboard.press("Space")
    shown(page, "After", "10 of 11")


def test_what_is_for_readers_only_is_not_projected(talk):
    page = talk("first.html#present=outside")
    expect(page.get_by_text("Reading 25 minutes")).to_be_hidden()
    page = talk("first.html#present=picture")
    expect(page.get_by_text("Code of this figure").first).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Reading 25 minutes")).to_be_visible()
    expect(page.get_by_text("Code of this figure").first).to_be_visible()
