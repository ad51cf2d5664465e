"""axe-core over every page, and what it does not see: the order of the keyboard and the ring around the focus."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
TOC = (ROOT / "_toc.yml").read_text(encoding="utf-8")
PAGES = [f"{page}.html" for page in re.findall(r"(?:file|root): (\S+)", TOC)] + ["search.html", "genindex.html"]
SAMPLE = ["book/intro.html", "notebooks/04_causal_mask.html", "book/glossary.html", "book/api/attention.html"]

# Formulas (hidden from screen readers, which read the MathML beside them) and the colours of code are the same on all
# pages; COMPLETE looks into them too.
OPTIONS = """{
  resultTypes: ["violations"], elementRef: false, preload: false,
  rules: { "label-content-name-mismatch": { enabled: true } }
}"""
FAST = f"axe.run({{ exclude: ['mjx-container > mjx-math', 'div.highlight > pre'] }}, {OPTIONS})"
COMPLETE = f"axe.run({OPTIONS})"


def violations(page: Page, run: str = FAST) -> list[str]:
    """What axe calls serious or critical on a page."""
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(run)["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_has_no_serious_violation(address: str, wide):
    assert violations(wide.open(address)) == []


@pytest.mark.parametrize("address", SAMPLE)
def test_a_page_has_no_serious_violation_in_the_dark(address: str, dark):
    assert violations(dark.open(address)) == []


@pytest.mark.parametrize("address", SAMPLE)
def test_a_page_has_no_serious_violation_on_a_phone(address: str, phone):
    assert violations(phone.open(address)) == []


@pytest.mark.parametrize("address", ["notebooks/02_basic_self_attention.html", "book/notation.html"])
def test_code_and_formulas_have_no_serious_violation(address: str, wide):
    assert violations(wide.open(address), COMPLETE) == []


def test_a_violation_is_seen(wide):
    page = wide.open("book/how_to_read.html")
    page.evaluate("document.querySelector('article p').innerHTML += '<button></button><img src=\"x.png\">'")
    assert {line.split(" ")[0] for line in violations(page)} == {"button-name", "image-alt"}


@pytest.mark.parametrize("address", ["notebooks/04_causal_mask.html", "notebooks/13_ensemble_vs_average.html"])
def test_the_keyboard_passes_by_formulas(address: str, wide):
    page = wide.open(address)
    assert page.locator("mjx-container").count() > 40
    assert page.locator("mjx-container[tabindex], mjx-container [tabindex]").count() == 0


NO_RING = """() => [...document.querySelectorAll("a[href], button, summary, input, [tabindex]")]
  .filter((element) => element.checkVisibility() && element.tabIndex >= 0)
  .filter((element) => {
    element.focus({ focusVisible: true });
    const style = getComputedStyle(element);
    return document.activeElement === element && (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2);
  })
  .map((element) => element.outerHTML.slice(0, 150))"""


@pytest.mark.parametrize("address", SAMPLE)
def test_whatever_has_the_focus_shows_it(address: str, wide):
    page = wide.open(address)
    assert page.evaluate(NO_RING) == []
