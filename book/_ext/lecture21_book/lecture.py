"""One lecture: talks through sections of several chapters, which book/lecture.yml lists with their minutes.

The directive `lecture` makes the table. A row's page is opened with `?lecture=N`: then present.js shows the sections of
this row only, and leads to the next row.
"""

import html
from pathlib import Path

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from . import listed
from .chapters import chapter_number

_LIST = "book/lecture.yml"


def rows(root: Path) -> list[dict]:
    """Return the rows in order: page, what it is about, minutes, and `sections`: title, anchor and minutes of each."""
    found = yaml.safe_load((root / _LIST).read_text(encoding="utf-8"))
    for row in found:
        row["sections"] = [
            {"title": title, "anchor": nodes.make_id(title), "minutes": minutes}
            for title, minutes in row["sections"].items()
        ]
        row["minutes"] = sum(section["minutes"] for section in row["sections"])
    return found


def _address(root: str, row: dict, number: int) -> str:
    """Return the link to the talk of a row, with its number from 1; `root` leads to the book's first folder."""
    return f"{root}{row['page']}.html?lecture={number}#present={row['sections'][0]['anchor']}"


class _Lecture(SphinxDirective):
    """The table of the lecture: when, what, and the sections with a link to the talk."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(_LIST)
        root = "../" * self.env.docname.count("/")
        start, lines = 0, []
        for number, row in enumerate(rows(Path(self.env.srcdir)), start=1):
            sections = ", ".join(f"<em>{html.escape(each['title'])}</em> {each['minutes']}" for each in row["sections"])
            talk = f'<a href="{_address(root, row, number)}">as a talk</a>'
            chapter = f'<a href="{root}{row["page"]}.html">chapter {chapter_number(row["page"])}</a>'
            lines.append(
                f"<tr><td>{start}\u2013{start + row['minutes']}</td><td>{html.escape(row['what'])}</td>"
                f"<td>{chapter}, {talk}: {sections}</td></tr>"
            )
            start += row["minutes"]
        head = "<tr><th>Minutes</th><th>What</th><th>Sections, with their minutes</th></tr>"
        table = f'<table class="table lecture"><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table>'
        return [nodes.raw("", f'<div class="pst-scrollable-table-container">{table}</div>', format="html")]


def _add_rows(
    app: Sphinx, page: str, template: str, context: dict[str, object], doctree: nodes.document | None
) -> None:
    """Give the rows to the script of Present on the pages of the lecture."""
    here = [row for row in app.lecture_rows if row["page"] == page]
    listed.check_anchors(_LIST, page, (section["anchor"] for row in here for section in row["sections"]), context)
    if here:
        root = str(context.get("content_root", ""))
        data = [row | {"href": _address(root, row, number)} for number, row in enumerate(app.lecture_rows, start=1)]
        context["lecture_rows"] = listed.for_script(data)


def _read(app: Sphinx) -> None:
    app.lecture_rows = listed.read_once(app, _LIST, rows)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive, and what gives the rows to pages."""
    app.add_directive("lecture", _Lecture)
    app.connect("builder-inited", _read)
    app.connect("html-page-context", _add_rows)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
