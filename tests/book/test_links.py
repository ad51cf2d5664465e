"""The links that the build makes from running text, and the numbers of the chapters, on the built pages."""

import re
from collections import Counter
from pathlib import Path

import pytest
import reading_time
from bs4 import BeautifulSoup, Tag

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
GLOSSARY = "book/glossary.html"
Pages = dict[str, BeautifulSoup]


def made(page: BeautifulSoup, kind: str) -> list[Tag]:
    """Return the links of one kind that the build made on a page."""
    return page.select(f"article a.to-{kind}")


def prose(page: BeautifulSoup) -> str:
    """Return the running text of a page that no link, heading, code or formula holds."""
    article = BeautifulSoup(str(page.find("article")), "html.parser")
    for tag in article.select(
        ".live-figure, a, h1, h2, h3, h4, code, pre, .math, summary, script, dt, figcaption, thead, table"
    ):
        tag.replace_with(" | ")
    return " ".join(article.get_text(" ").split())


# A transform that does nothing makes no such link; the numbers are about three quarters of what the book has.
@pytest.mark.parametrize(("kind", "least"), [("term", 600), ("paper", 170), ("chapter", 65), ("code", 80)])
def test_the_build_creates_links_of_each_kind(kind: str, least: int, pages: Pages):
    assert sum(len(made(page, kind)) for page in pages.values()) >= least


def test_a_page_links_each_term_at_its_first_use_only(pages: Pages):
    for name, page in pages.items():
        visible = [link["href"] for link in made(page, "term") if not link.find_parent("details")]
        assert [href for href, times in Counter(visible).items() if times > 1] == [], name
    assert made(pages[GLOSSARY], "term") == []


def test_no_link_is_made_in_a_heading_in_code_or_in_a_link(pages: Pages):
    for name, page in pages.items():
        for kind in ("term", "paper", "chapter", "code"):
            assert [
                link for link in made(page, kind) if link.find_parent(["h1", "h2", "h3", "pre", "a", "dt"])
            ] == [], name


@pytest.mark.slow
def test_every_mention_of_a_chapter_and_of_the_transformers_paper_is_a_link(pages: Pages):
    numbers = "|".join(stem[:2] for stem in CHAPTERS)
    mention = re.compile(rf"(?<!ed\., )[Cc]hapters? (?:{numbers})|Vaswani et al\.,? \(?2017")
    left = {name: mention.findall(prose(page)) for name, page in pages.items() if page.find("article")}
    assert {name: mentions for name, mentions in left.items() if mentions} == {}


def test_the_first_use_of_a_term_leads_to_its_entry(pages: Pages):
    entries = {tag["id"] for tag in pages[GLOSSARY].select("dl.glossary dt")}
    first = made(pages["notebooks/04_causal_mask.html"], "term")[0]
    assert first["href"].split("#")[1] in entries
    assert len(entries) >= 100


@pytest.mark.parametrize("stem", CHAPTERS)
def test_the_chapter_number_is_in_its_title_the_sidebar_and_the_landing_table(stem: str, pages: Pages):
    page = pages[f"notebooks/{stem}.html"]
    heading = page.select_one("article h1").get_text().removesuffix("#").strip()
    assert heading.startswith(f"{stem[:2]}. ")
    assert page.title.get_text().startswith(heading)
    for start in ("book/intro.html", "book/glossary.html"):
        links = pages[start].select(f'nav a[href$="{stem}.html"]')
        assert [link.get_text().strip() for link in links] == [heading]
    table = [link.get_text() for link in pages["book/intro.html"].select(f'table a[href$="{stem}.html"]')]
    assert heading in table


def test_chapters_the_landing_table_and_its_sum_state_the_same_minutes(pages: Pages):
    page = pages["book/intro.html"]
    rows = [[cell.get_text().strip() for cell in row.select("td")] for row in page.select("article table tbody tr")]
    stated = {row[1][:2]: row[3] for row in rows if re.match(r"\d\d\. ", row[1] if len(row) == 4 else "")}
    minutes = {stem[:2]: reading_time.of_notebook(NOTEBOOKS / f"{stem}.ipynb") for stem in CHAPTERS}
    assert stated == {number: f"{read} / {done}" for number, (read, done) in minutes.items()}
    for stem in CHAPTERS:
        opening = pages[f"notebooks/{stem}.html"].find("article").get_text()
        assert reading_time.statement(minutes[stem[:2]]).replace("*", "") in opening, stem
    article = re.sub(r"\s+", " ", page.find("article").get_text())
    read, done = (round(sum(each) / 60) for each in zip(*minutes.values(), strict=True))
    assert f"in all {read} hours and {done} hours" in article
