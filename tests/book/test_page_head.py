"""Metadata and excerpts of a page: title, description, version, plain text."""

import json
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from lecture21_book import page_head, previews, search
from lecture21_book.plain_text import plain_text, tex_as_text

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
BOOK = "From self-attention to GPT"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
Pages = dict[str, BeautifulSoup]


def content(page: BeautifulSoup, **attributes: str) -> list[str]:
    """Return the contents of the meta tags with these attributes."""
    return [tag["content"] for tag in page.find_all("meta", attrs=attributes)]


def written(pages: Pages) -> Pages:
    """Return the pages that have a source: not the index, the search page and the redirect."""
    return {name: page for name, page in pages.items() if name.startswith(("book/", "notebooks/"))}


def test_a_page_has_one_title_which_names_the_book_once(pages: Pages):
    for name, page in written(pages).items():
        title = page.title.get_text()
        assert len(page.find_all("title")) == 1
        assert title.count(BOOK) == 1, name
        assert title == BOOK or title.endswith(f" — {BOOK}"), name
    assert pages["book/intro.html"].title.get_text() == BOOK
    assert pages["search.html"].title.get_text() == f"Search — {BOOK}"


def test_every_page_has_one_description_in_plain_text(pages: Pages):
    described = {name: content(page, name="description") for name, page in written(pages).items()}
    assert {name: texts for name, texts in described.items() if len(texts) != 1} == {}
    for name, [text] in described.items():
        assert 5 <= len(text) <= 200, name
        assert re.search(r"[\\${}]|Open in Colab", text) is None, name
    chapters = {name: texts[0] for name, texts in described.items() if re.match(r"notebooks/\d\d_", name)}
    assert len(chapters) == 17
    assert chapters["notebooks/04_causal_mask.html"].startswith("To predict the next token, no position may look ahead")
    assert [text for text in chapters.values() if text[-1] != "." or text.count(".") > 2] == []  # one sentence


def test_every_page_has_open_graph_data_and_no_address_that_is_not_known(pages: Pages):
    for name, page in written(pages).items():
        assert content(page, property="og:title") == [page.title.get_text().removesuffix(f" — {BOOK}")], name
        assert content(page, property="og:description") == content(page, name="description"), name
        assert content(page, property="og:type") == ["website" if name == "book/intro.html" else "article"], name
        assert [text for text in content(page, property="og:url") if "OWNER" in text] == [], name


def test_every_page_has_the_version_in_its_footer(pages: Pages):
    for name, page in written(pages).items():
        assert [tag.get_text() for tag in page.select("footer .component-version")] == [f"lecture21 {VERSION}"], name


def test_the_bibliography_has_a_bibtex_entry_of_the_book(pages: Pages):
    entry = pages["book/bibliography.html"].select_one("#to-cite-this-book pre").get_text()
    assert entry.startswith("@book{lecture21,")
    assert VERSION in entry
    assert "title = {From self-attention to {GPT}}" in entry


def test_every_page_that_links_to_a_term_has_its_definition(pages: Pages):
    for name, page in written(pages).items():
        data = page.find("script", id="previews")
        texts = json.loads(data.string) if data else {}
        links = {link["href"] for link in page.select("article :is(a.to-term, a.to-paper)")}
        assert links <= set(texts), name
        assert all(re.sub("<[^>]*>", "", text).strip() for text in texts.values()), name


def test_the_search_texts_cover_every_page_without_markup(pages: Pages):
    script = (HTML / "_static" / "search_texts.js").read_text(encoding="utf-8")
    texts = json.loads(script.removeprefix("window.SEARCH_TEXTS = "))
    assert set(texts) == {name.removesuffix(".html") for name in written(pages)}
    everything = [text for passages in texts.values() for _, _, text, *_ in passages]
    assert sum(map(len, everything)) > 200_000
    assert [text for text in everything if re.search(r"\\[a-z]+|</?(?:code|div|em|p|span)>", text)] == []


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\mathbf q_i\cdot\mathbf k_j/\sqrt{d_k}", "𝐪_i·𝐤_j/√(d_k)"),
        (r"\tfrac12\cdot(-\dfrac34)", "1/2·(-3/4)"),
        (r"\frac{a+b}{c}", "(a+b)/c"),
        (r"\ln\frac{P(x)}{Q(x)}", "ln P(x)/Q(x)"),
        (r"x_{<t}, x_{ij}, e^{s_i}", "x_(<t), x_ij, e^s_i"),
        (r"\pi e^{r/\beta}", "π e^(r/β)"),
        (r"14{,}336", "14,336"),
        (r"\ln n", "ln n"),
    ],
)
def test_formulas_become_a_line_of_unicode(tex: str, text: str):
    assert tex_as_text(tex) == text


def test_plain_text_leaves_out_code_pictures_folds_and_raw_markup():
    box = nodes.container("", nodes.paragraph("", "One", nodes.literal_block("", "x = 1")), nodes.image(uri="a.png"))
    box += [
        nodes.raw("", "<details>", format="html"),
        nodes.paragraph("", "an answer"),
        nodes.raw("", "</details>", format="html"),
        nodes.paragraph("", "", nodes.Text("two "), nodes.math("", r"\tau")),
    ]
    assert plain_text(box) == "One two τ"


def document(*paragraphs: str) -> nodes.document:
    """Return a document with a title and paragraphs."""
    made = new_document("page")
    made += nodes.section(
        "", nodes.title("", "A title"), *(nodes.paragraph("", text) for text in paragraphs), ids=["a"]
    )
    return made


def test_a_page_is_described_by_its_first_paragraph_that_is_more_than_a_label():
    long = "A sentence that says in more than forty characters what the page is about."
    assert page_head.description(document("Slides 2–5", long)) == long
    assert page_head.description(document("Short.")) == "A title"


@pytest.mark.parametrize(("base", "known"), [("", False), ("https://x.example/book", True)])
def test_open_graph_addresses_are_given_if_the_address_of_the_book_is_known(base: str, known: bool):
    page = document("A sentence that says in more than forty characters what the page is about.")
    page[0] += nodes.image(uri="../_images/a.png")
    config = SimpleNamespace(html_baseurl=base, html_title="The book", root_doc="index")
    builder = SimpleNamespace(format="html", get_target_uri="{}.html".format)
    env = SimpleNamespace(titles={"notebooks/04_x": nodes.title("", "04. X & Y")})
    context = {"metatags": ""}
    page_head.add_tags(SimpleNamespace(config=config, builder=builder, env=env), "notebooks/04_x", "", context, page)
    tags = context["metatags"]
    assert '<meta property="og:title" content="04. X &amp; Y" />' in tags
    assert ('"og:url" content="https://x.example/book/notebooks/04_x.html"' in tags) == known
    assert ('"og:image" content="https://x.example/book/_images/a.png"' in tags) == known
    assert ("og:url" in tags) == ("og:image" in tags) == known


def test_a_page_is_divided_into_passages_for_search():
    page = document("first")
    page[0] += nodes.section("", nodes.title("", "Part"), nodes.paragraph("", "second"), ids=["part"])
    assert list(search.passages(page)) == [("", "A title", "first"), ("part", "Part", "second")]


def test_a_preview_has_no_links_and_its_formulas_are_typeset():
    node = nodes.paragraph(
        "", "", nodes.Text("a < b "), nodes.reference("", "", nodes.Text("c")), nodes.math("", r"\tau")
    )
    html = previews.as_html(node)
    assert html.startswith('<p>a &lt; b c<span class="math notranslate nohighlight"><mjx-container')
    assert "<mi>τ</mi>" in html
