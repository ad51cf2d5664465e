"""The built book, opened in Chromium: it asks nobody else for anything, shows its mathematics, and can be searched."""

import re
from pathlib import Path

import pytest
import repository
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    f"{page}.html" for page in re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
]
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]

# The paper of each picture as the reader sees it: the background behind it, and whether a filter changes its colours.
PAPER = """() => [...document.querySelectorAll("article img")]
  .filter((image) => /\\.(png|webp)$/.test(image.getAttribute("src")))
  .map((image) => [getComputedStyle(image).backgroundColor, getComputedStyle(image).filter])"""


@pytest.mark.parametrize("address", PAGES)
def test_a_page_opens_without_errors_asks_nobody_else_and_sets_its_mathematics(address: str, wide):
    page = wide.open(address)
    assert page.locator("article h1").count() == 1
    assert wide.foreign == []
    assert wide.errors == []
    assert page.locator("article .math mjx-container").count() >= page.locator("article .math").count()
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.evaluate("[...document.fonts].filter((font) => font.status === 'error').length") == 0


def test_a_page_with_mathematics_uses_the_fonts_of_the_book(wide):
    page = wide.open("book/notation.html")
    assert page.locator("mjx-container").count() > 20
    loaded = page.evaluate("[...document.fonts].filter((font) => font.status === 'loaded').map((font) => font.family)")
    assert any("MJX" in family for family in loaded)


@pytest.mark.parametrize("address", ["book/intro.html", *CHAPTERS])
def test_pictures_keep_their_white_paper_in_the_dark(address: str, dark):
    page = dark.open(address)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    paper = page.evaluate(PAPER)
    assert paper
    assert paper == [["rgb(255, 255, 255)", "none"]] * len(paper)


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


def test_search_finds_a_chapter_and_leads_there(wide):
    page = wide.open("search.html?q=causal")
    results = page.locator("#search-results li a")
    expect(results.first).to_be_visible()
    assert any("notebooks/04_causal_mask" in link.get_attribute("href") for link in results.all())
    results.first.click()
    expect(page.locator("article h1")).to_be_visible()
    assert wide.foreign == []
    assert wide.errors == []


def test_a_wide_page_has_one_place_to_search(wide):
    page = wide.open("book/intro.html")
    assert page.locator(".search-button-field:visible, .search-button:visible, input[type=search]:visible").count() == 1


def test_the_colab_button_shows_its_menu_where_the_address_is_known(wide):
    page = wide.open(CHAPTERS[0])
    if not repository.is_known():
        expect(page.locator(".dropdown-launch-buttons")).to_have_count(0)
        return
    page.locator(".dropdown-launch-buttons button").click()
    expect(page.locator(".dropdown-launch-buttons a", has_text="Colab")).to_be_visible()


def test_a_folded_hint_opens(wide):
    page = wide.open("notebooks/04_causal_mask.html")
    hint = page.locator("article details", has_text="Hint 1").first
    inside = hint.locator("p").first
    expect(inside).to_be_hidden()
    hint.locator("summary").click()
    expect(inside).to_be_visible()


def test_a_request_to_another_host_is_seen(wide):
    page = wide.open("book/intro.html")
    page.evaluate("fetch('https://cdn.example/x.js').catch(() => null)")
    assert wide.foreign == ["https://cdn.example/x.js"]
