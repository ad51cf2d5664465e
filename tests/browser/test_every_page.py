"""Every built page, opened once on each screen: no errors, no request to other hosts, nothing cut off, accessible."""

import check_pages
import pytest
from accessibility import SAMPLE, violations
from playwright.sync_api import Page

PAGES = [f"{file}.html" for file in check_pages.toc_files()]
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]

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

# The paper of each picture as the reader sees it: the background behind it, and whether a filter changes its colors.
PAPER = """[...document.querySelectorAll("article img")]
  .filter((image) => /\\.(png|webp)$/.test(image.getAttribute("src")))
  .map((image) => [getComputedStyle(image).backgroundColor, getComputedStyle(image).filter])"""

BEHIND_FIGURES = """[...document.querySelectorAll(".cell_output .text_html:has(.live-figure)")]
  .map((node) => getComputedStyle(node).backgroundColor)"""


def found(page: Page, probes: dict[str, str]) -> dict[str, list]:
    """What each probe finds, without those that find nothing."""
    return {name: result for name, probe in probes.items() if (result := page.evaluate(probe))}


@pytest.mark.parametrize("address", [*PAGES, "search.html", "genindex.html"])
def test_a_page_is_right_on_a_laptop(address: str, wide):
    wide.page.set_viewport_size({"width": 1280, "height": 800})
    page = wide.open(address)
    assert page.locator("article h1").count() == (address != "search.html")
    assert found(page, {"cut code": CUT_CODE, "formulas": UNSET_FORMULAS, "fonts": FAILED_FONTS}) == {}
    assert violations(page) == []
    assert (wide.foreign, wide.errors) == ([], [])


@pytest.mark.parametrize("address", PAGES)
def test_a_page_fits_a_phone(address: str, phone):
    page = phone.open(address)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert found(page, {"too wide": STICKS_OUT, "wrapped tables": WRAPPED_TABLES}) == {}
    if address in SAMPLE:
        assert violations(page) == []


@pytest.mark.parametrize("address", [*CHAPTERS, *(page for page in SAMPLE if page not in CHAPTERS)])
def test_a_page_in_the_dark_keeps_the_white_paper_of_pictures_only(address: str, dark):
    page = dark.open(address)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    paper = page.evaluate(PAPER)
    assert paper or address not in CHAPTERS
    assert paper == [["rgb(255, 255, 255)", "none"]] * len(paper)
    assert set(page.evaluate(BEHIND_FIGURES)) <= {"rgba(0, 0, 0, 0)"}
    if address in SAMPLE:
        assert violations(page) == []


def test_code_that_is_cut_a_wide_element_and_a_bad_formula_are_found(phone):
    page = phone.open("notebooks/04_causal_mask.html")
    page.evaluate("""() => {
        document.querySelector("div.cell_input pre").style.overflow = "auto";
        document.querySelector("div.cell_input pre").textContent = "x = 1; ".repeat(80);
        document.querySelector("article p").style.width = "900px";
        document.querySelector(".output.aligned pre").style.whiteSpace = "pre-wrap";
        document.querySelector("article .math").textContent = "$x$";
    }""")
    probes = {"cut": CUT_CODE, "wide": STICKS_OUT, "tables": WRAPPED_TABLES, "formulas": UNSET_FORMULAS}
    assert set(found(page, probes)) == set(probes)
