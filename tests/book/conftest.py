from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"


def moved_pages() -> dict[str, str]:
    """Return the pages that _config.yml names as moved, and where each leads."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    return config["sphinx"]["config"]["moved_pages"]


@pytest.fixture(scope="session")
def moved() -> dict[str, str]:
    """The pages that have moved, and where each leads."""
    return moved_pages()


@pytest.fixture(scope="session")
def pages() -> dict[str, BeautifulSoup]:
    """Every built page, parsed, by its path under _build/html, without those that only lead to where a page is now."""
    if not (HTML / "index.html").is_file():
        pytest.fail("there is no built book to look at; run: make book", pytrace=False)
    moved = {HTML / f"{name}.html" for name in moved_pages()}
    actual = (path for path in HTML.rglob("*.html") if "_static" not in path.parts and path not in moved)
    return {
        str(path.relative_to(HTML)): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(actual)
    }


@pytest.fixture(scope="session", autouse=True)
def _after_the_build(built: None) -> None:
    """All tests here are about pages."""
