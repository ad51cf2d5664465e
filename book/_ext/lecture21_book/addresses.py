"""Links that Sphinx does not make: from old addresses to new ones, and from the landing page to chapter 01."""

import html
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from .chapters import chapters

# A page that was here, and the one that has its contents now. The script keeps the anchor of a link.
_MOVED = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>This page has moved</title>
<meta http-equiv="refresh" content="1; url={to}">
<script>location.replace("{to}" + location.hash);</script>
</head>
<body><p>This page has moved: <a href="{to}">go to its new place</a>.</p></body>
</html>
"""


def _write_moved(app: Sphinx, exception: Exception | None) -> None:
    """Write a page at each old address, which leads to the new one from a server and from a file."""
    if exception or app.builder.format != "html":
        return
    for old, new in app.config.moved_pages.items():
        path = Path(app.outdir, f"{old}.html")
        if path.is_file():
            raise ValueError(f"moved_pages: {old} is a page of the book")
        path.parent.mkdir(parents=True, exist_ok=True)
        to = html.escape("../" * old.count("/") + f"{new}.html")
        path.write_text(_MOVED.format(to=to), encoding="utf-8")


def _begin_with_a_chapter(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Let the landing page lead to chapter 01, whatever the sidebar has between them, and chapter 01 back."""
    numbered = chapters(app.env)
    if not numbered:
        return
    first, root = numbered[min(numbered)], app.config.root_doc
    other, side = {root: (first, "next"), first: (root, "prev")}.get(page, ("", ""))
    if other:
        title = app.env.titles[other].astext()
        context[side] = {"link": app.builder.get_relative_uri(page, other), "title": html.escape(title)}


def setup(app: Sphinx) -> dict[str, object]:
    """Register the setting, which maps old pages to new ones, and connect."""
    app.add_config_value("moved_pages", {}, "html", types=[dict])
    app.connect("html-page-context", _begin_with_a_chapter)
    app.connect("build-finished", _write_moved, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
