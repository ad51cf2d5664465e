"""Figures in pages that are opened as files, where browsers refuse modules and requests."""

import live_page
import pytest
from playwright.sync_api import Browser, expect

from lecture21.course import live

FIRST = {figure.figure: figure for figure in reversed(live.examples())}
"""One example of each kind of figure."""


def test_on_a_server_a_figure_takes_the_script_where_there_is_no_other_file(browser: Browser, tmp_path):
    """The zip file of the book has each file of a figure once, as a script."""
    live_page.write(tmp_path, [live.Write(prompt="To be")])
    (model,) = tmp_path.rglob("*.safetensors")
    model.unlink()
    page = browser.new_page()
    with live_page.serve(tmp_path) as address:
        page.goto(address)
        figure = page.locator("section.figure:not([aria-busy=true])")
        figure.wait_for()
        expect(figure.get_by_role("list", name="Probabilities of the next character")).to_contain_text("%")
    page.close()


@pytest.mark.slow
def test_every_kind_of_figure_starts_in_a_page_that_is_opened_as_a_file(browser: Browser, tmp_path):
    live_page.write(tmp_path, list(FIRST.values()))
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto((tmp_path / "index.html").as_uri())
    elements = page.locator(".live-figure").all()
    assert len(elements) == len(FIRST)
    for element in elements:
        element.scroll_into_view_if_needed()
        element.locator("section.figure:not([aria-busy=true])").wait_for()
        expect(element.locator(".message"), str(element.get_attribute("data-figure"))).to_have_text("")
    train = page.locator(".live-figure[data-figure=train]")
    reading = train.locator(".reading").first
    before = reading.inner_text()
    train.get_by_role("button", name="Start training").click()  # in a worker, on a text that a script brings
    expect(reading).not_to_have_text(before)
    expect(reading).to_contain_text("step")
    page.get_by_role("button", name="Link to this state").first.click()
    assert "#live-" in page.url
    expect(page.locator(".live-stopped, .live-failed")).to_have_count(0)
    assert errors == []
    page.close()
