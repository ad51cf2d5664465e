"""The command that puts an exercise into its notebook, on a copy of chapter 04."""

import shutil

import exercise as tool  # tools/exercise.py
import nbformat
import notebook_lint
import pytest

from lecture21.course.exercises.registry import find

NUMBERS = ["4.1", "4.2", "4.3", "4.4", "4.5"]


@pytest.fixture
def cells():
    (path,) = tool.NOTEBOOKS.glob("04_*.ipynb")
    return nbformat.read(path, as_version=4).cells


def order(cells) -> list[str]:
    """Return the numbers of the exercises in a notebook."""
    return [n for cell in cells for n in NUMBERS if cell.source.startswith(f"### Exercise {n}:")]


@pytest.mark.parametrize("number", ["4.2", "4.4"])  # a function, a value
def test_an_exercise_is_inserted_between_its_neighbors(cells, number):
    exercise = find(number)
    place = tool.place_of(cells, exercise)
    stored = cells[place : place + 5]
    del cells[place : place + 5]
    assert tool.put(cells, exercise)
    assert order(cells) == NUMBERS
    place = tool.place_of(cells, exercise)
    assert cells[place + 5].source.startswith("#")  # at the end of a section
    task, stub, check, hints, solution = cells[place : place + 5]
    assert task.source.startswith(f"### Exercise {number}: {exercise.title}\n")
    assert (stub.source, check.source) == (stored[1].source, stored[2].source)
    assert [cell.metadata.get("tags") for cell in (stub, check, hints, solution)] == [
        cell.metadata.get("tags") for cell in stored[1:]
    ]
    assert hints.source.count("<details>") == 2
    assert solution.source.endswith(f"\n\n\n{check.source}")
    if not exercise.is_value:
        assert solution.source == stored[4].source
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))


def test_a_heading_inside_a_cell_ends_a_section_too(cells):
    exercise = find("4.2")
    place = tool.place_of(cells, exercise)
    del cells[place : place + 5]
    after = tool.place_of(cells, find("4.1")) + 5
    cells.insert(after, nbformat.v4.new_markdown_cell("The end of this section.\n\n### The next section"))
    tool.put(cells, exercise)
    assert tool.place_of(cells, exercise) == after


def test_the_linter_names_the_texts_that_are_still_to_be_written(cells):
    notebook = nbformat.v4.new_notebook(cells=tool.cells_of(find("4.2")))
    unwritten = [each for each in notebook_lint.prose_problems(notebook) if "still to be written" in each]
    assert [each.split()[1] for each in unwritten] == ["0", "3"]  # the task, the hints
    assert not any(
        "still to be written" in each for each in notebook_lint.prose_problems(nbformat.v4.new_notebook(cells=cells))
    )


def test_of_an_exercise_that_is_there_only_stub_and_solution_are_written_again(cells):
    before = [cell.source for cell in cells]
    place = tool.place_of(cells, find("4.1"))
    cells[place + 1].source = "def causal_mask(m): ..."
    cells[place + 4].source = ""
    assert not tool.put(cells, find("4.1"))
    assert [cell.source for cell in cells] == before
    cells[tool.place_of(cells, find("4.4")) + 4].source = "leaking = found"  # how a value is found is the author's
    tool.put(cells, find("4.4"))
    assert cells[tool.place_of(cells, find("4.4")) + 4].source == "leaking = found"


def test_an_exercise_before_all_others_has_no_place(cells):
    with pytest.raises(ValueError, match="no earlier exercise"):
        tool.put(cells[:3], find("4.1"))


@pytest.mark.parametrize(
    ("number", "status", "words"), [("4.99", 1, "chapter 04 has 4.1, 4.2"), (None, 2, "make exercise NUMBER=4.6")]
)
def test_a_number_that_does_not_exist_is_refused(capsys, monkeypatch, number, status, words):
    monkeypatch.setattr("sys.argv", ["exercise.py", *([number] if number else [])])
    assert tool.main() == status
    assert words in capsys.readouterr().err


@pytest.fixture
def copy(monkeypatch, tmp_path):
    """A folder with chapter 04 without exercise 4.2, which the command is to insert."""
    (path,) = tool.NOTEBOOKS.glob("04_*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    place = tool.place_of(notebook.cells, find("4.2"))
    del notebook.cells[place : place + 5]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / path.name)
    shutil.copy(tool.NOTEBOOKS / "ruff.toml", tmp_path / "notebooks")
    shutil.copy(tool.NOTEBOOKS.parent / "pyproject.toml", tmp_path)
    monkeypatch.setattr(tool, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr("sys.argv", ["exercise.py", "4.2"])
    return tmp_path / "notebooks" / path.name


def test_the_command_writes_the_notebook(copy, capsys):
    assert tool.main() == 0
    assert f"notebooks/{copy.name}: five cells inserted" in capsys.readouterr().out
    assert order(nbformat.read(copy, as_version=4).cells) == NUMBERS


def test_code_is_formatted_for_a_notebook_and_a_docstring_that_is_too_wide_is_named(copy, capfd, monkeypatch):
    wide = f"def masked_weights(scores, mask):\n    {{}}\n    return [{', '.join(['scores'] * 12)}]"
    monkeypatch.setattr(type(find("4.2")), "text", lambda exercise, answer: wide.format('"""Short."""'))
    assert tool.main() == 0
    cells = nbformat.read(copy, as_version=4).cells
    solution = cells[tool.place_of(cells, find("4.2")) + 4]
    assert max(map(len, solution.source.splitlines())) <= 100
    monkeypatch.setattr(type(find("4.2")), "text", lambda exercise, answer: wide.format(f'"""{"Long. " * 17}"""'))
    assert tool.main() == 1
    out, err = capfd.readouterr()
    assert "E501 Line too long" in out + err
    assert "in the exercise's definition" in err
