"""The built book, opened in Chromium: it asks nobody else for anything, shows its mathematics, and can be searched."""

import re

import repository
from playwright.sync_api import expect


def test_a_page_with_mathematics_uses_the_fonts_of_the_book(wide):
    page = wide.open("book/notation.html")
    assert page.locator("mjx-container").count() > 20
    loaded = page.evaluate("[...document.fonts].filter((font) => font.status === 'loaded').map((font) => font.family)")
    assert any("MJX" in family for family in loaded)


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
    page = wide.open("notebooks/01_from_rnn_to_attention.html")
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
