"""Pages that the build writes: when they are written, and what the API pages list."""

import re
from pathlib import Path

from lecture21_book.generated import api

import lecture21.attention
from lecture21.layers import attention

ROOT = Path(__file__).resolve().parents[2]


def test_the_api_index_has_a_row_for_each_page_with_what_the_docstring_says_first():
    pages = api.pages(ROOT)
    rows = pages.pop("index").split("|---|---|\n")[1].split("\n\n")[0].splitlines()
    assert [row.split("(")[1].split(".md")[0] for row in rows] == list(pages)
    assert [row for row in rows if len(row.split(" | ")[1]) < 20] == []
    assert any("[](course.exercises.md)" in row and "`check` tests it on fresh inputs" in row for row in rows)


def test_of_the_course_the_names_that_an_instructor_writes_with_are_documented():
    shown = re.findall(r"^\.\. auto(?:class|function):: .*\.(\w+)$", api.page("course.exercises"), re.MULTILINE)
    assert shown == ["Case", "Exercise", "check", "find", "solved"]


def test_every_command_is_on_the_page_of_the_command_line():
    shown = re.findall(r"```{command-help}(.*)", api.page("cli"))
    commands = ["", "train", "sample", "eval", "count", "speedrun", "grade", "study", "exam"]
    assert [name.strip() for name in shown] == commands


def test_a_name_is_listed_where_it_is_defined():
    assert "causal_mask" in api.public_names(attention)
    assert api.public_names(lecture21.attention) == []
    assert "{py:obj}`lecture21.layers.attention.causal_mask`" in api.page("attention")


def test_what_a_function_returns_and_what_a_class_inherits_from_private_classes_is_shown():
    assert "   :private-members: _Parameters" in api.page("accounting")
    assert "   :inherited-members: Module" in api.page("mixtures")
