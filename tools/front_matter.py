"""What comes before the first page of the printed book: the cover and the table of contents."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup, Tag

NUMBER_OF = "number-of"  # class of an element that holds the number of the page on which its data-to is
_PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


@dataclass(frozen=True)
class Entry:
    """One line of the contents: a page or the answers of one, and the anchor at its beginning."""

    part: str
    title: str
    anchor: str
    is_lab: bool = False


def tag(soup: BeautifulSoup, name: str, text: str, kind: str = "", **attributes: str) -> Tag:
    """Return an element with text; `data_to` and the like become attributes with hyphens."""
    made = soup.new_tag(name, attrs={key.replace("_", "-"): value for key, value in attributes.items()})
    if kind:
        made["class"] = kind
    made.string = text
    return made


def contents(out: BeautifulSoup, entries: list[Entry]) -> Tag:
    """Return the table of contents, with a number to fill in for each page."""
    section = out.new_tag("nav", attrs={"class": "table-of-contents"})
    section.append(tag(out, "h1", "Contents"))
    part = ""
    for entry in entries:
        if entry.part not in (part, entry.title):
            part = entry.part
            section.append(tag(out, "h2", part))
        row = out.new_tag("a", href=f"#{entry.anchor}", attrs={"class": "entry lab" if entry.is_lab else "entry"})
        row.append(tag(out, "span", entry.title, "title"))
        row.append(tag(out, "span", "", "dots"))
        row.append(tag(out, "span", "000", NUMBER_OF, data_to=entry.anchor))
        section.append(row)
    return section


def cover(out: BeautifulSoup, config: dict) -> Tag:
    """Return the first page: the title, a picture of what the book is about, the authors and the license."""
    project = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]
    page = out.new_tag("div", attrs={"class": "cover"})
    page.append(tag(out, "h1", config["title"]))
    page.append(tag(out, "p", "A companion to one university lecture on GPT architectures", "subtitle"))
    page.append(BeautifulSoup(_triangle(), "html.parser"))
    page.append(tag(out, "p", config["author"], "author"))
    edition = f"Edition {project['version']} · {config['copyright']} · text and pictures CC BY 4.0, code MIT"
    page.append(tag(out, "p", edition, "edition"))
    return page


def _triangle(tokens: int = 9) -> str:
    """Return a drawing of a causal mask as SVG: a row for each query, a square for each key that it may attend to."""
    squares = []
    for row in range(tokens):
        for column in range(tokens):
            allowed = column <= row
            shade = 0.25 + 0.75 * ((3 * row + 5 * column) % 7) / 6 if allowed else 1
            fill = f'fill="#0072b2" fill-opacity="{shade:.2f}"' if allowed else 'fill="none" stroke="#c8c8c8"'
            squares.append(f'<rect x="{20 * column + 1}" y="{20 * row + 1}" width="17" height="17" rx="3" {fill}/>')
    side = 20 * tokens
    return f'<svg viewBox="0 0 {side} {side}" role="img" aria-label="A causal mask">{"".join(squares)}</svg>'
