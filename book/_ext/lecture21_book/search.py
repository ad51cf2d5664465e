"""The plain text of every page, in pieces, which book/_static/search.js searches; Sphinx makes no index of its own."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

from .figure_index import Entry, entries
from .plain_text import plain_text

_FILE = "_static/search_texts.js"
_START = "window.SEARCH_TEXTS = "


def passages(document: nodes.document) -> Iterator[tuple[str, str, str]]:
    """Yield anchor, heading and text of each section, each entry of a glossary, and each object of the code.

    The first is the page itself: its anchor is empty.
    """
    for n, section in enumerate(document.findall(nodes.section)):
        heading = section.next_node(nodes.title)
        text = plain_text(section, skip=(nodes.section, nodes.title, addnodes.desc, addnodes.glossary))
        yield "" if n == 0 else section["ids"][0], plain_text(heading) if heading else "", text
    for glossary in document.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            definition = plain_text(item.next_node(nodes.definition))
            for term in item.findall(nodes.term):
                yield term["ids"][0], plain_text(term), definition
    for described in document.findall(addnodes.desc):
        signature = described.next_node(addnodes.desc_signature)
        if signature is not None and signature["ids"]:
            content = described.next_node(addnodes.desc_content)
            text = plain_text(content, skip=(addnodes.desc,)) if content is not None else ""
            yield signature["ids"][0], signature["ids"][0], text


def figure_passage(entry: Entry) -> tuple[str, str, str, list[str]]:
    """Return anchor, title and description of a figure, and the searches that mean it."""
    description = re.search(r"<p>(.*?)</p>", entry.node.astext(), re.DOTALL)
    text = " ".join(re.sub(r"<[^>]*>", " ", description[1]).split()) if description else ""
    return entry.anchor, entry.title, html.unescape(text), [entry.title.lower(), *entry.names]


def _collect(app: Sphinx, document: nodes.document, docname: str) -> None:
    """Remember the passages of a page that is being written."""
    if app.builder.format == "html":
        figures = map(figure_passage, entries(document, app.figures_listed))
        found = list(passages(document))
        if "nosearch" in app.env.metadata[docname]:  # found by its title only
            found = [(*found[0][:2], "")]
        app.search_texts[docname] = [*found, *figures]


def _begin(app: Sphinx) -> None:
    """Begin with what an earlier build has written: an incremental build writes only some of the pages."""
    app.builder.search = False  # neither its index nor its page, which _config.yml names
    written = Path(app.outdir, _FILE)
    app.search_texts = json.loads(written.read_text(encoding="utf-8")[len(_START) :]) if written.is_file() else {}


def _write(app: Sphinx, exception: Exception | None) -> None:
    """Write the passages of all pages as a script, which a page can load from a file as well as from a server."""
    if exception is None and app.builder.format == "html":
        texts = {
            docname: app.search_texts[docname] for docname in sorted(app.search_texts) if docname in app.env.found_docs
        }
        text = _START + json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, _FILE).write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    """Connect to the build."""
    app.connect("builder-inited", _begin)
    app.connect("doctree-resolved", _collect)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
