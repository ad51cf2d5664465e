"""What the built pages do without, so that they load fast: scripts, whole icon fonts, unsized and early pictures."""

from pathlib import Path

from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from lecture21_book import mathematics
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
Pages = dict[str, BeautifulSoup]


def raster_images(page: BeautifulSoup) -> list:
    """The pictures of an article that are made of pixels."""
    return [image for image in page.select("article img") if not image["src"].endswith(".svg")]


def test_no_page_loads_a_script_that_the_book_does_without(pages: Pages):
    scripts = {Path(tag["src"].split("?")[0]).name for page in pages.values() for tag in page.select("script[src]")}
    assert "bootstrap.js" in scripts
    unused = {"fontawesome.js", "tex-chtml.js", "togglebutton.js", "design-tabs.js", "sphinx_highlight.js"}
    assert scripts & (unused | {"searchtools.js"}) == set()
    assert not (HTML / "_static" / "scripts" / "fontawesome.js").exists()


def test_every_formula_is_typeset_and_has_mathml(pages: Pages):
    formulas = [formula for page in pages.values() for formula in page.select("article .math")]
    assert len(formulas) > 500
    assert [str(formula)[:200] for formula in formulas if formula.find("mjx-container") is None] == []
    assert [str(formula)[:200] for formula in formulas if formula.find("math") is None] == []


def test_the_style_sheet_draws_every_character_of_every_formula(pages: Pages):
    sheet = (HTML / "_static" / "mathematics.css").read_text(encoding="utf-8")
    used = {
        name
        for page in pages.values()
        for character in page.find_all("mjx-c")
        for name in character.get("class", [])
        if name.startswith("mjx-c")
    }
    assert len(used) > 100
    assert sorted(name for name in used if f"{name}::before" not in sheet and f"{name}.TEX" not in sheet) == []


def test_a_formula_that_mathjax_does_not_know_is_an_error():
    assert "mjx-merror" not in mathematics.typeset(r"\frac{a}{b}", display=False)
    assert "mjx-merror" in mathematics.typeset(r"\frac{a}", display=False)
    assert "mjx-merror" in mathematics.typeset(r"\unknown{a}", display=False)


def test_every_picture_has_the_size_of_its_file(pages: Pages):
    checked = 0
    for name, page in pages.items():
        for image in raster_images(page):
            with Image.open((HTML / name).parent / image["src"]) as file:
                # The picture of a figure that responds has 1.5 pixels for each of the page.
                scale = 1.5 if "/live/" in image["src"] else 1
                sides = [round(side / scale) for side in file.size]
                assert [int(image["width"]), int(image["height"])] == sides, (name, image["src"])
            checked += 1
    assert checked > 100


def test_pictures_below_the_first_section_are_loaded_late(pages: Pages):
    for page in pages.values():
        for image in raster_images(page):
            late = len(image.find_parents("section")) > 1 or "/live/" in image["src"]  # shown where no script runs
            assert (image.get("loading") == "lazy") == late, image["src"]


def test_the_icon_fonts_hold_the_icons_of_the_pages():
    sheet = (HTML / "_static" / "icons.css").read_text(encoding="utf-8")
    assert "U+f0c9" in sheet  # fa-bars
    sizes = [path.stat().st_size for path in (HTML / "_static").glob("fa-*-used.woff")]
    assert sizes
    assert max(sizes) < 20_000


def test_the_site_depends_on_neither_the_folder_nor_the_time_of_its_build(pages: Pages):
    files = [path for path in HTML.rglob("*") if path.is_file()]
    assert [path for path in files if str(ROOT).encode() in path.read_bytes()] == []
    assert not (HTML / ".buildinfo").exists()  # a digest of settings with paths
    small = list((HTML / "_static").glob("fa-*-used.woff"))
    assert small
    for path in small:
        name = f"{path.name.removesuffix('-used.woff')}.ttf"
        whole = HTML / "_static" / "vendor" / "fontawesome" / "webfonts" / name
        assert TTFont(path)["head"].modified == TTFont(whole)["head"].modified
