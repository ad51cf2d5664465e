"""The built book, opened in Chromium: it asks nobody else for anything, shows its mathematics, and can be searched."""

import gzip
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import repository
from playwright.sync_api import expect
from until import until

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"


def test_the_reader_can_turn_the_light_off(wide):
    page = wide.open("book/intro.html")
    html = page.locator("html")
    seen = set()
    for _ in range(3):
        page.locator("button.theme-switch-button:visible").first.click()
        seen.add(html.get_attribute("data-mode"))
    assert seen == {"light", "dark", "auto"}
    while html.get_attribute("data-mode") != "dark":
        page.locator("button.theme-switch-button:visible").first.click()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 60
    assert wide.errors == []


def test_the_first_screen_has_a_gpt_to_train_and_weighs_less_than_250_kilobytes(wide):
    wide.page.set_viewport_size({"width": 1280, "height": 800})
    page = wide.open("book/intro.html")
    figure = page.locator("#live-train")
    figure.locator("section.figure:not([aria-busy=true])").wait_for()
    expect(figure.get_by_role("button", name="Start training")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("link", name="Take apart what you trained")).to_be_in_viewport(ratio=1)
    for line in page.locator(".welcome p").all():
        expect(line).to_be_in_viewport(ratio=1)
    filled = "each => getComputedStyle(each).backgroundColor"  # one main button
    until(lambda: figure.get_by_role("button", name="Start training").evaluate(filled) != "rgba(0, 0, 0, 0)")
    until(lambda: page.locator(".begin a").evaluate(filled) == "rgba(0, 0, 0, 0)")
    talk = page.get_by_role("link", name="a 75-minute talk")
    expect(talk).to_have_attribute("href", "teach.html#one-lecture-of-75-minutes")
    loaded = page.evaluate("[location.href, ...performance.getEntriesByType('resource').map((entry) => entry.name)]")
    files = {HTML / unquote(urlsplit(name).path).removeprefix("/") for name in loaded if name.startswith(wide.site)}
    assert len(files) > 10
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 250_000


def test_the_colab_button_shows_its_menu_where_the_address_is_known(wide):
    page = wide.open("notebooks/01_from_rnn_to_attention.html")
    if not repository.is_known():
        expect(page.locator(".dropdown-launch-buttons")).to_have_count(0)
        return
    page.locator(".dropdown-launch-buttons button").click()
    expect(page.locator(".dropdown-launch-buttons a", has_text="Colab")).to_be_visible()
