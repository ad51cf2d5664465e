"""The editions for a course."""

import zipfile
from pathlib import Path

import editions
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from lecture21.course.exercises.registry import find


def cell(source: str, *tags: str):
    new = new_markdown_cell if {"hint", "teaching", "text"} & set(tags) else new_code_cell
    return new(source, metadata={"tags": [tag for tag in tags if tag != "text"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one chapter that has one exercise."""
    exercise = find("4.1")
    notebook = new_notebook(
        cells=[
            cell("# Chapter\n\nWrite it.", "text"),
            cell(exercise.stub, "exercise"),
            cell('check("4.1", causal_mask)'),
            cell("<details><summary>Hint</summary>\n\nA triangle.\n\n</details>", "hint"),
            cell(exercise.text(exercise.solution), "solution", "hide-input"),
            cell("Ten minutes; ask what the first row sums to.", "teaching"),
        ]
    )
    (tmp_path / "labs").mkdir()
    for path in (tmp_path / "04_chapter.ipynb", tmp_path / "labs" / "lab.ipynb"):
        nbformat.write(notebook, path)
    return tmp_path


def contents(path: Path) -> dict[str, list[set[str]]]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".ipynb")]
        books = {name: nbformat.reads(archive.read(name).decode(), as_version=4) for name in names}
    for book in books.values():
        nbformat.validate(book)
    return {name: [set(each.metadata.get("tags", [])) for each in book.cells] for name, book in books.items()}


def test_the_student_edition_has_no_solutions_and_the_instructor_edition_has_all(folder, tmp_path):
    student = contents(editions.write("student", folder, tmp_path / "dist"))
    assert set(student) == {"lecture21-student/04_chapter.ipynb", "lecture21-student/labs/lab.ipynb"}
    assert student["lecture21-student/04_chapter.ipynb"] == [set(), {"exercise"}, set(), {"hint"}]
    instructor = contents(editions.write("instructor", folder, tmp_path / "dist"))
    assert len(instructor["lecture21-instructor/04_chapter.ipynb"]) == 6


def test_an_edition_has_the_same_bytes_again(folder, tmp_path):
    first = editions.write("student", folder, tmp_path / "a").read_bytes()
    assert editions.write("student", folder, tmp_path / "b").read_bytes() == first


def test_another_edition_is_refused(capsys):
    assert editions.main(["teacher"]) == 2
    assert editions.main([]) == 2
    assert "student|instructor" in capsys.readouterr().err
