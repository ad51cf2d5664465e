"""The pictures on the path can be read on a phone, where most of its readers are."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from lecture21_book.path import stops

STOPS = [stop for stop in stops(Path(__file__).resolve().parents[2]) if "until" in stop]
COLUMN = 358
"""Width of the text on a phone of 390 pixels."""
POINTS = 9
"""Size of the smallest text in a picture of the path, which has 144 pixels in an inch."""


def pictures_of(page: BeautifulSoup, stop: dict) -> dict[str, int]:
    """Return the pictures from a stop's beginning to the heading where it ends: their names and widths in pixels."""
    found = {}
    for each in page.find(id=stop["anchor"]).find_all_next(["h2", "h3", "h4", "figure"]):
        if each.name == "figure":
            found[each["id"]] = int(each.img["width"])
        elif each.get_text().rstrip("#").strip() == stop["until"]:
            return found
    raise AssertionError(f"{stop['title']} has no end")


@pytest.mark.parametrize("stop", STOPS, ids=[stop["anchor"] for stop in STOPS])
def test_the_letters_of_a_picture_have_nine_pixels_on_a_phone(pages: dict[str, BeautifulSoup], stop: dict):
    found = pictures_of(pages[f"{stop['page']}.html"], stop)
    sizes = {name: POINTS / 72 * 144 * COLUMN / width for name, width in found.items()}
    assert {name: size for name, size in sizes.items() if size < 9} == {}
