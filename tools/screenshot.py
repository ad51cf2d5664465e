"""Take the README's picture of a page from the built book.

Usage: python tools/screenshot.py          (after make book)
"""

from pathlib import Path

import find_browser
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "book" / "images" / "page.png"


def main() -> None:
    """Open the chapter on the mask at its first attention map and save what is seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser.find(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto((ROOT / "_build" / "html" / "notebooks" / "04_causal_mask.html").as_uri())
        picture = page.locator("figure img").nth(1)
        picture.evaluate("image => window.scrollTo(0, image.getBoundingClientRect().bottom + scrollY - 700)")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURE)
        browser.close()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
