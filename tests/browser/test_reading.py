"""Reading on a laptop, a phone and paper: code that fits, tables that keep their columns, pictures, folds, colors."""

import re

import pytest
from playwright.sync_api import expect
from until import until

WITH_FOLDS = "notebooks/04_causal_mask.html"
WITH_PICTURES = "notebooks/04_causal_mask.html"


def test_a_table_wider_than_a_phone_scrolls(phone):
    page = phone.open("book/gpt1_to_gpt4.html")
    box = page.locator("article .pst-scrollable-table-container").first
    until(lambda: box.evaluate("node => node.scrollWidth > node.clientWidth"))
    until(lambda: box.evaluate("node => { node.scrollLeft = 50; return node.scrollLeft }") == 50)


def test_pictures_move_nothing_when_they_arrive(wide):
    wide.page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => { for (const entry of list.getEntries())"
        " window.shift += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
    )
    for address in ["book/notation.html", WITH_PICTURES]:
        page = wide.open(address)
        until(lambda: page.evaluate("shift") < 0.1)


def test_a_question_that_starts_moves_the_text_below_it_by_less_than_a_line(wide):
    page = wide.open("notebooks/02_basic_self_attention.html")
    questions = page.locator('.live-figure[data-figure="question"]:not(.live-on)')
    until(lambda: questions.count() >= 3)
    for question in questions.element_handles():
        before = question.bounding_box()["height"]
        question.scroll_into_view_if_needed()
        page.wait_for_function("node => node.classList.contains('live-on')", arg=question)
        until(lambda: abs(question.bounding_box()["height"] - before) < 24)


def test_a_picture_opens_at_its_full_size_and_closes_with_the_keyboard(phone):
    page = phone.open(WITH_PICTURES)
    link = page.locator("a.zoom").first
    shown = link.locator("img").bounding_box()["width"]
    link.focus()
    page.keyboard.press("Enter")
    opened = page.locator("dialog.zoom-view[open] img")
    expect(opened).to_be_visible()
    natural = opened.evaluate("image => image.width")
    until(lambda: natural == int(opened.get_attribute("width")))
    assert natural > 1.5 * shown
    page.keyboard.press("Escape")
    expect(page.locator("dialog.zoom-view")).to_have_count(0)
    expect(link).to_be_focused()
    assert page.url.endswith(WITH_PICTURES)


def test_folds_are_open_on_paper(wide):
    page = wide.open(WITH_FOLDS)
    hint = page.locator("article details", has_text="Hint 1").first.locator("p").first
    expect(hint).to_be_hidden()
    page.emulate_media(media="print")
    expect(hint).to_be_visible()
    until(lambda: hint.bounding_box()["height"] > 10)


SEEN_IN_FOLDS = """[".cell_input", ".cell_output"].map((part) =>
  [...document.querySelectorAll(`article .cell:not(.tag_solution) > details.hide ${part}`)]
    .map((element) => element.getBoundingClientRect().height > 0))"""


def test_paper_shows_folded_results_and_no_folded_code_and_no_picture_fills_a_page(wide):
    page = wide.open(WITH_FOLDS)
    page.emulate_media(media="print")
    code, results = page.evaluate(SEEN_IN_FOLDS)
    assert len(code) > 0
    assert len(results) > 0
    assert not any(code)
    assert all(results)
    heights = page.locator("article img").evaluate_all("all => all.map((each) => each.getBoundingClientRect().height)")
    assert max(heights) < 130 / 25.4 * 96 + 1  # half of an A4 page
    shadows = page.locator("article :is(.output pre, .highlight pre)").evaluate_all(
        "all => all.map((each) => getComputedStyle(each).backgroundImage)"
    )
    assert set(shadows) == {"none"}  # of what scrolls on a screen


def test_a_page_in_the_dark_is_printed_in_light_colors(dark):
    page = dark.open(WITH_FOLDS)
    paper, ink = (
        "getComputedStyle(document.body).backgroundColor",
        "getComputedStyle(document.querySelector('article p')).color",
    )
    colors = f"[{paper}, {ink}]"
    on_screen = page.evaluate(colors)
    page.emulate_media(media="print")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    background, text = ([int(n) for n in re.findall(r"\d+", color)[:3]] for color in page.evaluate(colors))
    assert min(background) > 240
    assert max(text) < 90
    page.emulate_media(media="screen")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    until(lambda: page.evaluate(colors) == on_screen)


@pytest.mark.parametrize("anchor", ["two-different-weightings", "two-gpts-alone-and-as-one"])
def test_a_link_into_a_chapter_leads_to_its_heading(anchor: str, wide):
    page = wide.open(f"notebooks/13_ensemble_vs_average.html#{anchor}")
    page.wait_for_function(f"Math.abs(document.querySelector('#{anchor} > h2').getBoundingClientRect().top) < 200")


def test_the_colors_are_chosen_before_the_body_is_read(dark):
    dark.page.add_init_script("""
        const watch = new MutationObserver(() => {
            if (!document.body) return;
            window.themeBeforeBody = document.documentElement.dataset.theme;
            watch.disconnect();
        });
        watch.observe(document, { childList: true, subtree: true });
    """)
    page = dark.open(WITH_FOLDS)
    until(lambda: page.evaluate("themeBeforeBody") == "dark")


@pytest.mark.parametrize("address", [WITH_FOLDS, "notebooks/12_mixture_of_experts.html"])
def test_on_paper_answers_are_at_the_end_and_on_the_screen_where_they_were(address: str, wide):
    page = wide.open(address)
    page.wait_for_load_state()
    order = "[...document.querySelectorAll('article :is(h2, summary)')].map((node) => node.textContent.trim())"
    before = page.evaluate(order)
    page.emulate_media(media="print")
    page.locator("#printed-answers").wait_for()
    printed = page.evaluate(order)
    end = printed.index("Answers")
    assert sum(text.startswith(("Hint", "Answer")) or text == "Solution" for text in printed[end + 1 :]) >= 10
    assert [text for text in printed[:end] if text.startswith(("Hint", "Answer", "Solution"))] == []
    until(lambda: page.locator("#printed-answers h3", has_text="Exercise").count() >= 4)
    page.emulate_media(media="screen")
    page.locator("#printed-answers").wait_for(state="detached")
    until(lambda: page.evaluate(order) == before)


@pytest.mark.parametrize("address", ["notebooks/02_basic_self_attention.html", "notebooks/14_moe_in_gpt.html"])
def test_the_keyboard_reaches_the_first_figure_in_at_most_25_stops(address: str, wide):
    page = wide.open(address)
    first = page.locator(".live-figure:not([data-figure=question], [data-figure=lines])").first
    inside = f"document.getElementById('{first.get_attribute('id')}').contains(document.activeElement)"
    for _ in range(25):
        page.keyboard.press("Tab")
        if page.evaluate(inside):
            break
        if page.evaluate("document.activeElement.textContent") == "Skip to the first figure":
            page.keyboard.press("Enter")
            first.locator("section.figure:not([aria-busy=true])").wait_for()
    else:
        pytest.fail("the figure is further away")
