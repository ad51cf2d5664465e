"""The path, walked in Chromium from the first screen to its end: from a server and as a file."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from until import until

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
LANDING = "book/intro.html"
PHONE = {"width": 390, "height": 844}


def stops_of(page: Page) -> list[Locator]:
    return page.locator("#the-path > section").all()


def check_stop(page: Page, number: int) -> None:
    """Assert that the page shows this stop, counted from 1, from its beginning, and nothing else."""
    stops = stops_of(page)
    stop, bar = stops[number - 2], page.locator("#path-bar")
    expect(bar).to_contain_text(f"{number} of {1 + len(stops)}: {stop.locator('h3').inner_text().rstrip('#').strip()}")
    expect(bar.locator("progress")).to_have_attribute("value", str(number))
    expect(page.locator("#the-path > :visible")).to_have_count(1)
    expect(page.locator(".landing, #after-the-path")).to_have_count(2)
    expect(page.locator(".landing")).to_be_hidden()
    expect(stop.locator("h3")).to_be_in_viewport()
    expect(stop.locator("h3")).to_be_focused()
    expect(stop.locator(".live-figure section.figure:not([aria-busy=true])")).to_be_visible()


def train(page: Page) -> None:
    """Train a small model on the first screen."""
    figure = page.locator("#live-train")
    figure.locator("details").evaluate_all("folds => folds.forEach((fold) => (fold.open = true))")
    figure.get_by_label("Model").select_option("one")
    figure.get_by_label("Steps, or 0").fill("30")
    figure.get_by_role("button", name="Start training").click()
    figure.get_by_text("now offer your model").wait_for()


@pytest.mark.parametrize("kind", ["server", pytest.param("file", marks=pytest.mark.repetition)])
def test_what_the_reader_trains_is_taken_apart_at_every_stop(kind: str, wide, site: str):
    page = wide.page
    page.goto(f"{site if kind == 'server' else HTML.as_uri() + '/'}{LANDING}")
    expect(page.locator("#path-bar")).to_have_count(0)
    until(lambda: not any(stop.is_visible() for stop in stops_of(page)))
    train(page)
    page.get_by_role("link", name="Take apart what you trained").click()
    number_of_own = 0
    for number in range(2, 2 + len(stops_of(page))):
        check_stop(page, number)
        expect(page.locator(".path-note")).to_be_hidden()
        choice = page.locator("#the-path > .here").get_by_label(re.compile("^your model"))
        for own in choice.all():
            expect(own).to_be_checked()
            number_of_own += 1
        page.locator("#path-bar a.on").click()
    assert number_of_own == 5  # write, look, copy, take away, price
    expect(page.locator("#path-bar")).to_have_count(0)
    expect(page.get_by_role("heading", name="After the path")).to_be_in_viewport()
    expect(page.locator("#path-model")).to_contain_text("for 30 steps")
    page.go_back()
    check_stop(page, 1 + len(stops_of(page)))
    page.get_by_role("link", name="Back", exact=True).click()
    check_stop(page, len(stops_of(page)))
    assert wide.errors == []


def test_a_reader_who_left_the_path_goes_on_there(wide):
    page = wide.open(LANDING)
    stop = stops_of(page)[2].get_attribute("id")
    page = wide.open(f"{LANDING}#{stop}")
    check_stop(page, 4)
    page = wide.open("book/notation.html")
    page = wide.open(LANDING)
    button = page.locator("#path-begin")
    expect(button).to_contain_text("Go on at stop 4: ")
    button.click()
    check_stop(page, 4)


@pytest.mark.parametrize("anchor", ["", "#the-path", "#the-chapters", "#nothing", "#live-train"])
def test_no_other_address_shows_the_bar(anchor: str, wide):
    page = wide.open(LANDING + anchor)
    expect(page.get_by_role("heading", name="After the path")).to_be_visible()
    expect(page.locator("#path-bar")).to_have_count(0)
    assert wide.errors == []


def test_a_link_to_the_state_of_a_figure_opens_its_stop(wide):
    page = wide.open(LANDING)
    figure = page.locator("#the-path .live-figure").last.get_attribute("id")
    page = wide.open("book/notation.html")
    page = wide.open(f"{LANDING}#{figure}=eyJwcm9tcHQiOiJzdW4ifQ")  # {"prompt":"sun"}
    expect(page.locator(f"#{figure}").get_by_label("Your text")).to_have_value("sun")
    expect(page.locator("#path-bar")).to_be_visible()


def test_a_reader_is_told_what_is_lost_before_leaving(wide):
    wide.page.add_init_script("""IDBObjectStore.prototype.put = () => {
        throw new DOMException("no room", "QuotaExceededError");
    };""")
    page = wide.open(LANDING)
    first = stops_of(page)[0].get_attribute("id")
    page.locator("#path-begin").click()
    note = page.locator(".path-note")
    expect(note).to_contain_text("You have not trained a model to its end yet, so this is the book’s.")
    note.get_by_role("link", name="Train one").click()
    page.locator("#live-train summary", has_text="More settings").click()
    page.locator("#live-train").get_by_label("Steps, or 0").fill("2000")  # no slow machine is asked for more time
    page.locator("#live-train").get_by_role("button", name="Start training").click()
    page.locator("#live-train").get_by_role("button", name="Stop").wait_for()
    page.evaluate("id => location.hash = id", first)
    expect(note).to_contain_text("Your model waits for you to go back: it learns only in sight.")
    note.get_by_role("link", name="Let it learn").click()
    page.locator("#live-train").get_by_role("button", name="Reset").click()
    train(page)
    page.evaluate("id => location.hash = id", first)
    expect(note).to_contain_text("it is gone when you leave this page.")
    expect(page.locator("#the-path > .here").get_by_label(re.compile("^your model"))).to_be_checked()
    assert wide.errors == []


def test_the_end_shows_what_the_readers_own_model_wrote(wide):
    page = wide.open(LANDING)
    place = page.locator("#path-model")
    expect(place).to_have_text("You can still train a GPT of your own.")
    begin = page.locator(".begin a")
    filled = "each => getComputedStyle(each).backgroundColor"
    until(lambda: begin.evaluate(filled) == "rgba(0, 0, 0, 0)")
    sample = "ROMEO:\nO <b>sun</b>"
    kept = json.dumps({"nats": 2.0, "steps": 1200, "sample": sample})
    page.evaluate("text => localStorage.setItem('lecture21-model', text)", kept)
    page.reload()
    expect(place).to_contain_text("for 1,200 steps")
    expect(page.locator("#path-sample p")).to_have_text(sample, use_inner_text=True)
    until(lambda: begin.evaluate(filled) != "rgba(0, 0, 0, 0)")  # the main button now
    page.evaluate("localStorage.setItem('lecture21-model', '{not a model')")
    page.reload()
    expect(place).to_have_text("You can still train a GPT of your own.")
    assert wide.errors == []


def test_the_bar_hides_nothing_on_a_phone_and_is_not_printed(phone):
    page = phone.open(LANDING)
    page.locator("#path-begin").click()
    bar = page.locator("#path-bar")
    expect(bar).to_be_visible()
    box = bar.bounding_box()
    assert box["x"] == 0
    assert box["width"] == PHONE["width"]
    assert box["height"] <= 48
    until(lambda: page.locator("header.bd-header").bounding_box()["height"] + box["height"] <= 110)
    until(lambda: all(link.bounding_box()["height"] >= 44 for link in bar.locator(":scope > a").all()))
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    foot, note = page.locator("footer .page-links").bounding_box(), page.locator(".path-note").bounding_box()
    until(lambda: foot["y"] + foot["height"] <= note["y"])
    expect(page.locator("#pst-back-to-top")).to_be_hidden()  # which would be over the bar
    page.emulate_media(media="print")
    expect(bar).to_be_hidden()


def test_where_nothing_can_be_stored_the_path_works(wide):
    wide.page.add_init_script("""for (const name of ["getItem", "setItem"]) {
        const original = Storage.prototype[name];
        Storage.prototype[name] = function (key, ...rest) {
            if (key.includes("path")) throw new DOMException("no storage", "SecurityError");
            return original.call(this, key, ...rest);
        };
    }""")
    page = wide.open(LANDING)
    page.locator("#path-begin").click()
    check_stop(page, 2)
    page.locator("#path-bar a.on").click()
    check_stop(page, 3)
    assert wide.errors == []


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
