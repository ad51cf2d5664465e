"""Chapters as talks: the script and the style sheet of Present, and the speaker's notes, which only Present shows.

A cell with the tag `teaching` becomes a `<template>` at its place in the page: no reader sees it, and neither the
search nor the printed book has its text. A cell with the tag `page-only` is for readers, and no part of a talk.
"""

import json

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from .chapters import chapter_number

_DIRECTIVES = {"teaching": "{teaching}", "page-only": "{container} page-only"}


class teaching(nodes.comment):
    """Speaker's notes. As a comment, they are left out by whatever collects or changes the text of a page."""


class _Teaching(SphinxDirective):
    """The text of one cell of notes."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        notes = teaching()
        self.state.nested_parse(self.content, self.content_offset, notes)
        return [notes]


def _visit(self: HTML5Translator, node: teaching) -> None:
    self.body.append('<template class="teaching">')


def _depart(self: HTML5Translator, node: teaching) -> None:
    self.body.append("</template>\n")


def _wrap(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put cells of notes, and text for readers only, into directives: myst-nb forgets the tags of Markdown cells."""
    if not docname.startswith("notebooks/"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        for tag, directive in _DIRECTIVES.items():
            if cell["cell_type"] == "markdown" and tag in cell["metadata"].get("tags", []):
                cell["source"] = f":::::{directive}\n{''.join(cell['source'])}\n:::::"
    source[0] = json.dumps(notebook)


class _PageOnly(SphinxTransform):
    """Mark the line on slides, minutes and what a chapter needs: it is for readers, and no part of a talk."""

    default_priority = 500

    def apply(self) -> None:
        if not chapter_number(self.env.docname):
            return
        for strong in self.document.findall(nodes.strong):
            if strong.astext() == "Reading" and isinstance(strong.parent, nodes.paragraph):
                strong.parent["classes"].append("page-only")


def _add_files(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Load the script and the style sheet on the pages of chapters."""
    if chapter_number(page):
        app.add_css_file("present.css")
        for script in ("present_notes.js", "present_beside.js", "present_fit.js", "present.js"):
            app.add_js_file(script, defer="defer")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive, its node, and what changes sources and pages."""
    app.add_node(teaching, html=(_visit, _depart))
    app.add_directive("teaching", _Teaching)
    app.add_transform(_PageOnly)
    app.connect("source-read", _wrap)
    app.connect("html-page-context", _add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
