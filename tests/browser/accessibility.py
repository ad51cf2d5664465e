"""axe-core on a page of the book."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

# Formulas (hidden from screen readers, which read the MathML beside them) and the colors of code are the same on all
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
    actual = page.evaluate(run)["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]}"
        for violation in actual
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
