"""Questions of the exam with other numbers: the first ones are those of the book, and every answer is explained."""

import itertools
import math
import random

import pytest

from lecture21.course.chapters.exam_numbers import COMPUTED, ask, draw, of_the_book
from lecture21.course.chapters.questions import EXAM, stored

TEMPLATES = {question["id"]: question for question in stored(EXAM) if question["kind"] == "number"}
each_question = pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)


def asked(template: dict) -> list[dict]:
    """Return a question with each choice of its numbers."""
    choices = itertools.product(*template["numbers"].values())
    return [ask(template, dict(zip(template["numbers"], numbers, strict=True))) for numbers in choices]


def test_every_question_with_a_number_can_be_asked_with_others():
    assert set(COMPUTED) == set(TEMPLATES)
    assert all("numbers" in template for template in TEMPLATES.values())


@each_question
def test_the_answer_of_the_book_is_that_of_its_numbers(template: dict):
    assert abs(asked(template)[0]["answer"] - template["answer"]) <= template["tolerance"] + 1e-9
    assert of_the_book(template)["text"] == asked(template)[0]["text"]


@each_question
def test_every_choice_of_numbers_has_an_answer_that_its_explanation_reaches(template: dict):
    questions = asked(template)
    assert len({each["text"] for each in questions}) == len(questions) >= 3
    for each in questions:
        assert math.isfinite(each["answer"])
        assert each["answer"] > 0
        rounded = (",.0f", ".0f") if each["answer"] >= 10 else ()
        ways = {f"{each['answer']:{form}}" for form in (".3g", ".3f", "g", *rounded)}
        words = {3: "three tokens", 4: "four tokens", 5: "five tokens"} if each["id"] == "exam.29" else {}
        assert any(way in each["explanation"] for way in ways | {words.get(each["answer"], "no such words")}), each


@each_question
def test_a_draw_is_never_the_question_of_the_book(template: dict):
    drawn = {draw(template, random.Random(seed))["text"] for seed in range(20)}
    assert of_the_book(template)["text"] not in drawn
    assert len(drawn) >= 2
