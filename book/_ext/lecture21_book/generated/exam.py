"""The page of the exam, from its questions."""

import re
from pathlib import Path

import nbformat

from lecture21.course.chapters.questions import load, sentence_of

from ..chapters import chapter_number
from ..headings import jupyter_slug

OPENING = """# The exam

These {n} questions cover the whole lecture, in the order of the chapters. Those with a number or a choice are checked
where you type it, and a wrong one gets a hint. The others need a few sentences or a derivation. Below each question, a
worked answer is folded, with links to the sections that teach it. In Jupyter, `live.Question("exam.2")` shows
question 2.
"""


def parts(contents: dict) -> list[tuple[str, list[str]]]:
    """Return the parts of a table of contents that have chapters: their captions, and the paths of the chapters."""
    with_chapters = []
    for part in contents["parts"]:
        chapters = [f"{each['file']}.ipynb" for each in part["chapters"] if chapter_number(each["file"])]
        if chapters:
            with_chapters.append((part["caption"], chapters))
    return with_chapters


def headings(path: Path) -> list[str]:
    """Return the headings of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)


def link(section: str, root: Path) -> str:
    """Return a link to a section, given as `notebooks/NN_name.ipynb#Anchor`.

    Raises:
        ValueError: if the notebook has no heading with this anchor.
    """
    path, _, anchor = section.partition("#")
    title = next((heading for heading in headings(root / path) if anchor in ("", jupyter_slug(heading))), None)
    if title is None:
        raise ValueError(f"{path} has no heading with the anchor {anchor!r}")
    return f"[{title}](../{section})"


def taught(question: dict, root: Path) -> str:
    """Return the sentence that names the sections: that of the question and those in `also`, chapter by chapter."""
    chapters: dict[str, list[str]] = {}
    for section in (question["section"], *question.get("also", ())):
        chapters.setdefault(re.search(r"/(\d\d)_", section)[1], []).append(link(section, root))
    named = []
    for chapter, links in chapters.items():
        *first, last = links
        several = f"sections {', '.join(first)} and {last}" if first else f"section {last}"
        named.append(f"chapter {chapter}, {several}")
    return f"See {', and '.join(named)}."


def entry(question: dict, root: Path) -> str:
    """Return one question and its worked answer."""
    if question["kind"] == "text":
        head = f"**Question {question['id'].removeprefix('exam.')}.** {question['text']}"
        answer = question["answer"]
    else:
        head = f":::{{live}} Question\nid: {question['id']}\n:::"
        answer = re.sub(r"\^(\w+)", r"<sup>\1</sup>", f"**{sentence_of(question)}** {question['explanation']}")
    return (
        f"{head}\n\n<details>\n<summary>Worked answer</summary>\n\n{answer}\n\n{taught(question, root)}\n\n</details>"
    )


def page(root: Path, contents: dict) -> str:
    """Return the page of the book in `root`, with this table of contents."""
    questions = load("exam")
    blocks = [OPENING.format(n=len(questions)).rstrip()]
    for caption, chapters in parts(contents):
        blocks.append(f"## {caption}")
        blocks += [entry(each, root) for each in questions if each["section"].partition("#")[0] in chapters]
    return "\n\n".join(blocks) + "\n"
