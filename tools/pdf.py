"""Write the book as one PDF and as a zip file to read offline, from the built pages.

Usage: python tools/pdf.py [FOLDER]          (after make book; FOLDER is dist/ if it is not named)

Chromium prints the pages twice: the first print tells on which page each link leads, and the second has these numbers.
"""

import logging
import sys
import tempfile
import zipfile
from pathlib import Path

import find_browser
import front_matter
import one_document
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader, PdfWriter

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
PDF = "lecture21.pdf"
ZIP = "lecture21-offline.zip"
logging.getLogger("pypdf").setLevel(logging.ERROR)  # it complains about objects that Chromium does not count
_TIME = (1980, 1, 1, 0, 0, 0)  # of every file in the zip: the same book gives the same bytes
_READ_ME = """This folder holds the book as a web site. Open html/index.html in a browser: figures, exercises and search
work without a connection. Some browsers forget what you have done in pages that are opened as files. With Python 3,
this command shows the book at an address that it prints, where it is kept:

    python serve.py
"""
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
_FILL = """(numbers) => {
  const places = [...document.querySelectorAll(".number-of")];
  for (const place of places) place.textContent = numbers[place.dataset.to] ?? "?";
  return places.map((place) => place.dataset.to).filter((anchor) => !(anchor in numbers));
}"""
_BROKEN = (
    """() => [...document.images].filter((image) => !image.complete || !image.naturalWidth).map((image) => image.src)"""
)


class PrintError(Exception):
    """The book cannot be printed; the message says why."""


def page_numbers(path: Path) -> dict[str, int]:
    """Return the number of the page of each anchor to which a link of a PDF leads, from 1."""
    reader = PdfReader(path)
    return {
        name.removeprefix("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def write_pdf(target: Path, html: Path = HTML) -> dict[str, int]:
    """Write the PDF of the built book, and return the page numbers of its anchors.

    Raises:
        PrintError: if a picture is missing, or a number cannot be filled in.
        FileNotFoundError: if a page is not built.
    """
    text, contents = one_document.join(ROOT, html)
    # Beside the pages, whose pictures it shows; with another suffix, so that nobody takes it for one of them.
    with tempfile.NamedTemporaryFile("w", dir=html, suffix=".htm", delete=False, encoding="utf-8") as file:
        file.write(text)
    document = Path(file.name)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser.find(), args=_OPTIONS)
            _print(_opened(browser, document), target)
            numbers = page_numbers(target)
            # Opened again: printed a second time, Chromium may break the same page at another line.
            page = _opened(browser, document)
            if unknown := page.evaluate(_FILL, numbers):
                raise PrintError(f"no page is known for {', '.join(unknown[:5])}")
            _print(page, target)
            browser.close()
    finally:
        document.unlink()
    if page_numbers(target) != numbers:
        raise PrintError("the numbers of the pages changed when they were filled in")
    _add_outline(target, contents, numbers)
    return numbers


def _add_outline(path: Path, contents: list[front_matter.Entry], numbers: dict[str, int]) -> None:
    """Give a PDF the outline that a reader's program shows beside the pages: parts and what they contain."""
    writer = PdfWriter(clone_from=path)
    parts = {}
    for entry in contents:
        page = numbers[entry.anchor] - 1
        if entry.part != entry.title and entry.part not in parts:
            parts[entry.part] = writer.add_outline_item(title=entry.part, page_number=page)
        writer.add_outline_item(title=entry.title, page_number=page, parent=parts.get(entry.part))
    # Without the time of printing: the same book gives the same bytes.
    writer.metadata = {key: text for key, text in writer.metadata.items() if key not in ("/CreationDate", "/ModDate")}
    writer.write(path)


def _opened(browser: Browser, document: Path) -> Page:
    """Open the document in a page of its own, with all its pictures."""
    page = browser.new_page()
    page.set_default_timeout(0)
    page.goto(document.as_uri(), wait_until="load")
    page.evaluate("document.fonts.ready")
    if broken := page.evaluate(_BROKEN):
        raise PrintError(f"{len(broken)} pictures are missing: {', '.join(broken[:5])}")
    return page


def _print(page: Page, target: Path) -> None:
    page.pdf(path=target, prefer_css_page_size=True, print_background=True, tagged=True)


def write_zip(target: Path, html: Path = HTML) -> None:
    """Write the built book with a program that serves it.

    A file of a figure is in it once, as the script that works in pages opened as files and on a server alike.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, content: bytes) -> None:
            entry = zipfile.ZipInfo(f"lecture21-book/{name}", _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)

        put("README.txt", _READ_ME.encode())
        put("serve.py", (ROOT / "tools" / "serve.py").read_bytes())
        for path in sorted(html.rglob("*")):
            if path.is_file() and not path.with_name(f"{path.name}.js").exists():
                put(f"html/{path.relative_to(html).as_posix()}", path.read_bytes())


def main(arguments: list[str]) -> int:
    """Write both files into the folder named on the command line, or into dist/."""
    if len(arguments) > 1:
        print("usage: python tools/pdf.py [FOLDER]", file=sys.stderr)
        return 2
    if not (HTML / "index.html").is_file():
        print("there is no built book to print; run: make book", file=sys.stderr)
        return 1
    folder = Path(arguments[0]) if arguments else ROOT / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        write_pdf(folder / PDF)
    except (PrintError, FileNotFoundError) as error:
        print(f"the book cannot be printed: {error}", file=sys.stderr)
        return 1
    write_zip(folder / ZIP)
    for name in (PDF, ZIP):
        print(f"Wrote {folder / name} ({(folder / name).stat().st_size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
