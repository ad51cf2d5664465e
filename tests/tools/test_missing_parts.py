"""What `pytest tests` reports where the book is not built, or no browser is installed."""

from pathlib import Path
from types import SimpleNamespace

import find_browser
import pytest

ROOT = Path(__file__).resolve().parents[2]


class Item(SimpleNamespace):
    """A collected test, with the reasons for which it would be skipped."""

    def __init__(self, *fixturenames: str):
        super().__init__(fixturenames=fixturenames, reasons=[])

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        assert mark.name == "skip"
        self.reasons.append(mark.kwargs["reason"])


@pytest.fixture
def conftest(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """tests/conftest.py, with a folder for the book that is empty, and a browser."""
    conftest = request.config.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py"))
    monkeypatch.setattr(conftest, "HTML", tmp_path)
    monkeypatch.setattr(find_browser, "find", lambda: "/usr/bin/chromium")
    return conftest


def reasons(conftest) -> list[list[str]]:
    """The reasons for which two tests of code, two of pages and two of the browser would be skipped."""
    items = [Item(), Item("pages"), Item("wide", "browser", "site"), Item("pages"), Item("browser", "site"), Item()]
    conftest.pytest_collection_modifyitems(items)
    return [item.reasons for item in items]


def test_without_a_book_one_test_fails_and_the_others_name_the_command(conftest):
    skipped = ["the book is not built; run: make book"]
    assert reasons(conftest) == [[], [], skipped, skipped, skipped, []]


@pytest.mark.parametrize("error", [False, True])
def test_without_a_browser_one_test_fails_and_the_others_name_the_command(error, conftest, monkeypatch):
    def find() -> None:
        if error:
            raise find_browser.BrowserError

    monkeypatch.setattr(find_browser, "find", find)
    (conftest.HTML / "index.html").touch()
    skipped = ["there is no browser; run: python3 tools/find_browser.py"]
    assert reasons(conftest) == [[], [], [], [], skipped, []]


def test_with_book_and_browser_nothing_is_skipped(conftest):
    (conftest.HTML / "index.html").touch()
    assert reasons(conftest) == [[]] * 6
