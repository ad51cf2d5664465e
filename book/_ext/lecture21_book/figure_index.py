"""Figures that respond, in the contents of their page and for the search, as book/figures.yml names them."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

_LIST = "book/figures.yml"
_ELEMENT = re.compile(r'<div class="live-figure" [^>]*>')
_UNLISTED = ("question", "lines")  # they belong to the text around them
_LOGGER = logging.getLogger(__name__)


class Entry(NamedTuple):
    """A figure of a page: its anchor, what a reader does with it, the searches that mean it, and its node."""

    anchor: str
    title: str
    names: list[str]
    node: nodes.raw


def entries(document: nodes.document, listed: dict[str, dict]) -> Iterator[Entry]:
    """Yield the figures of a page in order, with the anchors that live.py gives them."""
    seen: Counter[str] = Counter()
    for node in document.findall(nodes.raw):
        for element in _ELEMENT.findall(node.astext()):
            figure, image = (re.search(rf'data-{name}="([^"]*)"', element)[1] for name in ("figure", "image"))
            seen[figure] += 1
            if figure in _UNLISTED:
                continue
            if image not in listed:
                _LOGGER.warning("%s does not name the figure %r", _LIST, image, location=node)
                continue
            number = f"-{seen[figure]}" if seen[figure] > 1 else ""
            yield Entry(f"live-{figure}{number}", listed[image]["title"], listed[image]["names"], node)


def _section(node: nodes.Node) -> str:
    """Return the anchor of the section of the second level that holds a node, or an empty string."""
    sections = []
    while node is not None:
        if isinstance(node, nodes.section):
            sections.append(node["ids"][0])
        node = node.parent
    return sections[-2] if len(sections) > 1 else ""


def _add_to_contents(app: Sphinx, document: nodes.document) -> None:
    """Put each figure below its section in the contents of its page, on the same level: there it is always in sight."""
    contents = app.env.tocs[app.env.docname]
    after: dict[str, nodes.Node] = {
        link["anchorname"].removeprefix("#"): link.parent.parent for link in contents.findall(nodes.reference)
    }
    for entry in entries(document, app.figures_listed):
        section = _section(entry.node)
        if not section or section not in after:
            continue
        link = nodes.reference(
            "", f"Try: {entry.title}", internal=True, refuri=app.env.docname, anchorname=f"#{entry.anchor}"
        )
        item = nodes.list_item("", addnodes.compact_paragraph("", "", link))
        siblings = after[section].parent
        siblings.insert(siblings.index(after[section]) + 1, item)
        after[section] = item


def _name_first(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Tell the template where the first figure of a page is."""
    first = next(entries(doctree, app.figures_listed), None) if doctree is not None else None
    if first:
        context["first_figure"] = first.anchor


def _read(app: Sphinx) -> None:
    """Read the list once; a small book may do without it."""
    path = Path(app.srcdir, _LIST)
    app.figures_listed = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def setup(app: Sphinx) -> dict[str, object]:
    """Connect after the collector of the contents."""
    app.connect("builder-inited", _read)
    app.connect("doctree-read", _add_to_contents, priority=900)
    app.connect("html-page-context", _name_first)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
