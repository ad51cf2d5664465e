"""The check that ends `make book`: a page of _toc.yml that is missing or empty is an error."""

from pathlib import Path

import check_pages
import pytest

TOC = """format: jb-book
root: book/intro
parts:
  - caption: One
    chapters:
      - file: notebooks/01_first
        sections:
          - file: book/api/index
"""
PAGES = ["book/intro", "notebooks/01_first", "book/api/index"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book whose pages are all there."""
    (tmp_path / "_toc.yml").write_text(TOC)
    for page in ["index", *PAGES]:
        path = tmp_path / "_build" / "html" / f"{page}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<html><nav>{'menu ' * 50}</nav><article>{'word ' * 20}</article></html>")
    return tmp_path


def test_a_pattern_of_the_contents_gives_each_source_that_it_adds(book: Path):
    (book / "_toc.yml").write_text(TOC + "          - glob: book/api/*\n")
    (book / "book" / "api").mkdir(parents=True)
    for name in ("index.md", "gpt.md", "notes.txt"):
        (book / "book" / "api" / name).touch()
    assert check_pages.toc_files(book) == [*PAGES, "book/api/gpt"]


@pytest.mark.parametrize("page", ["index", *PAGES])
def test_a_missing_page_is_a_problem(page: str, book: Path):
    (book / "_build" / "html" / f"{page}.html").unlink()
    assert check_pages.problems(book) == [f"{page}.html was not built"]


@pytest.mark.parametrize(("text", "words"), [("", 0), ("<nav>menu</nav>", 0), ("<article>one two</article>", 2)])
def test_a_page_almost_without_text_is_a_problem(text: str, words: int, book: Path):
    (book / "_build" / "html" / "notebooks" / "01_first.html").write_text(text)
    assert check_pages.problems(book) == [f"notebooks/01_first.html has {words} words, expected at least 20"]


def test_a_problem_is_printed_and_ends_make_book(book: Path, monkeypatch, capsys):
    monkeypatch.setattr(check_pages, "problems", lambda: ["book/intro.html was not built"])
    assert check_pages.main() == 1
    assert capsys.readouterr() == ("", "error: book/intro.html was not built\n")
    monkeypatch.setattr(check_pages, "problems", list)
    assert check_pages.main() == 0
