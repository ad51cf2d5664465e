"""What axe-core finds in code and formulas, and what it does not see: the keyboard and the ring around the focus."""

import pytest
from accessibility import COMPLETE, violations
from kinds import ON_EVERY_SCREEN, REOPENED, sampled
from playwright.sync_api import expect
from until import until


@pytest.mark.parametrize(
    "address", sampled(["notebooks/02_basic_self_attention.html", "book/notation.html"], ["book/notation.html"])
)
def test_code_and_formulas_have_no_serious_violation(address: str, wide):
    assert violations(wide.open(address), COMPLETE) == []


def test_a_violation_is_seen(wide):
    page = wide.open("book/changes.html")
    page.evaluate("document.querySelector('article p').innerHTML += '<button></button><img src=\"x.png\">'")
    assert {line.split(" ")[0] for line in violations(page)} == {"button-name", "image-alt"}


@pytest.mark.parametrize("address", sampled(["notebooks/04_causal_mask.html", "notebooks/13_ensemble_vs_average.html"]))
def test_the_keyboard_passes_by_formulas(address: str, wide):
    page = wide.open(address)
    until(lambda: page.locator("mjx-container").count() > 40)
    expect(page.locator("mjx-container[tabindex], mjx-container [tabindex]")).to_have_count(0)


NO_RING = """() => [...document.querySelectorAll("a[href], button, summary, input, [tabindex]")]
  .filter((element) => element.checkVisibility() && element.tabIndex >= 0)
  .filter((element) => {
    element.focus({ focusVisible: true });
    const style = getComputedStyle(element);
    return document.activeElement === element && (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2);
  })
  .map((element) => element.outerHTML.slice(0, 150))"""


@pytest.mark.parametrize("address", sampled(REOPENED, ON_EVERY_SCREEN))
def test_whatever_has_the_focus_shows_it(address: str, wide):
    page = wide.open(address)
    until(lambda: page.evaluate(NO_RING) == [])
