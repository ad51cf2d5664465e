"""What glossary terms and citations lead to, put into the pages that link to them."""

import functools
import html
import json
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin

import pybtex.plugin
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from .plain_text import tex_as_text

_TAGS = {nodes.paragraph: "p", nodes.emphasis: "em", nodes.strong: "strong", nodes.literal: "code"}


def as_html(node: nodes.Node, has_mathjax: bool) -> str:
    """Return a node as HTML without links; formulas for MathJax if the page has it, else as a line of text."""
    if isinstance(node, nodes.Text):
        return html.escape(node.astext())
    if isinstance(node, nodes.math):
        tex = html.escape(node.astext())
        formula = rf'<span class="math notranslate nohighlight">\({tex}\)</span>'
        return formula if has_mathjax else html.escape(tex_as_text(node.astext()))
    inner = "".join(as_html(child, has_mathjax) for child in node.children)
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
def _texts(env: BuildEnvironment) -> dict[tuple[str, str], dict[bool, str]]:
    """Return what each page and anchor is previewed as, with and without MathJax."""
    texts = {}
    for page, anchor, definition in _definitions(env):
        texts[page, anchor] = {has_mathjax: as_html(definition, has_mathjax) for has_mathjax in (True, False)}
    backend = pybtex.plugin.find_plugin("pybtex.backends", "plaintext")()
    for citation in env.get_domain("cite").citations:
        reference = citation.formatted_entry.text.render(backend).split(" URL: ")[0]
        paragraph = f"<p>{html.escape(reference)}</p>"
        texts[citation.bibliography_key.docname, citation.citation_id] = {True: paragraph, False: paragraph}
    return texts


def _add_previews(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Give the template a JSON object: the previews of a page by the addresses of its links."""
    if doctree is None or app.builder.format != "html":
        return
    texts = _texts(app.env)
    has_mathjax = app.env.get_domain("math").has_equations(pagename)
    here = app.builder.get_target_uri(pagename)
    targets = {(app.builder.get_target_uri(page), anchor): text for (page, anchor), text in texts.items()}
    found = {}
    for link in doctree.findall(nodes.reference):
        address = link.get("refuri", "")
        path, anchor = urldefrag(address)
        if path and (text := targets.get((urljoin(here, path), anchor))):
            found[address] = text[has_mathjax]
    if found:
        context["previews"] = json.dumps(found, ensure_ascii=False).replace("</", "<\\/")


def setup(app: Sphinx) -> dict[str, object]:
    """Connect to the writing of each page."""
    app.connect("html-page-context", _add_previews)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
