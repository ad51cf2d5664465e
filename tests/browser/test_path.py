"""The path, walked in Chromium from the landing page to its end: from a server and as files."""

import json
import re
from pathlib import Path

import pytest
from lecture21_book.path import stops
from playwright.sync_api import Page, expect
from until import until

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
STOPS = stops(ROOT)
PHONE = {"width": 390, "height": 844}


def check_stop(page: Page, number: int) -> None:
    """Assert that the page shows this stop, at its beginning, with the bar and all that it says."""
    stop, bar = STOPS[number - 1], page.locator("#path-bar")
    expect(bar).to_contain_text(f"The path, {number} of {len(STOPS)}: {stop['title']}")
    expect(bar).to_contain_text(f"about {stop['minutes']} minute")
    expect(page.locator(".exercise-card:visible")).to_have_count(0)
    check_bounds(page, number)
    expect(bar.locator("progress")).to_have_attribute("value", str(number))
    expect(bar.get_by_role("link", name="Back")).to_have_count(int(number > 1))
    page.wait_for_function(
        """id => {
            const { top } = document.getElementById(id).getBoundingClientRect();
            return top > -2 && top < innerHeight / 2;
        }""",
        arg=stop["anchor"],
    )


def check_bounds(page: Page, number: int) -> None:
    """Assert that the page says where the stop begins and where it ends, and leads on from there."""
    stop, note, mark = STOPS[number - 1], page.locator(".path-note"), page.locator(".path-end")
    expect(note).to_contain_text(f"Stop {number} of {len(STOPS)}. ")
    expect(note).to_contain_text(stop.get("until", stop["says"].split()[0]))
    onward = STOPS[number]["title"] if number < len(STOPS) else "finish"
    expect(mark).to_have_text(f"End of stop {number} · Next: {onward}")
    order = page.evaluate(
        """([start, last]) => {
            const place = (element) => element.compareDocumentPosition(document.querySelector(".path-end"));
            const shown = (id) => place(document.getElementById(id)) & Node.DOCUMENT_POSITION_FOLLOWING;
            const below = (each) => place(each) & Node.DOCUMENT_POSITION_PRECEDING;
            const heading = [...document.querySelectorAll("article :is(h2, h3)")].find(below);
            return [shown(start) || shown(last), heading?.firstChild.textContent];
        }""",
        [stop["anchor"], stop.get("through", stop["anchor"])],
    )
    assert order[0]
    if "until" in stop:
        assert order[1] == stop["until"]


def walk(page: Page, start: str) -> None:
    """Walk the path by its own links, from `Begin` to what to read after it."""
    page.goto(start)
    expect(page.locator("#path-bar")).to_have_count(0)
    page.get_by_role("link", name="Begin the path").click()
    for number in range(1, len(STOPS) + 1):
        check_stop(page, number)
        page.locator("#path-bar a.on" if number % 2 else ".path-end a").click()
    page.wait_for_url("**/intro.html#after-the-path")
    expect(page.locator("#path-bar")).to_have_count(0)
    expect(page.get_by_role("heading", name="After the path")).to_be_in_viewport()
    page.goto(start)
    button = page.get_by_role("link", name="Walk the path again")
    expect(button).to_have_attribute("href", re.compile(r"\?path=1#"))


@pytest.mark.parametrize("kind", ["server", pytest.param("file", marks=pytest.mark.repetition)])
def test_the_path_leads_from_begin_to_its_end(kind: str, wide, site: str):
    walk(wide.page, f"{site if kind == 'server' else HTML.as_uri() + '/'}book/intro.html")
    assert wide.errors == []


def test_a_reader_who_left_the_path_goes_on_there(wide, site: str):
    page = wide.open(f"{STOPS[2]['page']}.html?path=3")
    expect(page.locator("#path-bar")).to_be_visible()
    page = wide.open("book/intro.html")
    button = page.locator("#path-begin")
    expect(button).to_have_text("Go on at stop 3")
    expect(button.locator("xpath=..")).to_contain_text(f"{STOPS[2]['title']}. {len(STOPS)} stops")
    button.click()
    check_stop(page, 3)


