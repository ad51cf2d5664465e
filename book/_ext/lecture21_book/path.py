"""The path: a flow of pages through sections and figures of the chapters, which book/path.yml lists.

The directive `path` puts its first stop (`begin`), all of them (`stops`), or a place for what the reader's own model
wrote (`model`) on a page. A stop's page is opened with `?path=N`: then path.js shows where the stop begins and ends,
and a bar that leads on.
"""

import html
from pathlib import Path
from urllib.parse import quote

import yaml
from docutils import nodes
from markdown_it import MarkdownIt
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from . import listed, minutes

_LIST = "book/path.yml"


def stops(root: Path) -> list[dict]:
    """Return the stops in order: page, anchor, title, what the path says, and minutes, without and with exercises.

    A stop also has `until`, the heading to read up to, or `through`, its last figure, or neither.
    """
    return [_with_minutes(root, stop) for stop in yaml.safe_load((root / _LIST).read_text(encoding="utf-8"))]


def _with_minutes(root: Path, stop: dict) -> dict:
    read, exercises = minutes.of_stop(root, stop)
    return stop | {"minutes": max(1, round(read)), "with_exercises": max(1, round(read + exercises))}


def duration(path: list[dict], kind: str = "minutes") -> str:
    """Return the time of the whole path in words, or that `with_exercises`, in steps of five minutes."""
    return f"{minutes.reading_time.rounded(sum(stop[kind] for stop in path))} minutes"


class _Path(SphinxDirective):
    """The button that begins the path, the list of its stops, or the place for the reader's own model."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(_LIST)
        path = stops(Path(self.env.srcdir))
        made = {"begin": _begin, "stops": _listed, "model": _model}.get(self.arguments[0])
        if made is None:
            raise self.error(f"the argument must be begin, stops or model, got {self.arguments[0]!r}")
        root = "../" * self.env.docname.count("/")
        links = [_address(root, stop, number) for number, stop in enumerate(path, start=1)]
        return [nodes.raw("", made(path, links), format="html")]


def _address(root: str, stop: dict, number: int) -> str:
    """Return the link to a stop, with its number from 1; `root` leads from the page to the book's first folder."""
    return f"{root}{stop['page']}.html?path={number}#{quote(stop['anchor'])}"


def _begin(path: list[dict], links: list[str]) -> str:
    return (
        f'<p class="begin"><a id="path-begin" href="{links[0]}">Begin the path</a> '
        f'<span><a href="#the-path">{len(path)} stops</a>, {duration(path)}</span></p>'
    )


def _about(number: int) -> str:
    return f"about {number} minute{'s' * (number != 1)}"


def _listed(path: list[dict], links: list[str]) -> str:
    entries = [
        f'<li><a href="{link}">{html.escape(stop["title"])}</a> <span>{_about(stop["minutes"])}</span></li>'
        for stop, link in zip(path, links, strict=True)
    ]
    both = f"{duration(path)}, and {duration(path, 'with_exercises')} with the exercises, which are optional"
    return f'<ol class="path-stops">{"".join(entries)}</ol><p>Together, that is about {both}.</p>'


def _model(path: list[dict], links: list[str]) -> str:
    train = next(link for stop, link in zip(path, links, strict=True) if stop["anchor"] == "live-train")
    return f'<p id="path-model">You can still <a href="{train}">train a GPT of your own</a>.</p>'


def _add_stops(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Give the script of the path to the pages of its stops and to the landing page."""
    path = app.path_stops
    here = [stop for stop in path if stop["page"] == page]
    anchors = (anchor for stop in here for anchor in (stop["anchor"], stop.get("through")) if anchor)
    listed.check_anchors(_LIST, page, anchors, context)
    if here or page == app.config.root_doc:
        root = str(context.get("content_root", ""))
        data = {
            "page": page,
            "end": f"{root}{app.config.root_doc}.html#after-the-path",
            "stops": [
                stop
                | {"href": _address(root, stop, n), "about": _about(stop["minutes"])}
                | {"says": MarkdownIt().renderInline(stop["says"])}
                for n, stop in enumerate(path, start=1)
            ],
        }
        context["path_stops"] = listed.for_script(data)


def _read(app: Sphinx) -> None:
    app.path_stops = listed.read_once(app, _LIST, stops)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive, and complete pages late, when their figures have ids."""
    app.add_directive("path", _Path)
    app.connect("builder-inited", _read)
    app.connect("html-page-context", _add_stops, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
