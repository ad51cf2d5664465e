"""The prose contains no judging words and no path of a machine."""

import re
from pathlib import Path

import nbformat
import pytest
import repository

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "book").rglob("*.md")),
    *repository.notebooks(),
]
JUDGING = re.compile(
    r"\b(powerful|amazing(ly)?|awesome|magical|incredibl[ey]|remarkabl[ey]|simply|obviously|trivial(ly)?|of course)\b",
    re.IGNORECASE,
)
# Words that stand in for a term, or that turn a sentence around. A few of them are right where they are.
PRIVATE = re.compile(
    r"\b(stands?|stood|standing|lies|lay|shall|torn|pays?|paid|price[sd]?|dear|looks?|asks?|answers?|hands? over|goes"
    r"|whole|ways?|so many|so much|of which|none of|no more than|nobody|nothing)\b",
    re.IGNORECASE,
)
OTHER_TERMS = re.compile(r"\b(repl(?:y|ies)|requests?)\b", re.IGNORECASE)  # for a response and a prompt
MACHINE = re.compile(r"(?<![\w.])/(home|Users|root|work|tmp)/")


def prose(path: Path) -> str:
    """The text of a page: all of a Markdown file, the Markdown cells of a notebook."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return path.read_text(encoding="utf-8")


def judging(text: str) -> list[str]:
    """The sentences' words that judge, outside code."""
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    return [match.group() for match in JUDGING.finditer(text)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_prose_does_not_judge(path: Path):
    assert judging(prose(path)) == []


def running(text: str) -> str:
    """The text that is read straight through: no folded hints, code or formulas."""
    text = re.sub(r"<details.*?</details>|```.*?```|\$\$.*?\$\$", " ", text, flags=re.DOTALL)
    return re.sub(r"\]\([^)]*\)|\$[^$]*\$|`[^`]*`|<[^>]+>|https?://\S+", " ", text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_prose_uses_the_terms_of_the_field(path: Path):
    text = running(prose(path))
    actual, words = PRIVATE.findall(text), re.findall(r"[A-Za-z][A-Za-z'’-]*", text)
    assert 1000 * len(actual) <= 4 * max(1000, len(words)), actual


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_model_gives_a_response_to_a_prompt(path: Path):
    assert OTHER_TERMS.findall(running(prose(path))) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_prose_contains_no_path_of_a_machine(path: Path):
    assert MACHINE.findall(prose(path)) == []


def test_the_prose_check_reports_planted_faults():
    assert judging("This is simply a Powerful idea. Run `magic`.") == ["simply", "Powerful"]