@pytest.mark.parametrize("query", ["", "?path=1", "?path=0", "?path=99", "?path=x"])
def test_no_other_address_shows_the_bar(query: str, wide):
    page = wide.open(f"{STOPS[2]['page']}.html{query}")
    page.wait_for_load_state()
    expect(page.locator("#path-bar, .path-note, .path-end, .path-fold")).to_have_count(0)
    assert wide.errors == []


def test_an_exercise_on_the_path_is_one_line_until_it_is_opened(wide):
    page = wide.open(f"{STOPS[0]['page']}.html?path=1")
    says = "Exercise 2.2: self-attention without parameters optional on the path"
    line = page.locator(".path-fold summary", has_text=says)
    card = page.locator("#exercise-2-2-self-attention-without-parameters .exercise-card")
    expect(card).to_be_hidden()
    until(lambda: line.locator("xpath=../..").bounding_box()["height"] < 80)  # the section, up to its end
    line.scroll_into_view_if_needed()
    line.click()
    expect(card).to_be_visible()
    expect(card.get_by_role("button", name="Check")).to_be_visible()


def test_the_result_below_a_question_opens_once_it_is_answered(wide):
    page = wide.open("notebooks/05_transformer_block.html#what-the-norm-is-for")
    section = page.locator("#what-the-norm-is-for")
    result = section.locator(".cell_output").get_by_text("all fail")
    question = section.locator(".live-figure[data-figure=question] section.figure")
    for answer, is_shown in (("they learn as well as before", False), ("they diverge", True)):
        question.get_by_label(answer).check()
        question.get_by_role("button", name="Check").click()
        expect(question.locator(".reading")).to_contain_text("Right" if is_shown else "Not yet")
        expect(result).to_be_visible(visible=is_shown)


def test_the_end_shows_what_the_readers_own_model_wrote(wide):
    page = wide.open("book/intro.html")
    place = page.locator("#path-model")
    expect(place).to_have_text("You can still train a GPT of your own.")
    sample = "ROMEO:\nO <b>sun</b>"
    page.evaluate(
        "text => localStorage.setItem('lecture21-model', text)", json.dumps({"steps": 1200, "sample": sample})
    )
    page.reload()
    expect(place).to_contain_text("for 1,200 steps")
    expect(page.locator("#path-sample p")).to_have_text(sample, use_inner_text=True)
    page.evaluate("localStorage.setItem('lecture21-model', '{not a model')")
    page.reload()
    expect(place).to_have_text("You can still train a GPT of your own.")
    assert wide.errors == []


def test_the_bar_hides_nothing_on_a_phone_and_is_not_printed(phone):
    page = phone.open(f"{STOPS[1]['page']}.html?path=2")
    bar = page.locator("#path-bar")
    box = bar.bounding_box()
    assert box["x"] == 0
    assert box["width"] == PHONE["width"]
    assert box["height"] <= 48
    until(lambda: page.locator("header.bd-header").bounding_box()["height"] + box["height"] <= 110)
    until(lambda: all(link.bounding_box()["height"] >= 44 for link in bar.locator("a").all()))
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    foot = page.locator("footer .page-links").bounding_box()
    until(lambda: foot["y"] + foot["height"] <= bar.bounding_box()["y"])
    expect(page.locator("#pst-back-to-top")).to_be_hidden()  # which would be over the bar
    page.emulate_media(media="print")
    for part in (bar, page.locator(".path-note"), page.locator(".path-end")):
        expect(part).to_be_hidden()


def test_where_nothing_can_be_stored_the_path_works(wide, site: str):
    wide.page.add_init_script("""for (const name of ["getItem", "setItem"]) {
        const original = Storage.prototype[name];
        Storage.prototype[name] = function (key, ...rest) {
            if (key.includes("path")) throw new DOMException("no storage", "SecurityError");
            return original.call(this, key, ...rest);
        };
    }""")
    page = wide.page
    page.goto(f"{site}{STOPS[0]['page']}.html?path=1#{STOPS[0]['anchor']}")
    check_stop(page, 1)
    page.locator("#path-bar a.on").click()
    check_stop(page, 2)
    assert wide.errors == []
