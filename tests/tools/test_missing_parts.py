"""What `pytest tests` reports where the book is not built, or no browser is installed."""

from pathlib import Path
from types import SimpleNamespace

import find_browser
import pytest

ROOT = Path(__file__).resolve().parents[2]


class Item(SimpleNamespace):
    """A collected test, with the reasons for which it would be skipped."""

    def __init__(self, *fixturenames: str, nodeid: str = "tests/test_slides.py::test_it"):
        super().__init__(fixturenames=fixturenames, nodeid=nodeid, reasons=[])

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


def options(beside_build: Path | None = None) -> SimpleNamespace:
    """The configuration of pytest, as far as tests/conftest.py asks for it."""
    return SimpleNamespace(getoption={"beside_build": beside_build}.__getitem__)


def reasons(conftest) -> list[list[str]]:
    """The reasons for which two tests of code, two of pages and two of the browser would be skipped."""
    items = [Item(), Item("pages"), Item("wide", "browser", "site"), Item("pages"), Item("browser", "site"), Item()]
    conftest.pytest_collection_modifyitems(options(), items)
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


def test_beside_a_build_the_tests_of_its_pages_come_last_and_none_is_skipped(conftest, tmp_path: Path):
    page = Item("pages", nodeid="tests/book/test_pages.py::test_it")
    visit = Item("browser", "site", nodeid="tests/browser/test_path.py::test_it")
    items = [page, visit, Item(nodeid="tests/gpt/test_gpt.py::test_it"), Item(nodeid="notebooks/01.ipynb::Cell 1")]
    conftest.pytest_collection_modifyitems(options(tmp_path / "ended"), items)
    assert items[2:] == [page, visit]
    assert page.reasons == visit.reasons == []


def test_a_test_of_a_page_waits_for_the_end_of_the_build(conftest, monkeypatch, tmp_path: Path):
    ended = tmp_path / "ended"
    ended.touch()
    slept = []

    def build(seconds: int) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            ended.write_text("0\n")

    monkeypatch.setattr(conftest.time, "sleep", build)
    conftest.wait_for_the_book(ended)
    assert slept == [1, 1, 1]


def test_without_a_build_beside_nothing_is_waited_for_and_after_one_that_failed_pages_are_not_tested(
    conftest, tmp_path
):
    conftest.wait_for_the_book(None)
    (tmp_path / "ended").write_text("2\n")
    with pytest.raises(pytest.skip.Exception, match="the book could not be built"):
        conftest.wait_for_the_book(tmp_path / "ended")
