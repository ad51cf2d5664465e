"""Pages like the book's that can be presented, and a lecture of two rows on them."""

import json
from collections.abc import Iterator
from pathlib import Path

import live_page
from playwright.sync_api import Page, expect

STATIC = Path(__file__).resolve().parents[3] / "book" / "_static"
SCRIPTS = "".join(
    f"<script>{(STATIC / name).read_text(encoding='utf-8')}</script>"
    for name in ("present_notes.js", "present_beside.js", "present_fit.js", "present.js")
)
STYLE = (STATIC / "present.css").read_text(encoding="utf-8")
PICTURE = (
    '<div class="cell tag_hide-input"><details class="hide above-input"><summary>Code of this figure</summary>'
    '</details><figure><img width="890" height="{height}" alt="" src="data:image/svg+xml,'
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 890 {height}'/%3E\"><figcaption>{caption}</figcaption>"
    "</figure></div>"
)
WORDS = "Every token attends to itself and to all earlier ones. "


def write(title: str, sections: str, style: str = "", scripts: str = "") -> str:
    """A chapter as HTML, whose scripts come before those of the talk."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><link rel="icon" href="data:,">'
        f"<style>{live_page.STYLE} body {{ max-width: none }} {style} {STYLE}</style>"
        f'<main><article class="bd-article"><section id="top"><h1>{title}</h1><p>Text.</p>{sections}</section>'
        f"</article></main>{scripts}{SCRIPTS}"
    )


def section(name: str, *parts: str) -> str:
    """A section with a note."""
    note = f'<template class="teaching"><p>Note on {name}.</p><p><b>Time plan, 50 minutes.</b> 5 {name}.</p></template>'
    return f'<section id="{name}"><h2>{name.title()}</h2>{"".join(parts) or f"<p>{WORDS}</p>"}{note}</section>'


PAGES = {
    "first": [
        section("one"),
        section("two", '<p>See <a href="#outside">outside</a>.</p>'),
        section("outside", '<p class="page-only">Reading 25 minutes</p><p>Text.</p>'),
        section("picture", f"<p>{WORDS * 3}</p>", PICTURE.format(height=620, caption=WORDS * 3), f"<p>{WORDS}</p>"),
        section("alone", PICTURE.format(height=300, caption="")),
        section(
            "formula",
            f"<p>{WORDS}</p>",
            '<div class="math"><pre>{}</pre></div>',
            PICTURE.format(height=300, caption=""),
        ),
        section("little", '<div id="little-more"></div>'),
        section("long", '<div id="more"></div>'),
        section("after"),
        section(
            "fields",
            "<button>Check</button><details><summary>Hint</summary></details><input aria-label='answer'>",
            "<input type='range' aria-label='size'><div class='live-figure' id='figure'></div>",
        ),
    ],
    "second": [
        section(
            "three",
            '<div id="before"></div><div class="live-figure" data-figure="question" id="card"></div>',
            '<div id="behind"></div>',
        ),
        section("four", f"<p>{WORDS}</p>", section("inner")),
    ],
}
ROWS = [
    {"page": "first", "minutes": 5, "sections": [("one", 3), ("two", 2)]},
    {"page": "second", "minutes": 7, "sections": [("four", 7)]},
]


def rows() -> Iterator[dict]:
    """The rows of the lecture, as the book gives them to its pages."""
    for number, row in enumerate(ROWS, start=1):
        named = [{"title": name.title(), "anchor": name, "minutes": minutes} for name, minutes in row["sections"]]
        yield row | {
            "sections": named,
            "href": f"{row['page']}.html?lecture={number}#present={named[0]['anchor']}",
        }


def write_lecture(folder: Path) -> None:
    """Write the pages of the lecture into a folder."""
    data = f'<script type="application/json" id="lecture-rows">{json.dumps(list(rows()))}</script>'
    for name, sections in PAGES.items():
        page = write(name, "".join(sections), "figure { margin: 0 }", data)
        (folder / f"{name}.html").write_text(page, encoding="utf-8")


def shown(page: Page, name: str, place: str) -> None:
    """Wait for a section, which is the only one, and its place."""
    expect(page.locator("article h2:visible")).to_have_text([name])
    expect(page.locator(".present-bar > span").first).to_have_text(place)
