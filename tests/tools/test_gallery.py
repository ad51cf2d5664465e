"""The gallery of mistakes."""

import gallery

from lecture21.exercises.registry import chapters, exercises_of

EXERCISES = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]


def test_the_page_is_what_the_exercises_give():
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page(), "out of date; run: python tools/gallery.py"


def test_the_page_has_every_mistake_and_no_solution():
    text = gallery.page()
    for exercise in EXERCISES:
        for mistake in exercise.mistakes:
            assert exercise.text(mistake.wrong) in text
            assert mistake.hint in text
        assert exercise.text(exercise.solution) not in text


def test_every_mistake_of_a_function_names_the_input_that_catches_it():
    functions = [exercise for exercise in EXERCISES if not exercise.is_value]
    assert gallery.page().count("Caught by: ") == sum(len(exercise.mistakes) for exercise in functions)
