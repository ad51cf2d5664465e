"""Join the built pages of the book into one HTML document for paper: a cover, the contents, every page, the answers.

A page's anchors get a prefix, so that they stay different, and links between pages become links in the document. What a
reader opens on the screen moves to the end: hints, solutions, and answers, with the output that shows an answer. The
folded code of figures is left out.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urldefrag

import check_pages
import front_matter
import yaml
from bs4 import BeautifulSoup, Tag
from front_matter import NUMBER_OF, Entry, tag

ON_SCREEN_ONLY = ("book/api/", "book/mistakes")  # to look things up: they would be a third of the pages
_EMPTY = '<!DOCTYPE html><html lang="en" data-theme="light"><head></head><body></body></html>'
_LAYOUT = Path(__file__).with_suffix(".css")


@dataclass
class _Page:
    """One page of the book: its address without a suffix, its part, and what was taken out of it for the end."""

    file: str
    part: str
    article: Tag
    prefix: str
    answers: list[Tag] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.article.find("h1").get_text().strip()


def parts(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of _toc.yml with their pages; the first part is the root page alone."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    yield "", [toc["root"]]
    for part in toc["parts"]:
        files = check_pages.files(part["chapters"])
        yield part["caption"], [file for file in files if not file.startswith(ON_SCREEN_ONLY)]


def join(root: Path, html: Path) -> tuple[str, list[Entry]]:
    """Return the document, whose addresses are relative to `html`, the folder of the built book, and its contents.

    Args:
        root: the repository, for _toc.yml and the layout.
        html: the folder with index.html.

    Raises:
        FileNotFoundError: if a page is not built.
    """
    pages, numbers = [], {}
    for part, files in parts(root):
        for file in files:
            soup = BeautifulSoup((html / f"{file}.html").read_text(encoding="utf-8"), "html.parser")
            numbers[file] = f"p{len(numbers)}"
            pages.append(_Page(file, part, soup.find("article"), numbers[file]))
    head = soup.head
    for page in pages:
        _prepare(page, numbers)
    out = BeautifulSoup(
        "<!DOCTYPE html><html lang='en' data-theme='light'><head></head><body></body></html>", "html.parser"
    )
    _fill_head(out, head, pages[-1].file, pages)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    body = out.body
    body.append(front_matter.cover(out, config))
    contents = [Entry(page.part or page.title, page.title, page.prefix, "/labs/" in page.file) for page in pages]
    contents += [Entry("Answers", page.title, f"{page.prefix}--answers") for page in pages if page.answers]
    body.append(front_matter.contents(out, contents))
    part = ""
    for page in pages:
        if page.part != part:
            part = page.part
            divider = out.new_tag("div", attrs={"class": "part"})
            divider.append(tag(out, "p", part))
            body.append(divider)
        body.append(_section(out, page))
    for page in pages:
        if page.answers:
            body.append(_answers(out, page))
    return str(out), contents


def _prepare(page: _Page, numbers: dict[str, str]) -> None:
    """Make one article fit for paper: anchors, links, pictures, folds."""
    article, folder = page.article, posixpath.dirname(page.file)
    for unseen in article.select("a.headerlink, template"):  # templates: the speaker's notes
        unseen.decompose()
    for zoom in article.select("a.zoom"):
        zoom.unwrap()
    for element in article.find_all(id=True):
        element["id"] = f"{page.prefix}--{element['id']}"
    for image in article.find_all("img"):
        image["src"] = posixpath.normpath(posixpath.join(folder, image["src"]))
        image["loading"] = "eager"
    for link in article.find_all("a", href=True):
        target = _target(link["href"], page.file, numbers)
        if target:
            link["href"] = target
        else:  # a file of the site, such as a notebook's source, which a document does not have
            link.unwrap()
    _move_answers(page)


def _target(address: str, file: str, numbers: dict[str, str]) -> str | None:
    """Return where a link of a page leads in the document, or None if it leads nowhere there."""
    if re.match(r"[a-z]+:", address):
        return address
    path, anchor = urldefrag(address)
    anchor = unquote(anchor).removeprefix("present=")  # on paper, a talk is a section
    path = path.partition("?")[0]  # a row of the lecture, a stop of the path
    path = posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else f"{file}.html"
    name = path.removesuffix(".html")
    if name == "index":
        name = "book/intro"
    if name not in numbers:
        return None
    return f"#{numbers[name]}--{anchor}" if anchor else f"#{numbers[name]}"


def _move_answers(page: _Page) -> None:
    """Take hints, solutions and answers out of an article, and leave links to them."""
    exercise = None
    for element in list(page.article.select("h2, h3, h4, details, .cell.tag_solution")):
        if element.parent is None or element.find_parent(class_="moved"):
            continue
        if element.name != "details" and "cell" not in element.get("class", []):
            actual = re.match(r"Exercise (\d+\.\d+)", element.get_text())
            exercise = actual.group(1) if actual else None
        elif "tag_solution" in element.get("class", []):
            _unfold(element)
            _move(page, element, f"Exercise {exercise}", "Solution.")
        elif "admonition" in element.get("class", []):
            _open_or_drop(page, element)
        else:
            summary = element.summary.get_text().strip()
            label = f"Exercise {exercise}" if exercise and summary.startswith("Hint") else _label(element)
            element.summary.decompose()
            element.name = "div"
            _move(page, element, label, f"{summary}.")


def _label(fold: Tag) -> str:
    """Return the name of the question that a fold answers: the bold text before it, or its section."""
    before = fold.find_previous(["strong", "h2", "h3"])
    return before.get_text().strip(" .#") if before else ""


def _open_or_drop(page: _Page, fold: Tag) -> None:
    """Leave out folded code; show folded output in its place, or at the end if it answers the question before it."""
    if fold.find_parent(class_="tag_solution"):
        return
    output = fold.find(class_="cell_output")
    cell = fold.find_parent(class_="cell")
    question = _question_before(cell) if output is not None else None
    if question is not None:
        pointer = question.find(class_="to-answer")
        _move(page, output, _label(pointer), "Figure." if output.find("img") else "Output.")
        if output.find("img"):
            pointer.a.contents[0].replace_with("Answer and figure: page ")
    elif output is not None:
        fold.replace_with(output.extract())
    if fold.parent is not None:
        fold.decompose()
    if cell is not None and not cell.get_text().strip() and not cell.find("img"):
        cell.decompose()


def _question_before(cell: Tag) -> Tag | None:
    """Return the question that the output of a cell answers: the one before it, with nothing but code between them."""
    before = cell.find_previous_sibling()
    while before is not None and "cell" in before.get("class", []) and before.find(class_="cell_output") is None:
        before = before.find_previous_sibling()
    return before.select_one('.cell .live-figure[data-figure="question"]') if before is not None else None


def _unfold(cell: Tag) -> None:
    """Show the folded code of a cell."""
    for fold in cell.select("details.admonition"):
        fold.summary.decompose()
        fold.unwrap()
    for output in cell.select(".cell_output"):
        output.decompose()


def _move(page: _Page, element: Tag, label: str, kind: str) -> None:
    """Put an element among the answers of its page, under a label; its place keeps one link for each label."""
    number = next((n for n, each in enumerate(page.answers) if each["data-label"] == label), None)
    soup = BeautifulSoup("", "html.parser")
    if number is None:
        anchor = f"{page.prefix}--answer-{len(page.answers)}"
        pointer = soup.new_tag("p", attrs={"class": "to-answer", "id": f"{anchor}-asked"})
        pointer.append(_link(soup, anchor, "Answer: page " if "Exercise" not in label else "Hints and solution: page "))
        element.insert_before(pointer)
        entry = soup.new_tag("div", attrs={"class": "answer", "id": anchor, "data-label": label})
        title = soup.new_tag("h3")
        title.append(tag(soup, "span", label))
        title.append(_link(soup, f"{anchor}-asked", "page "))
        entry.append(title)
        page.answers.append(entry)
        number = len(page.answers) - 1
    element.extract()
    element["class"] = [*element.get("class", []), "moved"]
    if kind not in ("Answer.", "Worked answer."):
        page.answers[number].append(tag(soup, "p", kind, "kind"))
    page.answers[number].append(element)


def _link(soup: BeautifulSoup, to: str, text: str) -> Tag:
    """Return a link with the number of the page that it leads to."""
    link = soup.new_tag("a", href=f"#{to}")
    link.append(text)
    link.append(tag(soup, "span", "000", NUMBER_OF, data_to=to))
    return link


def _sheet(out: BeautifulSoup, anchor: str, name: str) -> Tag:
    """Return what begins on a new sheet; `name` gives its sheets their own line at the top."""
    return out.new_tag("div", attrs={"class": "bd-content sheet", "id": anchor, "style": f"page: {name}"})


def _section(out: BeautifulSoup, page: _Page) -> Tag:
    section = _sheet(out, page.prefix, page.prefix)
    section.append(page.article.extract())
    return section


def _answers(out: BeautifulSoup, page: _Page) -> Tag:
    """Return the answers of one page, with the title of the page."""
    section = _sheet(out, f"{page.prefix}--answers", f"{page.prefix}a")
    article = out.new_tag("article", attrs={"class": "bd-article"})
    article.append(tag(out, "h1", f"Answers: {page.title}"))
    for answer in page.answers:
        article.append(answer)
    section.append(article)
    return section


def _fill_head(out: BeautifulSoup, head: Tag, file: str, pages: list[_Page]) -> None:
    """Take the style sheets of the site, and give each chapter its own name at the top of its sheets."""
    out.head.append(BeautifulSoup('<meta charset="utf-8">', "html.parser"))
    out.head.append(tag(out, "title", head.title.get_text().split("—")[-1].strip()))
    for sheet in head.find_all("link", rel="stylesheet"):
        address = posixpath.normpath(posixpath.join(posixpath.dirname(file), sheet["href"]))
        out.head.append(out.new_tag("link", rel="stylesheet", href=address))
    named = [(page.prefix, page.title) for page in pages]
    named += [(f"{page.prefix}a", f"Answers: {page.title}") for page in pages if page.answers]
    rules = ""
    for name, title in named:
        quoted = title.replace('"', r"\"")
        rules += f'@page {name} {{ @top-left {{ content: "{quoted}"; }} }}\n'
    out.head.append(tag(out, "style", _LAYOUT.read_text(encoding="utf-8") + rules))
