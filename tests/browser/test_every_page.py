"""Each built page, opened once: no errors, no request to other hosts, nothing cut off, accessible.

The page is read on a laptop, then as narrow as a phone, then in the dark. The pages of the sample are opened on a phone
and in the dark as well.
"""

import pytest
from accessibility import violations
from kinds import CHAPTERS, ON_EVERY_SCREEN, PAGES, REOPENED, SAMPLE, sampled
from playwright.sync_api import Page, expect
from until import until

LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

CUT_CODE = """[...document.querySelectorAll("div.cell_input pre")]
  .filter((code) => code.clientWidth > 0 && code.scrollWidth > code.clientWidth)
  .map((code) => code.textContent.slice(0, 80))"""

UNSET_FORMULAS = """[...document.querySelectorAll("mjx-merror, [data-mjx-error]")]
  .concat([...document.querySelectorAll("article .math")].filter((math) => !math.querySelector("mjx-container")))
  .map((node) => node.outerHTML.slice(0, 120))"""

FAILED_FONTS = "[...document.fonts].filter((font) => font.status === 'error').map((font) => font.family)"

# What sticks out of the page to the right, and is not inside something that scrolls by itself. MathJax keeps a copy
# for screen readers that nobody sees.
STICKS_OUT = """() => {
  const scrolls = (node) => {
    for (let up = node; up && !up.matches("article"); up = up.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  return [...document.querySelectorAll("article *")]
    .filter((node) => !node.closest("mjx-assistive-mml, .headerlink, button") && !scrolls(node))
    .filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map((node) => node.outerHTML.slice(0, 120));
}"""

WRAPPED_TABLES = """[...document.querySelectorAll(".output.aligned pre")]
  .filter((output) => getComputedStyle(output).whiteSpace !== "pre")
  .map((output) => output.textContent.slice(0, 80))"""

# The paper of each picture as the reader sees it: the background behind it, and a filter that changes its colors. Only
# lines on white paper are turned around.
PAPER = """[...document.querySelectorAll("article img")]
  .filter((image) => /\\.(png|webp)$/.test(image.getAttribute("src")))
  .map((image) => [image.matches(".line-art"), getComputedStyle(image)])
  .map(([isLineArt, { backgroundColor, filter }]) =>
    [backgroundColor, filter.startsWith(isLineArt ? "invert" : "none") ? "" : filter])"""

WITHOUT_PICTURES = {"notebooks/labs/on_a_gpu.html"}

BEHIND_FIGURES = """[...document.querySelectorAll(".cell_output .text_html:has(.live-figure)")]
  .map((node) => getComputedStyle(node).backgroundColor)"""


def problems(page: Page, probes: dict[str, str]) -> dict[str, list]:
    """What each probe finds, without those that find nothing."""
    return {name: result for name, probe in probes.items() if (result := page.evaluate(probe))}


def check_narrow(page: Page) -> None:
    """Assert that nothing on a page sticks out of a phone's screen."""
    until(lambda: page.evaluate("document.documentElement.scrollWidth") == 390)
    until(lambda: problems(page, {"too wide": STICKS_OUT, "wrapped tables": WRAPPED_TABLES}) == {})


def check_dark(page: Page, has_pictures: bool) -> None:
    """Assert that a page in the dark keeps the white paper of pictures, and of nothing else."""
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    paper = page.evaluate(PAPER)
    assert paper or not has_pictures
    assert paper == [["rgb(255, 255, 255)", ""]] * len(paper)
    until(lambda: set(page.evaluate(BEHIND_FIGURES)) <= {"rgba(0, 0, 0, 0)"})


@pytest.mark.parametrize("address", sampled([*PAGES, "search.html", "genindex.html"], [*SAMPLE, "search.html"]))
def test_a_page_is_right_on_every_screen(address: str, wide):
    wide.page.set_viewport_size(LAPTOP)
    page = wide.open(address)
    expect(page.locator("article h1")).to_have_count(int(address != "search.html"))
    until(lambda: problems(page, {"cut code": CUT_CODE, "formulas": UNSET_FORMULAS, "fonts": FAILED_FONTS}) == {})
    if address in PAGES:
        page.set_viewport_size(PHONE)
        check_narrow(page)
        page.set_viewport_size(LAPTOP)
    # Last: axe lays folded text out for the width of this moment, and it keeps that layout.
    assert violations(page) == []
    if address in CHAPTERS:
        page.emulate_media(color_scheme="dark")
        check_dark(page, has_pictures=address not in WITHOUT_PICTURES)
    assert (wide.foreign, wide.errors) == ([], [])


@pytest.mark.parametrize("address", sampled(REOPENED, ON_EVERY_SCREEN))
def test_a_page_is_right_on_a_phone(address: str, phone):
    page = phone.open(address)
    check_narrow(page)
    assert violations(page) == []


@pytest.mark.parametrize("address", sampled(REOPENED, ON_EVERY_SCREEN))
def test_a_page_is_right_in_the_dark(address: str, dark):
    page = dark.open(address)
    check_dark(page, has_pictures=address in CHAPTERS and address not in WITHOUT_PICTURES)
    assert violations(page) == []
