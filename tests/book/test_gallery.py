"""The gallery of mistakes, as the build wrote it."""

from pathlib import Path

import pytest

from lecture21.exercises.registry import chapters, exercises_of

PAGE = Path(__file__).resolve().parents[2] / "book" / "mistakes.md"
EXERCISES = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]


@pytest.fixture(scope="module")
def text() -> str:
    """The source of the page."""
    if not PAGE.is_file():
        pytest.fail("the build has not written the gallery; run: make book", pytrace=False)
    return PAGE.read_text(encoding="utf-8")


def test_the_page_has_every_mistake_and_no_solution(text: str):
    for exercise in EXERCISES:
        for mistake in exercise.mistakes:
            assert exercise.text(mistake.wrong) in text, "out of date; run: make book"
            assert mistake.hint in text
        assert exercise.text(exercise.solution) not in text


def test_every_mistake_of_a_function_names_the_input_that_catches_it(text: str):
    functions = [exercise for exercise in EXERCISES if not exercise.is_value]
    assert text.count("Caught by: ") == sum(len(exercise.mistakes) for exercise in functions)
