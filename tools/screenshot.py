"""Take the README's picture of a page from the built book.

Usage: python tools/screenshot.py          (after make book)
"""

from pathlib import Path

import find_browser
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "book" / "images" / "page.png"


def main() -> None:
    """Train the GPT of the first page for its 30 seconds and save what is seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser.find(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto((ROOT / "_build" / "html" / "book" / "intro.html").as_uri())
        figure = page.locator(".live-figure[data-figure=train]").first
        figure.get_by_role("button", name="Start training").click()
        figure.get_by_role("button", name="Stop").wait_for()
        figure.get_by_role("button", name="Stop").wait_for(state="detached", timeout=300_000)
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
