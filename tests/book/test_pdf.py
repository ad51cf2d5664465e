"""The book as one PDF and as a zip file: every page and picture, working links, answers at the end.

`make test` prints a book of three of the built pages; `make test-all` prints the whole book too.
"""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import check_pages
import one_document
import pdf
import pytest
import yaml
from bs4 import BeautifulSoup
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[2]
THREE_PAGES = {
    "root": "book/intro",
    "parts": [
        {"caption": "Mixtures of experts", "chapters": [{"file": "notebooks/13_ensemble_vs_average"}]},
        {"caption": "To look things up", "chapters": [{"file": "book/exam"}]},
    ],
}
# At least this much is in a book of three pages, and in the whole book.
LEAST = {"three pages": {"links": 50, "solutions": 3, "questions": 10, "pictures": 5, "outputs": 3}}
LEAST["whole"] = {"links": 1000, "solutions": 40, "questions": 50, "pictures": 100, "outputs": 29}


def in_a_thread(function: Callable, *arguments: Path) -> object:
    """Call a function in a thread of its own: the browser of other tests has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


@pytest.fixture(scope="module", params=["three pages", pytest.param("whole", marks=pytest.mark.repetition)])
def size(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def root(size: str, tmp_path_factory) -> Path:
    """The folder with the table of contents of the book that is printed."""
    if size == "whole":
        return ROOT
    folder = tmp_path_factory.mktemp("root")
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "_toc.yml").write_text(yaml.safe_dump(THREE_PAGES))
    return folder


@pytest.fixture(scope="module")
def files(root: Path) -> list[str]:
    """The pages that are printed, in order."""
    return [file for file in check_pages.toc_files(root) if not file.startswith(one_document.ON_SCREEN_ONLY)]


@pytest.fixture(scope="module")
def document(pages, root: Path) -> BeautifulSoup:
    """The built book as one document."""
    text, _ = one_document.join(root, pdf.HTML)
    return BeautifulSoup(text, "html.parser")


@pytest.fixture(scope="module")
def printed(pages, root: Path, tmp_path_factory) -> PdfReader:
    """The PDF of the built book."""
    path = tmp_path_factory.mktemp("pdf") / "book.pdf"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdf, "ROOT", root)
        in_a_thread(pdf.write_pdf, path)
    return PdfReader(path)


def test_the_document_has_every_page_once(document: BeautifulSoup, files: list[str], pages):
    titles = [section.h1.get_text() for section in document.select(".sheet")]
    expected = []
    for file in files:
        heading = pages[f"{file}.html"].find("article").find("h1")
        expected.append(heading.get_text().removesuffix("#"))
    assert titles[: len(files)] == expected
    assert titles[len(files) :] == [f"Answers: {title}" for title in expected if f"Answers: {title}" in titles]


def test_every_link_of_the_document_leads_to_an_anchor_or_another_site(document: BeautifulSoup, size: str):
    anchors = [element["id"] for element in document.find_all(id=True)]
    assert len(anchors) == len(set(anchors))
    links = [link["href"] for link in document.find_all("a", href=True)]
    inside = [link for link in links if link.startswith("#")]
    assert len(inside) > LEAST[size]["links"]
    assert [link for link in inside if link[1:] not in set(anchors)] == []
    assert [link for link in links if not re.match(r"#|https?://|mailto:", link)] == []


def test_solutions_and_answers_are_at_the_end_only(document: BeautifulSoup, files: list[str], pages, size: str):
    before, after = [], []
    for section in document.select(".sheet"):
        (after if section.h1.get_text().startswith("Answers: ") else before).append(section)
    solutions = sum(len(page.select(".cell.tag_solution")) for page in (pages[f"{file}.html"] for file in files))
    assert sum(len(section.select(".tag_solution")) for section in before) == 0
    assert sum(len(section.select(".tag_solution")) for section in after) == solutions >= LEAST[size]["solutions"]
    assert [section.h1.get_text() for section in before + after if section.find("details")] == []
    questions = document.select('.live-figure[data-figure="question"]')
    assert len(questions) > LEAST[size]["questions"]
    for question in questions:  # the exam has its answers below the questions
        below = question.find_next_sibling()
        assert question.select_one(".to-answer") or "to-answer" in below.get("class", []), question.get_text()


def test_an_output_that_answers_a_question_is_at_the_end(document: BeautifulSoup, size: str):
    for question in document.select('.cell .live-figure[data-figure="question"]'):
        below = question.find_parent(class_="cell").find_next_sibling()
        while below is not None and "tag_hide-output" in below.get("class", []):
            assert below.find(class_="cell_output") is None, question.get_text()
            below = below.find_next_sibling()
    moved = document.select(".answer .cell_output.moved")
    assert len(moved) >= LEAST[size]["outputs"]
    for output in moved:
        assert re.match(r"Question \d+\.\d+", output.find_parent(class_="answer")["data-label"])


def test_a_page_of_the_pdf_exists_for_each_line_of_the_contents(
    printed: PdfReader, document: BeautifulSoup, files: list[str]
):
    numbers = {name.removeprefix("/"): place for name, place in printed.named_destinations.items()}
    lines = document.select(".table-of-contents .entry")
    actual = [printed.get_destination_page_number(numbers[line["href"][1:]]) + 1 for line in lines]
    assert len(actual) > len(files)
    assert actual == sorted(set(actual))  # each begins on a page of its own
    text = re.sub(r"\s+", " ", " ".join(printed.pages[n].extract_text() for n in range(1, actual[0] - 1)))
    for line, number in zip(lines, actual, strict=True):
        title = re.escape(line.find(class_="title").get_text())
        assert re.search(rf"{title} {number}\b", text), (title, number)
    assert actual[0] < 10
    assert len(actual) * 3 < len(printed.pages) < 800


def test_the_pdf_does_not_say_when_it_was_printed(printed: PdfReader):
    assert printed.metadata.title == "From self-attention to GPT"
    assert printed.metadata.creation_date is printed.metadata.modification_date is None


def test_every_link_of_the_pdf_leads_to_a_page(printed: PdfReader, size: str):
    names = set(printed.named_destinations)
    inside = [
        str(annotation.get_object().get("/Dest"))
        for page in printed.pages
        for annotation in page.get("/Annots") or []
        if "/Dest" in annotation.get_object()
    ]
    assert len(inside) > LEAST[size]["links"]
    assert set(inside) - names == set()


def test_every_picture_is_in_the_pdf(printed: PdfReader, document: BeautifulSoup, size: str):
    expected = {image["src"] for image in document.find_all("img") if not image["src"].endswith(".svg")}
    drawn = {
        each.indirect_reference.idnum
        for page in printed.pages
        for each in (page["/Resources"].get("/XObject") or {}).values()
        if each.get_object()["/Subtype"] == "/Image"
    }
    assert len(drawn) >= len(expected) > LEAST[size]["pictures"]


def test_a_missing_picture_is_an_error(pages, tmp_path: Path, monkeypatch):
    html = tmp_path / "html"
    html.mkdir()
    text = '<html><body><p>One.</p><img src="gone.webp"></body></html>'
    monkeypatch.setattr(one_document, "join", lambda root, folder: (text, []))
    with pytest.raises(pdf.PrintError, match=r"1 pictures are missing: .*gone\.webp"):
        in_a_thread(pdf.write_pdf, tmp_path / "book.pdf", html)
    assert list(html.iterdir()) == []


def test_the_zip_file_has_the_site_and_serves_it(tmp_path: Path):
    html = tmp_path / "html"
    (html / "notebooks").mkdir(parents=True)
    (html / "index.html").write_text("first page")
    (html / "notebooks" / "01.html").write_text("chapter")
    (html / "plays.txt").write_text("a file of a figure")
    (html / "plays.txt.js").write_text("the same as a script")
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    pdf.write_zip(one, html)
    pdf.write_zip(other, html)
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as archive:
        archive.extractall(tmp_path / "out")
    book = tmp_path / "out" / "lecture21-book"
    assert (book / "html" / "notebooks" / "01.html").read_text() == "chapter"
    assert (book / "html" / "plays.txt.js").read_text() == "the same as a script"
    assert not (book / "html" / "plays.txt").exists()  # once is enough
    assert "serve.py" in (book / "README.txt").read_text()
    asked = "import serve; print(serve.HTML)"
    shown = subprocess.run([sys.executable, "-c", asked], cwd=book, capture_output=True, text=True, check=True)
    assert Path(shown.stdout.strip()) == book / "html"


@pytest.mark.repetition
def test_the_zip_file_of_the_book_has_every_file_of_the_site(pages, tmp_path: Path):
    pdf.write_zip(tmp_path / "book.zip")
    with zipfile.ZipFile(tmp_path / "book.zip") as archive:
        assert archive.testzip() is None
        names = {name.removeprefix("lecture21-book/html/") for name in archive.namelist()}
    files = {path.relative_to(pdf.HTML).as_posix() for path in pdf.HTML.rglob("*") if path.is_file()}
    twice = {name for name in files if f"{name}.js" in files}
    assert "_static/live/plays.txt" in twice
    assert names == files - twice | {"lecture21-book/README.txt", "lecture21-book/serve.py"}


def test_without_a_built_book_the_command_says_what_to_do(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(pdf, "HTML", tmp_path)
    assert pdf.main([str(tmp_path / "dist")]) == 1
    assert "run: make book" in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()
    assert pdf.main(["one", "two"]) == 2
