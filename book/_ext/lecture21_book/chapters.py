"""The numbers of the chapters, from the names of their files."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform


def chapter_number(docname: str) -> str | None:
    """Return the number of a chapter as its file name has it, such as "04", or None for any other page."""
    match = re.fullmatch(r"notebooks/(\d\d)_[^/]+", docname)
    return match.group(1) if match else None


def chapters(env: BuildEnvironment) -> dict[int, str]:
    """Return the page of each chapter by its number."""
    numbered = {docname: chapter_number(docname) for docname in sorted(env.found_docs)}
    return {int(number): docname for docname, number in numbered.items() if number}


class _ChapterNumber(SphinxTransform):
    """Put the number of a chapter before its title; the sidebar, the links and the <title> take it from there."""

    default_priority = 840  # before the titles are collected, after the anchors have been made from them

    def apply(self) -> None:
        number = chapter_number(self.env.docname)
        title = self.document.next_node(nodes.title)
        if number and title is not None:
            title.insert(0, nodes.Text(f"{number}. "))


def setup(app: Sphinx) -> dict[str, object]:
    """Register the transform."""
    app.add_transform(_ChapterNumber)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
