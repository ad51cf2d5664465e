from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def pages() -> dict[str, BeautifulSoup]:
    """Every built page, parsed, by its path under _build/html."""
    if not (HTML / "index.html").is_file():
        pytest.fail("there is no built book to look at; run: make book", pytrace=False)
    actual = (path for path in HTML.rglob("*.html") if "_static" not in path.parts)
    return {
        str(path.relative_to(HTML)): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(actual)
    }
