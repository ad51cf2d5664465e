"""Accessibility repairs in the HTML that the theme and extensions write."""

import re
from pathlib import Path

from sphinx.application import Sphinx

_LIST = r"<dl>\s*((?:<dd><em class=\"sig-param\">(?:(?!</?dd>).)*</dd>\s*)+)</dl>"


def _spans(match: re.Match[str]) -> str:
    """The parameters of a signature, one on each line: a list of definitions needs terms, and these have none."""
    lines = match.group(1).replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return f'<span class="sig-lines">{lines}</span>'


# Patterns and their replacements. Each leaves an already repaired page unchanged.
_REPAIRS = [
    # The theme's webfonts show the same icons as this script of half a megabyte.
    (re.compile(r'\s*<script[^>]* src="[^"]*scripts/fontawesome\.js[^"]*"></script>'), ""),
    # A list has list items; docutils gives the entries of a bibliography a deprecated role.
    (re.compile(r'(<div class="citation"[^>]*) role="doc-biblioentry"'), r'\1 role="listitem"'),
    (re.compile(_LIST, re.DOTALL), _spans),
    # Accessible names that contain the visible text, for readers who use speech input.
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    (re.compile(r'(<button class="btn search-button-field[^>]*) aria-label="Search"'), r"\1"),
    # The arrow in the sidebar is named for the page whose sections it shows.
    (
        re.compile(r"(<a [^>]*>)([^<]*)(</a><details[^>]*>)<summary>(?=<span class=\"toctree-toggle\")"),
        r'\1\2\3<summary aria-label="Pages of: \2">',
    ),
]


def repair(html: str) -> str:
    """Return a page with every repair made."""
    for pattern, replacement in _REPAIRS:
        html = pattern.sub(replacement, html)
    return html


def _repair_pages(app: Sphinx, exception: Exception | None) -> None:
    """Repair every page that was written, and remove the script that no page needs."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in out.rglob("*.html"):
        if out / "_static" not in path.parents:
            path.write_text(repair(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in (out / "_static" / "scripts").glob("fontawesome.js*"):
        path.unlink()


def setup(app: Sphinx) -> dict[str, object]:
    """Connect before what reads the finished pages."""
    app.connect("build-finished", _repair_pages, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
