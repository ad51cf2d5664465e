"""Where the site leads: the sidebar, the landing page, the path, and pages that have moved."""

import re
from pathlib import Path

import pytest
import reading_time
import repository
from bs4 import BeautifulSoup
from lecture21_book import addresses, folds

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
LANDING = "book/intro.html"
Pages = dict[str, BeautifulSoup]
CAPTIONS = [
    "Attention",
    "The transformer and the GPT",
    "From GPT-0 to GPT-3",
    "Mixtures of experts",
    "Toward GPT-4",
    "At the end",
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
    assert shown.index(chapters[0]) == 1  # after the landing page
    assert sum("developers" in address for address in shown) == 1


def test_next_leads_from_the_landing_page_to_chapter_01_and_back(pages: Pages):
    first = "notebooks/01_from_rnn_to_attention.html"
    assert pages[LANDING].select_one("a.right-next")["href"] == f"../{first}"
    assert pages[LANDING].select_one("a.right-next .prev-next-title").get_text() == "01. From RNN to attention"
    assert pages[first].select_one("a.left-prev")["href"] == f"../{LANDING}"


def test_next_leads_through_the_bridge_to_chapter_12_and_from_chapter_17_to_the_last_page(pages: Pages):
    for page, onward in (
        ("notebooks/11_scale", "book/why_mixtures"),
        ("book/why_mixtures", "notebooks/12_mixture_of_experts"),
        ("notebooks/17_alignment", "book/drawings"),
    ):
        assert pages[f"{page}.html"].select_one("a.right-next")["href"] == f"../{onward}.html"


def test_every_page_names_how_to_cite_to_report_and_what_changed(pages: Pages):
    for name, page in pages.items():
        if name.startswith(("book/", "notebooks/")):
            links = {link.get_text(): link["href"] for link in page.select("footer .page-links a")}
            assert list(links) == ["Cite this book", "Report an error", "Changes and errata"], name
            reported = links["Report an error"]  # an issue that names the page, or how to do without an address
            assert reported.endswith("#report-an-error") or name.removesuffix(".html") in reported, name


def test_each_stop_of_the_path_is_one_figure_with_a_sentence_before_and_after(pages: Pages):
    landing = pages[LANDING]
    stops = landing.select("#the-path > section")
    assert len(stops) > 5
    for stop in stops:
        assert [child.name for child in stop.find_all(recursive=False)] == ["h3", "p", "div", "p"], stop["id"]
        assert stop.div.select_one(".live-figure") or "live-figure" in stop.div["class"]
        assert stop.find_all("p", recursive=False)[1].contents[0].name == "strong"  # what it shows
        assert not stop.select("code, .math"), stop["id"]


def test_the_landing_page_lists_the_stops_of_the_path_and_says_how_long_they_take(pages: Pages):
    landing = pages[LANDING]
    titles = [stop.h3.contents[0].get_text() for stop in landing.select("#the-path > section")]
    assert [link.get_text() for link in landing.select("#the-path > nav.contents a")] == titles
    count, minutes = reading_time.of_path(ROOT / "book" / "intro.md")
    assert count == 1 + len(titles)
    assert landing.select_one(".begin").get_text(" ", strip=True).endswith(f"{count} stops, {minutes} minutes")
    assert landing.select_one("#path-begin")["href"] == f"#{landing.select_one('#the-path > section')['id']}"


def test_only_the_landing_page_loads_the_script_of_the_path(pages: Pages):
    assert [name for name, page in pages.items() if page.find("script", src=re.compile("path.js"))] == [LANDING]


def test_a_page_that_has_moved_leads_to_its_contents(moved: dict[str, str], pages: Pages):
    assert moved
    for old, new in moved.items():
        text = (HTML / f"{old}.html").read_text(encoding="utf-8")
        (to,) = set(re.findall(r'(?:url=|href="|replace\(")([^"]+)"', text))
        assert (HTML / old).parent.joinpath(to).resolve() == (HTML / f"{new}.html").resolve()
        assert f"{new}.html" in pages


def test_a_link_to_a_section_that_is_gone_leads_to_what_became_of_it(pages: Pages):
    table = addresses.read_old_anchors(ROOT)
    assert sum(map(len, table.values())) > 30
    for page, sections in table.items():
        for section, old in sections.items():
            found = pages[f"{page}.html"].find(id=section)
            for anchor in old.split():
                (placed,) = pages[f"{page}.html"].find_all(id=anchor)
                assert placed.find_next("section") is found, (page, anchor)


def test_every_figure_has_an_entry_in_the_contents_of_its_page(pages: Pages):
    shown = 0
    for name, page in pages.items():
        listed = {link["href"]: link.get_text() for link in page.select("nav.page-toc a")}
        for figure in page.select(".live-figure:not([data-figure=question], [data-figure=lines])"):
            if name != LANDING:  # which has no contents
                assert listed[f"#{figure['id']}"].startswith("Try: "), name
                assert page.select_one(".skip-link a[href^='#live-']"), name
                shown += 1
    assert shown > 15


def test_folded_cells_say_what_they_hold(pages: Pages):
    names = {tag.get_text() for page in pages.values() for tag in page.select("details.hide p.collapsed")}
    assert names == {
        "Solution",
        "Code of this figure",
        "Check of the numbers in the text",
        "Show the code",
        "Show the result",
    }
    for page in pages.values():
        for fold in page.select(".cell.tag_solution details.above-input"):
            assert fold.select_one("p.collapsed").get_text() == "Solution"
        for fold in page.select(".cell.tag_hide-output details:has(> .cell_output)"):
            assert fold.select_one("p.collapsed").get_text() == "Show the result"


def test_cells_that_set_a_notebook_up_are_not_on_its_page(pages: Pages):
    for name, page in pages.items():
        if name.startswith("notebooks/"):
            folded = page.select(".cell.tag_hide-input .cell_input, .cell.tag_hide-cell .cell_input")
            assert [code.get_text()[:60] for code in folded if folds.is_setup(code.get_text())] == [], name
            assert "is not installed" not in page.find("article").get_text(), name


@pytest.mark.parametrize(
    ("code", "sets_up"),
    [
        (repository.install_cell(), True),
        (
            "import math\nfrom lecture21 import (\n    GPT,\n)\nfigures.apply()\ntorch.set_printoptions(precision=3)",
            True,
        ),
        ("%matplotlib inline\nimport torch  # tensors", True),
        ("import torch\nx = torch.ones(2)", False),
        ("import torch\ntorch.manual_seed(0)\nprint(1)", False),
        ("try:\n    x = 1\nexcept ImportError:\n    pass", False),
    ],
)
def test_a_cell_sets_up_if_it_only_imports_and_sets_the_style(code: str, sets_up: bool):
    assert folds.is_setup(code) is sets_up
