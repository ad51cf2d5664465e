"""The page of the slides: every slide in its order, and every statement with a test or a source that exists."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest
from slides_page import PAGE, slides

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
VERDICTS = ["Correct", "Needs a condition", "Differs from the source", "Not public"]


def test_the_page_has_every_slide_once_and_in_order():
    assert [slide.number for slide in slides()] == list(range(1, 39))
    assert [slide.anchor for slide in slides()] == list(range(1, 39))


def test_every_slide_but_a_title_has_its_chapters_and_code_has_a_test():
    for slide in slides():
        assert slide.is_title != (".ipynb)" in slide.chapters), slide.number
        assert ("**Code**" in slide.text) == bool(slide.test), slide.number


def numbers(text: str) -> set[int]:
    """The slides that a text names; "6 and the first point of 7" are two, "10–12, 36" are four."""
    ranges = re.findall(r"(\d+)(?:–(\d+))?", text)
    return {number for first, last in ranges for number in range(int(first), int(last or first) + 1)}


@pytest.mark.parametrize("stem", CHAPTERS)
def test_chapter_slides_and_landing_page_name_the_same_slides(stem: str):
    indexed = {slide.number for slide in slides() if f"../notebooks/{stem}.ipynb" in slide.chapters}
    assert indexed
    titles = {slide.number for slide in slides() if slide.is_title}
    opening = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4).cells[0].source
    assert numbers(re.search(r"\*\*Slides?\*\* (.*?) ·", opening)[1]) - titles == indexed
    landing = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| ([^|]+) \| \[\]\(\.\./notebooks/{stem}\.ipynb\)", landing, re.MULTILINE)
    assert numbers(row[1]) - titles == indexed


def test_every_statement_has_a_known_verdict():
    verdicts = [note.verdict for slide in slides() for note in slide.notes]
    assert set(verdicts) == set(VERDICTS)
    definitions = re.findall(r"^: \*\*", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(verdicts) == len(definitions)


def test_the_stated_counts_of_verdicts_are_correct():
    counts = Counter(note.verdict for slide in slides() for note in slide.notes)
    stated = re.search(
        r"Of (\d+) statements, (\d+) are correct, (\d+) need a condition, (\d+) differ from their source, "
        r"and (\d+) concern what is not public\.",
        " ".join(PAGE.read_text(encoding="utf-8").split()),
    )
    assert list(map(int, stated.groups())) == [counts.total(), *(counts[verdict] for verdict in VERDICTS)]


def test_every_statement_names_a_test_or_a_source():
    bare = [note for slide in slides() for note in slide.notes if not note.tests and "{cite" not in note.text]
    assert bare == []


def names_of_tests() -> set[str]:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return set(re.findall(r"^def (test_\w+)\(", source, re.MULTILINE))


def missing(there: set[str]) -> list[str]:
    """Return the tests that the page names and that do not exist."""
    named = [name for slide in slides() for note in slide.notes for name in note.tests]
    named += [slide.test for slide in slides() if slide.test]
    assert len(named) >= 80
    return [name for name in named if "test_" + re.sub(r"[^a-z0-9]+", "_", name) not in there]


def test_every_test_that_the_page_names_exists():
    assert missing(names_of_tests()) == []
