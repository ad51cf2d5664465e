"""What book/notes_on_slides.md says of each slide, as data."""

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "book" / "notes_on_slides.md"
_SLIDE = re.compile(r"\(slide-(\d+)\)=\n### S(\d+): ([^\n]+)\n(.*?)(?=\n\(slide-|\n## |\Z)", re.DOTALL)
_NOTE = re.compile(
    r"^([^\n:*][^\n]*)\n: \*\*([^*]+)\.\*\* (.*?)(?: Checked by ((?:\*[^*]+\*(?:; )?)+)\.)?$", re.MULTILINE
)


@dataclass(frozen=True)
class Note:
    """One statement of a slide: what it says, the verdict, the note, and the tests that check it."""

    statement: str
    verdict: str
    text: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Slide:
    """One slide: its number, where the book has it, the test of its code (or an empty string), and its notes."""

    number: int
    anchor: int
    title: str
    text: str

    @property
    def chapters(self) -> str:
        """The links to chapters, as they are written."""
        found = re.search(r"^\*\*Chapter\*\* (.*?)(?: · |$)", self.text, re.MULTILINE)
        return found[1] if found else ""

    @property
    def is_title(self) -> bool:
        """Whether the slide is a title without a claim."""
        return "A title, no claim." in self.text

    @property
    def test(self) -> str:
        """The words of the test of the slide's code."""
        found = re.search(r" · \*\*Code\*\* .+ · \*\*Test\*\* \*([^*]+)\*$", self.text, re.MULTILINE)
        return found[1] if found else ""

    @property
    def notes(self) -> list[Note]:
        """The notes, in order."""
        return [
            Note(statement, verdict, text, tuple(re.findall(r"\*([^*]+)\*", tests or "")))
            for statement, verdict, text, tests in _NOTE.findall(self.text)
        ]


def slides() -> list[Slide]:
    """Return the slides in the order of the page."""
    found = _SLIDE.findall(PAGE.read_text(encoding="utf-8"))
    return [Slide(int(number), int(anchor), title, text) for anchor, number, title, text in found]
