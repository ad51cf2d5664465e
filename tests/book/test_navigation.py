"""Where the site leads: the sidebar, the landing page, the path, and pages that have moved."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from lecture21_book import path
from lecture21_book.addresses import _write_moved

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
LANDING = "book/intro.html"
Pages = dict[str, BeautifulSoup]
CAPTIONS = [
    "At a glance",
    "Attention",
    "The transformer and the GPT",
    "From GPT-0 to GPT-3",
    "Mixtures of experts",
    "Toward GPT-4",
    "Labs",
    "To look things up",
    "To teach and to develop",
]


def in_sight(page: BeautifulSoup) -> list[str]:
    """Where the entries of the sidebar lead that are shown before any is opened."""
    return [link["href"] for link in page.select("nav.bd-links a") if not link.find_parent("details", open=False)]


def test_the_sidebar_has_one_order_and_at_most_40_entries_in_sight(pages: Pages):
    landing = pages[LANDING]
    shown = in_sight(landing)
    assert 25 < len(shown) <= 40
    assert not any("/api/" in address or "api/" in address for address in shown)
    captions = [tag.get_text() for tag in landing.select("nav.bd-links p.caption .caption-text")]
    assert captions == CAPTIONS
    chapters = [address for address in shown if re.search(r"notebooks/\d\d_", address)]
    assert [address.split("/")[-1][:2] for address in chapters] == [f"{n:02}" for n in range(1, 18)]
    assert shown.index(chapters[0]) == 2  # after the landing page and the drawings
    assert sum("developers" in address for address in shown) == 1


def test_next_leads_from_the_landing_page_to_chapter_01_and_back(pages: Pages):
    first = "notebooks/01_from_rnn_to_attention.html"
    assert pages[LANDING].select_one("a.right-next")["href"] == f"../{first}"
    assert pages[LANDING].select_one("a.right-next .prev-next-title").get_text() == "01. From RNN to attention"
    assert pages[first].select_one("a.left-prev")["href"] == f"../{LANDING}"


def test_every_page_names_how_to_cite_to_report_and_what_changed(pages: Pages):
    for name, page in pages.items():
        if name.startswith(("book/", "notebooks/")):
            links = {link.get_text(): link["href"] for link in page.select("footer .page-links a")}
            assert list(links) == ["Cite this book", "Report an error", "Changes and errata"], name
            reported = links["Report an error"]  # an issue that names the page, or how to do without an address
            assert reported.endswith("#report-an-error") or name.removesuffix(".html") in reported, name


def test_the_landing_page_lists_the_stops_of_the_path_and_their_time(pages: Pages):
    stops = path.stops(ROOT)
    listed = pages[LANDING].select("ol.path-stops li")
    assert [entry.a.get_text() for entry in listed] == [stop["title"] for stop in stops]
    assert [entry.span.get_text() for entry in listed] == [f"about {stop['minutes']} minutes" for stop in stops]
    total = f"{sum(stop['minutes'] for stop in stops)} minutes"
    assert sum(total in part.get_text() for part in pages[LANDING].select("article p")) == 2
    assert pages[LANDING].select_one("#path-begin")["href"] == listed[0].a["href"]


def test_each_stop_has_its_anchor_and_ends_at_a_heading_below_it(pages: Pages):
    for stop in path.stops(ROOT):
        page = pages[f"{stop['page']}.html"]
        start = page.find(id=stop["anchor"])
        assert start is not None, stop
        below = [tag.get_text().removesuffix("#").strip() for tag in start.find_all_next(["h2", "h3"])]
        assert stop.get("until", below[0]) in below, stop
        assert page.find("script", id="path-stops")


def test_only_pages_of_the_path_load_its_script(pages: Pages):
    loading = {name for name, page in pages.items() if page.find("script", src=re.compile("path.js"))}
    assert loading == {f"{stop['page']}.html" for stop in path.stops(ROOT)} | {LANDING}


def test_a_page_that_has_moved_leads_to_its_contents(moved: dict[str, str], pages: Pages):
    assert moved
    for old, new in moved.items():
        text = (HTML / f"{old}.html").read_text(encoding="utf-8")
        (to,) = set(re.findall(r'(?:url=|href="|replace\(")([^"]+)"', text))
        assert (HTML / old).parent.joinpath(to).resolve() == (HTML / f"{new}.html").resolve()
        assert f"{new}.html" in pages


def test_a_page_that_is_there_cannot_have_moved(tmp_path: Path):
    app = SimpleNamespace(
        builder=SimpleNamespace(format="html"), config=SimpleNamespace(moved_pages={"a": "b"}), outdir=tmp_path
    )
    (tmp_path / "a.html").write_text("")
    with pytest.raises(ValueError, match="moved_pages: a is a page of the book"):
        _write_moved(app, None)
