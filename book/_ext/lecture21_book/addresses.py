"""Links that Sphinx does not make: from old addresses of pages and of their sections to new ones."""

import html
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx

from . import listed

_OLD_ANCHORS = "book/old_anchors.yml"

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


def _place_old_anchors(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Put the anchors of sections that are gone before the sections that hold what became of them."""
    for section, old in app.old_anchors.get(page, {}).items():
        before = f'<section id="{section}">'
        if before not in context.get("body", ""):
            raise ValueError(f"{_OLD_ANCHORS}: {page} has no section with the anchor {section!r}")
        anchors = "".join(f'<span id="{anchor}"></span>' for anchor in old.split())
        context["body"] = context["body"].replace(before, anchors + before)


def _read(app: Sphinx) -> None:
    app.old_anchors = listed.read_once(app, _OLD_ANCHORS, read_old_anchors) or {}


def read_old_anchors(root: Path) -> dict[str, dict[str, str]]:
    """Return, for each page and each of its sections, the anchors of the sections that were there, between spaces."""
    return yaml.safe_load((root / _OLD_ANCHORS).read_text(encoding="utf-8"))


def setup(app: Sphinx) -> dict[str, object]:
    """Register the setting, which maps old pages to new ones, and connect."""
    app.add_config_value("moved_pages", {}, "html", types=[dict])
    app.connect("builder-inited", _read)
    app.connect("html-page-context", _place_old_anchors)
    app.connect("build-finished", _write_moved, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
