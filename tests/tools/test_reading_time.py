"""The estimate of how long a chapter takes, on notebooks whose minutes can be counted by hand."""

from pathlib import Path

import nbformat
import pytest
import reading_time
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def code(source: str, *tags: str, outputs: tuple = ()) -> NotebookNode:
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=list(outputs))


PICTURE = new_output("display_data", data={"image/png": ""})
SOLUTION = '''def double(x):
    """Return 2 x."""
    # twice
    y = (
        2 * x
    )
    return y


check("1.1", double)'''
CELLS = [
    new_markdown_cell("# Title\n\n**Slides** 1 · **Reading** 1 minutes · **Running** 1 second"),
    code("import lecture21\n" * 50, "hide-input"),
    new_markdown_cell("## One\n\n" + "word " * 1000),
    code("x = 1\n" * 24),
    code("plt.show()", "hide-input", outputs=(PICTURE,)),
    code("plt.show()", "hide-input", "hide-output", outputs=(PICTURE,)),
    new_markdown_cell("### Exercise 1.1: double\n\n" + "word " * 200),
    code("def double(x):\n    ...", "exercise"),
    new_markdown_cell("<details>\n" + "word " * 900 + "</details>", metadata={"tags": ["hint"]}),
    code(SOLUTION, "hide-input", "solution"),
    new_markdown_cell("Text.\n\n## Two parts, $x$\n\nThe end of the text."),
    code('live.Question("1.1")', "remove-input"),
    code("live.TwoExperts()", "remove-input"),
    code("live.Write('b')", "remove-input"),
]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "01_counted.ipynb"
    nbformat.write(new_notebook(cells=CELLS), path)
    return path


def test_words_code_and_pictures_that_are_shown_are_read():
    assert reading_time.reading(CELLS[2:3]) == 1001 / 100
    assert reading_time.reading(CELLS[3:4]) == 2
    assert reading_time.reading(CELLS[4:6]) == 0.5  # the folded picture is not read
    assert reading_time.reading([CELLS[1], *CELLS[8:10]]) == 0  # setup, hint, solution


def test_questions_figures_and_exercises_are_done():
    assert reading_time.solution_lines(SOLUTION) == 2
    assert reading_time.doing(CELLS[:9]) == 0
    assert reading_time.doing(CELLS[9:10]) == 3 + 2
    assert reading_time.doing(CELLS[10:]) == 1 + 3 + 3
    assert reading_time.doing([new_markdown_cell("## Open exercise: a proof\n\nThis Open exercise is hard.")]) == 15


def test_a_notebook_states_both_in_steps_of_five_minutes(notebook: Path):
    read, done = reading_time.of_notebook(notebook)
    assert (read, done) == (15, 25)  # 14.9 and 26.9
    assert reading_time.write(notebook)
    first = nbformat.read(notebook, as_version=4).cells[0].source
    assert "**Slides** 1 · **Reading** 15 minutes, 25 with its exercises · **Running**" in first
    assert not reading_time.write(notebook)  # a second time changes nothing
    assert reading_time.statement((10, 10)) == "**Reading** 10 minutes"


def test_the_path_is_the_landing_page_up_to_its_end_with_one_figure_at_each_stop(tmp_path: Path):
    page = tmp_path / "intro.md"
    figure = ":::{{live}} {}\nprompt: not read\n:::\n\n"
    train, write = figure.format("Train"), figure.format("Write")
    page.write_text(
        f"# Title\n\n::::{{container}} landing\n{train}::::\n\n## The path\n\n### Write\n\n{write}{'word ' * 1000}"
    )
    assert reading_time.of_path(page) == (2, 15)  # 10 and 2 x 3
    page.write_text(page.read_text() + f"\n\n## After the path\n\n{write}{'word ' * 1000}")
    assert reading_time.of_path(page) == (2, 15)
