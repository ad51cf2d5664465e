"""The prose contains no judging words and no path of a machine."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "book").rglob("*.md")), *sorted((ROOT / "notebooks").glob("*.ipynb"))]
JUDGING = re.compile(
    r"\b(powerful|amazing(ly)?|awesome|magical|incredibl[ey]|remarkabl[ey]|simply|obviously|trivial(ly)?|of course)\b",
    re.IGNORECASE,
)
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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_prose_contains_no_path_of_a_machine(path: Path):
    assert MACHINE.findall(prose(path)) == []


def test_the_prose_check_reports_planted_faults():
    assert judging("This is simply a Powerful idea. Run `magic`.") == ["simply", "Powerful"]
