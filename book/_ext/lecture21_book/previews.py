"""Previews of glossary terms and citations in the pages that link to them."""

import functools
import html
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin

import pybtex.plugin
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from .listed import for_script
from .mathematics import typeset

_TAGS = {nodes.paragraph: "p", nodes.emphasis: "em", nodes.strong: "strong", nodes.literal: "code"}


def as_html(node: nodes.Node) -> str:
    """Return a node as HTML without links, its formulas typeset."""
    if isinstance(node, nodes.Text):
        return html.escape(node.astext())
    if isinstance(node, nodes.math):
        return f'<span class="math notranslate nohighlight">{typeset(node.astext(), display=False)}</span>'
    inner = "".join(as_html(child) for child in node.children)
    tag = _TAGS.get(type(node))
    return f"<{tag}>{inner}</{tag}>" if tag else inner


def _definitions(env: BuildEnvironment) -> Iterator[tuple[str, str, nodes.definition]]:
    """Yield page, anchor and definition of each term of the book's glossaries."""
    pages = {docname for (kind, _), (docname, _) in env.get_domain("std").objects.items() if kind == "term"}
    for page in sorted(pages):
        for glossary in env.get_doctree(page).findall(addnodes.glossary):
            for item in glossary.findall(nodes.definition_list_item):
                for term in item.findall(nodes.term):
                    yield page, term["ids"][0], item.next_node(nodes.definition)


@functools.lru_cache(maxsize=1)
def _texts(env: BuildEnvironment) -> dict[tuple[str, str], str]:
    """Return what each page and anchor is previewed as."""
    texts = {}
    for page, anchor, definition in _definitions(env):
        texts[page, anchor] = as_html(definition)
    backend = pybtex.plugin.find_plugin("pybtex.backends", "plaintext")()
    for citation in env.get_domain("cite").citations:
        reference = citation.formatted_entry.text.render(backend).split(" URL: ")[0]
        texts[citation.bibliography_key.docname, citation.citation_id] = f"<p>{html.escape(reference)}</p>"
    return texts


def _add_previews(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Give the template a JSON object: the previews of a page by the addresses of its links."""
    if doctree is None or app.builder.format != "html":
        return
    texts = _texts(app.env)
    here = app.builder.get_target_uri(pagename)
    targets = {(app.builder.get_target_uri(page), anchor): text for (page, anchor), text in texts.items()}
    previews = {}
    for link in doctree.findall(nodes.reference):
        address = link.get("refuri", "")
        path, anchor = urldefrag(address)
        if path and (text := targets.get((urljoin(here, path), anchor))):
            previews[address] = text
    if previews:
        context["previews"] = for_script(previews)


def setup(app: Sphinx) -> dict[str, object]:
    """Connect to the writing of each page."""
    app.connect("html-page-context", _add_previews)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
