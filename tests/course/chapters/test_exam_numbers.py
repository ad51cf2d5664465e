"""Questions of the exam with other numbers: the first ones are those of the book, and every answer is explained."""

import itertools
import math
import random

import pytest

from lecture21.course.chapters.exam_numbers import REDRAWN
from lecture21.course.chapters.questions import load

NUMBERS = {question["id"]: question for question in load("exam") if question["kind"] == "number"}


def test_every_question_with_a_number_can_be_asked_with_others():
    assert set(REDRAWN) == set(NUMBERS)


@pytest.mark.parametrize("id", REDRAWN)
def test_the_first_numbers_give_the_question_of_the_book(id: str):
    asked, question = REDRAWN[id].stored(), NUMBERS[id]
    assert asked.text == question["text"]
    assert asked.explanation == question["explanation"]
    assert abs(asked.answer - question["answer"]) <= question["tolerance"] + 1e-9


@pytest.mark.parametrize("id", REDRAWN)
def test_every_choice_of_numbers_has_an_answer_that_its_explanation_reaches(id: str):
    redrawn = REDRAWN[id]
    asked = [
        redrawn.ask(**dict(zip(redrawn.values, values, strict=True)))
        for values in itertools.product(*redrawn.values.values())
    ]
    assert len({each.text for each in asked}) == len(asked) >= 3
    for each in asked:
        assert math.isfinite(each.answer)
        assert each.answer > 0
        ways = {f"{each.answer:{form}}" for form in (".3g", ".3f", ",.0f", "g", ".0f")}
        words = {3: "three tokens", 4: "four tokens", 5: "five tokens"} if id == "exam.29" else {}
        assert any(way in each.explanation for way in ways | {words.get(each.answer, "no such words")}), each


def test_a_draw_is_never_the_question_of_the_book():
    for id, redrawn in REDRAWN.items():
        drawn = {redrawn.draw(random.Random(seed)).text for seed in range(20)}
        assert NUMBERS[id]["text"] not in drawn
        assert len(drawn) >= 2
