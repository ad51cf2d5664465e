"""Figures that respond: the directive `live`, the script that starts figures, and the files that they load.

A notebook stores the element of a figure as the HTML output of a cell; a Markdown page has the directive

    :::{live} Context
    index: 3
    :::

with the name of a class of `lecture21.course.live` and, as YAML, its arguments. Either way the element gets an id here,
and the picture that stands in for the figure where no script runs.
"""

import html
import json
import re
import shutil
from pathlib import Path

import yaml
from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from lecture21.course import live
from lecture21.course.live import assets, bundle
from lecture21.course.live.figure import Figure

_FOLDER = Path("_static/live")
_SCALE = 1.5  # of tools/live_page.py
_ALT = "the first state of this figure, described below"

# Where figures will start, their pictures are neither shown nor loaded.
_EXPECT_FIGURES = 'document.documentElement.dataset.live = "";'

_ELEMENT = re.compile(r'<div class="live-figure" ((?:data-[a-z]+="[^"]*"\s*)+)>')
_DATA = re.compile(r'data-([a-z]+)="([^"]*)"')


class _Live(SphinxDirective):
    """A figure on a Markdown page."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name, arguments = self.arguments[0], yaml.safe_load("\n".join(self.content)) or {}
        kind = getattr(live, name, None)
        if not (isinstance(kind, type) and issubclass(kind, Figure)):
            raise self.error(f"unknown figure {name!r}")
        return [nodes.raw("", kind(**arguments).element(), format="html")]


def _complete(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Give the figures of one page an id and a picture, note what they load, and add the script that starts them."""
    body, used = str(context.get("body", "")), {}

    def complete(match: re.Match[str]) -> str:
        data = {name: html.unescape(value) for name, value in _DATA.findall(match.group(1))}
        figure, image_name = data["figure"], data["image"]
        used[figure] = used.get(figure, 0) + 1
        app.live_figures.add(figure)
        app.live_assets.update(json.loads(data["assets"]).values())
        number = f"-{used[figure]}" if used[figure] > 1 else ""
        picture, height = _picture(app, context, figure, image_name) if image_name else ("", 0)
        attributes = f'id="live-{figure}{number}" role="group" style="--live-height: {height}px"'
        return match.group(0).replace("<div ", f"<div {attributes} ", 1) + picture

    body = _ELEMENT.sub(complete, body)
    if used:
        context["body"] = body
        app.add_js_file(None, body=_EXPECT_FIGURES, priority=0)
        app.add_js_file("live/host.js", defer="defer", onerror="delete document.documentElement.dataset.live")


def _picture(app: Sphinx, context: dict[str, object], figure: str, image_name: str) -> tuple[str, int]:
    """Return the image element of the picture that stands in for a figure, and its height in CSS pixels."""
    path = bundle.ROOT / figure / f"{image_name}.webp"
    if not path.is_file():
        raise FileNotFoundError(f"the figure {image_name} has no picture {path}; run: make pictures")
    with Image.open(path) as image:
        width, height = (round(side / _SCALE) for side in image.size)
    app.live_pictures.add(path)
    address = context["pathto"](f"{_FOLDER}/{image_name}.webp", resource=True)
    return f'<img src="{address}" width="{width}" height="{height}" loading="lazy" alt="{_ALT}">', height


def _write_files(app: Sphinx, error: Exception | None) -> None:
    """Write the host script, the figures' scripts and pictures, and what they load."""
    if error or app.builder.format != "html" or not app.live_figures:
        return
    folder = Path(app.outdir) / _FOLDER
    files = {name: assets.read(name) for name in app.live_assets}
    bundle.write_files(folder, {name: Figure.kinds[name].parameters() for name in app.live_figures}, files)
    for path in app.live_pictures:
        shutil.copyfile(path, folder / path.name)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive, and complete pages late, when their body is final."""
    app.live_figures, app.live_assets, app.live_pictures = set(), set(), set()
    app.add_directive("live", _Live)
    app.connect("html-page-context", _complete, priority=700)
    app.connect("build-finished", _write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
