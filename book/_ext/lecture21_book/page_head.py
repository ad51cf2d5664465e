"""The description and Open Graph data of a page, which search engines and messengers show.

sphinxext-opengraph describes a page by its first 200 characters: the title, a chapter's opening, formulas as TeX. It
also writes addresses of a book that has none, so this book writes its own few tags.
"""

import html
from urllib.parse import urljoin

from docutils import nodes
from sphinx.application import Sphinx

from .plain_text import plain_text, shorten

_SHORTEST = 40  # characters; shorter paragraphs are labels
_LONGEST = 200


def description(document: nodes.document) -> str:
    """Return a chapter's one sentence, what a reader will be able to do, or a page's first paragraph, or its title.

    The one sentence of a chapter is the last in bold before the line with its slides. Paragraphs that are labels only
    do not count.
    """
    paragraphs = [p for p in document.findall(nodes.paragraph) if len(plain_text(p)) >= _SHORTEST]
    texts = [plain_text(paragraph) for paragraph in paragraphs]
    opening = [p for p, text in zip(paragraphs[:2], texts, strict=False) if not text.startswith("Slide")]
    bold = [plain_text(strong) for paragraph in opening for strong in paragraph.findall(nodes.strong)]
    lesson = [
        text[0].upper() + text[1:].rstrip(".,") + "." for text in bold if len(text) >= _SHORTEST and text[-1] != "?"
    ]
    texts = [text for text in texts[:3] if text.startswith("After this ")] or lesson[-1:] or texts
    if texts:
        return shorten(texts[0], _LONGEST)
    title = document.next_node(nodes.title)
    return plain_text(title) if title is not None else ""


def _picture(document: nodes.document) -> str:
    """Return the address of the first picture of a page, relative to the page, or an empty string."""
    addresses = [image["uri"] for image in document.findall(nodes.image)]
    return next((address for address in addresses if address.endswith((".png", ".webp", ".jpg"))), "")


def add_tags(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Add the tags; those that need an absolute address only where the book's own is known (html.baseurl)."""
    if doctree is None or app.builder.format != "html":
        return
    title = app.env.titles[pagename].astext()
    text = description(doctree)
    tags = {
        "og:title": title,
        "og:description": text,
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": app.config.html_title,
    }
    if app.config.html_baseurl:
        page = urljoin(app.config.html_baseurl.rstrip("/") + "/", app.builder.get_target_uri(pagename))
        picture = _picture(doctree)
        tags |= {"og:url": page, "og:image": urljoin(page, picture) if picture else ""}
    lines = [f'<meta name="description" content="{html.escape(text)}" />']
    lines += [f'<meta property="{name}" content="{html.escape(value)}" />' for name, value in tags.items() if value]
    context["metatags"] += "\n    " + "\n    ".join(lines)


def setup(app: Sphinx) -> dict[str, object]:
    """Connect to the writing of each page."""
    app.connect("html-page-context", add_tags)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
