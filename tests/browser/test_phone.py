"""The built book on a phone: nothing is wider than the screen, and what is wider scrolls by itself."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    f"{page}.html" for page in re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
]

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


@pytest.mark.parametrize("address", PAGES)
def test_a_page_fits_a_phone(address: str, phone):
    page = phone.open(address)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(STICKS_OUT) == []


def test_a_table_wider_than_a_phone_scrolls_by_itself(phone):
    page = phone.open("book/slides.html")
    box = page.locator("article .pst-scrollable-table-container").first
    assert box.evaluate("node => node.scrollWidth > node.clientWidth")
    assert box.evaluate("node => { node.scrollLeft = 50; return node.scrollLeft }") == 50
