"""`lecture21 exam`."""

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from lecture21._support.files import write_atomic

_NEEDED = ("text2qti", "latex2mathml", "markdown_it")  # of the extra `exam`


def exam_command(
    chapters: Annotated[str, typer.Option(help="Chapters that are asked, such as 2-7 or 2,4,7-9.")] = "1-17",
    questions: Annotated[int, typer.Option(help="Number of questions.")] = 12,
    seed: Annotated[int, typer.Option(help="Another seed asks other questions, with other numbers.")] = 0,
    versions: Annotated[
        int, typer.Option(min=1, max=26, help="Versions with the same questions and other numbers.")
    ] = 1,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("exam"),
) -> None:
    """Write a test with questions of the book's exam: a paper, its answers, and files for Canvas and Moodle.

    Paper and answers are Markdown and PDF. Every seed asks as many texts, numbers and choices.
    """
    from lecture21.course.exam import documents, drawing, learning_systems, printing

    names = drawing.parse_chapters(chapters)
    selected = drawing.select(names, questions, seed)
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    browser = printing.browser()
    files: dict[str, bytes] = {}
    for version in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:versions]:
        mark = f"-{version}" if versions > 1 else ""
        title = f"Test on chapters {chapters}" + (f", version {version}" if mark else "")
        drawn = drawing.draw(selected, seed, version)
        texts = {"paper": documents.paper(title, drawn), "answers": documents.answers(title, drawn, seed)}
        files |= {f"{name}{mark}.md": text.encode() for name, text in texts.items()}
        if missing:
            continue
        files[f"canvas{mark}.zip"] = learning_systems.canvas(title, drawn)
        files[f"moodle{mark}.xml"] = learning_systems.moodle(title, drawn)
        if browser:
            pages = {name: documents.page(title, text) for name, text in texts.items()}
            files |= {f"{name}{mark}.pdf": printing.to_pdf(page, browser) for name, page in pages.items()}
    _write(out, files)
    if missing:
        typer.echo("Only Markdown: PDF, Canvas and Moodle need the extra, lecture21[exam]: pip install '.[exam]'")
    elif not browser:
        typer.echo("No PDF: install Chromium or Chrome, or name one in the variable CHROMIUM")


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder that has none of them."""
    if existing := [name for name in files if (folder / name).exists()]:
        raise ValueError(f"{folder / existing[0]} exists; name another folder with --out")
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_atomic(folder / name, data)
    typer.echo(f"{folder}: wrote {', '.join(files)}")
