"""Built pages: every picture has alt text, every link has a target, and nothing is loaded from another host."""

import ast
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import check_pages
import pytest
import repository
from bs4 import BeautifulSoup, NavigableString, Tag

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
PACKAGE = ROOT / "src" / "lecture21"
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
Pages = dict[str, BeautifulSoup]


def undescribed(page: BeautifulSoup) -> list[str]:
    """Pictures whose alt text is missing, or is a path."""
    bad = []
    for image in page.find_all("img"):
        alt = image.get("alt", "")
        if len(alt.split()) < 2 or re.search(r"\.(png|svg|jpe?g)$|^[./_]", alt):
            bad.append(f"{image.get('src')}: alt={alt!r}")
    return bad


def broken_links(pages: Pages) -> list[str]:
    """Internal links whose page or anchor is not there."""
    anchors = {
        name: {tag["id"] for tag in page.find_all(id=True)}
        | {tag["name"] for tag in page.find_all("a", attrs={"name": True})}
        for name, page in pages.items()
    }
    bad = []
    for name, page in pages.items():
        for tag in page.find_all(["a", "img", "script", "link"]):
            address = tag.get("href") or tag.get("src")
            if not address or urlsplit(address).scheme or address.startswith("//"):
                continue
            parts = urlsplit(address)
            target = (HTML / name).parent / unquote(parts.path) if parts.path else HTML / name
            target = target.resolve()
            if not target.is_file():
                bad.append(f"{name}: {address} is not there")
                continue
            there = anchors.get(str(target.relative_to(HTML.resolve())), set())
            anchor = unquote(parts.fragment).removeprefix("present=")  # a talk begins at a section
            if anchor and target.suffix == ".html" and anchor not in there:
                bad.append(f"{name}: {address} has no such anchor")
    return bad


def foreign(page: BeautifulSoup) -> list[str]:
    """Scripts, styles, fonts, pictures and frames that a page would fetch from another host."""
    bad = []
    for tag in page.find_all(["script", "img", "iframe", "source", "video", "audio", "embed", "object", "link"]):
        if tag.name == "link" and not set(tag.get("rel", [])) & {
            "stylesheet",
            "preload",
            "icon",
            "preconnect",
            "prefetch",
        }:
            continue
        address = tag.get("src") or tag.get("href") or tag.get("data") or ""
        if re.match(r"(https?:)?//", address):
            bad.append(f"<{tag.name}> {address}")
        if tag.name == "script" and re.search(r"https?://", tag.string or ""):
            bad.append(f"<script> {tag.string.strip()[:80]}")
    styles = [tag.string or "" for tag in page.find_all("style")] + [tag["style"] for tag in page.find_all(style=True)]
    bad += [
        f"style: {url}"
        for style in styles
        for url in re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\s]*", style)
    ]
    return bad


def public_names() -> dict[str, str]:
    """Every public name of the library, with its module: functions, classes, and documented constants."""
    names = {}
    for path in sorted(path for path in PACKAGE.rglob("*.py") if PACKAGE / "course" not in path.parents):
        room = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        if "._" in room:
            continue  # a module that only its package uses
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node, following in zip(body, [*body[1:], None], strict=False):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                actual = [node.name]
            elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(following, ast.Expr):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                actual = [target.id for target in targets if isinstance(target, ast.Name)]
            else:
                continue
            names |= {f"{room}.{name}": room for name in actual if not name.startswith("_")}
    return names


def test_every_page_of_the_contents_is_built_and_every_source_is_in_the_contents(pages: Pages):
    files = check_pages.toc_files()
    assert len(files) == len(set(files))
    assert [file for file in files if f"{file}.html" not in pages] == []
    sources = {str(path.relative_to(ROOT).with_suffix("")) for path in (ROOT / "book").rglob("*.md")}
    assert sources | {f"notebooks/{repository.name_of(path)}" for path in repository.notebooks()} == set(files)


def test_the_first_page_leads_to_the_introduction(pages: Pages):
    refresh = pages["index.html"].find("meta", attrs={"http-equiv": re.compile("refresh", re.IGNORECASE)})
    assert "book/intro.html" in refresh["content"]


def test_every_picture_is_described(pages: Pages):
    assert {name: bad for name, page in pages.items() if (bad := undescribed(page))} == {}


def test_every_internal_link_leads_somewhere(pages: Pages):
    assert broken_links(pages) == []


def test_no_page_loads_anything_from_another_host(pages: Pages):
    assert {name: bad for name, page in pages.items() if (bad := foreign(page))} == {}


def test_no_style_sheet_loads_anything_from_another_host(pages: Pages):
    linked = {
        ((HTML / name).parent / urlsplit(tag["href"]).path).resolve()
        for name, page in pages.items()
        for tag in page.find_all("link", rel="stylesheet")
    }
    assert linked
    actual = {
        str(path.relative_to(HTML.resolve())): match.group()
        for path in linked
        for match in re.finditer(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\s]*", path.read_text(encoding="utf-8"))
    }
    assert actual == {}


RAW_MARKUP = re.compile(r"\{[a-z]+(:[a-z]+)?\}|^:::", re.MULTILINE)


def is_code(tag: Tag) -> bool:
    return tag.name in ("pre", "code") or "math" in tag.get("class", [])


def test_no_page_shows_raw_markup_or_an_error_message(pages: Pages):
    for name, page in pages.items():
        article = page.find("article")
        if article is None:
            continue
        assert article.select(".system-message, .problematic") == [], name
        found = [text for text in article.find_all(string=RAW_MARKUP) if type(text) is NavigableString]  # no comments
        assert [text for text in found if not text.find_parent(is_code)] == [], name


@pytest.mark.parametrize("stem", CHAPTERS)
def test_a_chapter_opens_on_colab(stem: str, pages: Pages):
    page = pages[f"notebooks/{stem}.html"]
    links = {a["href"] for a in page.find_all("a", href=True) if "colab" in a["href"]}
    button = [a["href"] for a in page.select(".dropdown-launch-buttons a")]
    address = [repository.colab(stem)] if repository.is_known() else []
    assert links == set(address)
    assert button == address


def test_every_link_to_the_repository_is_alive(pages: Pages):
    assert [name for name in pages if "github.com/OWNER" in (HTML / name).read_text(encoding="utf-8")] == []
    buttons = {name for name, page in pages.items() if page.select(".btn-source-repository-button")}
    assert bool(buttons) is repository.is_known()


def test_every_public_name_is_documented_in_the_api_pages(pages: Pages):
    shown = {
        tag["id"]
        for name, page in pages.items()
        if name.startswith("book/api/")
        for tag in page.find_all(["dt", "section", "span"], id=True)
    }
    names = public_names()
    assert len(names) > 40
    missing = sorted(
        name for name, where in names.items() if name not in shown and not where.startswith("lecture21.cli")
    )
    assert missing == []


def test_the_reference_says_in_words_what_parameters_and_fields_take(pages: Pages):
    reference = {name: soup.get_text() for name, soup in pages.items() if name.startswith("book/api/")}
    assert [name for name, text in reference.items() if "Rule(words" in text] == []
    assert "n_new a whole number >= 0; temperature a positive number" in reference["book/api/generation.html"]
    assert "Allowed: one of constant, cosine, linear." in reference["book/api/training.html"]
