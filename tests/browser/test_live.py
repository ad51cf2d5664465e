"""Figures on the built pages: they start, stay as pictures where no script runs, and print as pictures."""

import re
from pathlib import Path

import pytest

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if 'class="live-figure"' in path.read_text(encoding="utf-8")
)


def test_chapters_have_figures():
    assert len(PAGES) >= 10


@pytest.mark.parametrize("address", PAGES)
def test_every_figure_of_a_page_starts_and_is_a_picture_in_print(address: str, wide):
    page = wide.open(address)
    figures = page.locator(".live-figure")
    for i in range(figures.count()):
        figure = figures.nth(i)
        figure.scroll_into_view_if_needed()
        figure.locator("section.figure:not([aria-busy=true])").wait_for()
        assert figure.locator(".message").all_inner_texts() in ([], [""])
        assert not any(image.is_visible() for image in figure.locator(":scope > img").all())
    assert wide.errors == []
    assert wide.foreign == []
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if re.search(r"live/[^/]+\.webp$", name)] == []  # stand-ins are not loaded in vain
    page.emulate_media(media="print")
    for figure in figures.all():
        assert not figure.locator(".live-place").is_visible()
        assert figure.locator(":scope > *:not(.live-place)").first.is_visible()


@pytest.mark.parametrize("address", PAGES)
def test_pictures_stand_in_where_no_script_runs(address: str, scriptless):
    page = scriptless.open(address)
    for figure in page.locator(".live-figure").all():
        assert figure.inner_text().strip()
        for image in figure.locator(":scope > img").all():
            box = image.bounding_box()
            assert box["width"] > 200
            assert box["height"] > 100


def test_pages_without_figures_load_no_script_for_them():
    others = [path for path in HTML.rglob("*.html") if path.relative_to(HTML).as_posix() not in PAGES]
    assert others
    for path in others:
        assert not re.search(r"live/host\.js", path.read_text(encoding="utf-8")), path
