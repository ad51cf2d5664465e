"""Which questions a test has, and what differs between two seeds."""

from collections import Counter

import pytest

from lecture21.course.chapters.questions import load
from lecture21.course.exam.drawing import chapter_of, draw, parse_chapters, select

CHAPTERS = parse_chapters("2-7")


@pytest.mark.parametrize(
    ("text", "chapters"),
    [("2-4", ["02", "03", "04"]), ("7", ["07"]), ("9, 2-3,2", ["02", "03", "09"]), ("16–17", ["16", "17"])],
)
def test_chapters_are_given_as_numbers_and_ranges(text: str, chapters: list[str]):
    assert parse_chapters(text) == chapters


@pytest.mark.parametrize("text", ["", "a", "2-", "7-2", "2,,3", "2.5", "0", "16-18", "-1"])
def test_other_chapters_are_refused(text: str):
    with pytest.raises(ValueError, match="--chapters"):
        parse_chapters(text)


def test_every_seed_asks_as_many_of_each_kind_and_spreads_them_over_the_chapters():
    tests = [select(CHAPTERS, 12, seed) for seed in range(30)]
    kinds = {tuple(sorted(Counter(question["kind"] for question in test).items())) for test in tests}
    assert kinds == {(("choice", 3), ("number", 4), ("text", 5))}
    for test in tests:
        counts = Counter(map(chapter_of, test))
        assert set(counts) == set(CHAPTERS)
        assert max(counts.values()) <= 3
        numbers = [int(question["id"].removeprefix("exam.")) for question in test]
        assert numbers == sorted(set(numbers))
    assert len({tuple(question["id"] for question in test) for test in tests}) > 20
    assert select(CHAPTERS, 12, 3) == select(CHAPTERS, 12, 3)


def test_every_question_can_be_asked():
    assert select(parse_chapters("1-17"), 62, 1) == load("exam")
    with pytest.raises(ValueError, match="--questions must be from 1 to 62, which these chapters have; got 63"):
        select(parse_chapters("1-17"), 63, 1)
    with pytest.raises(ValueError, match="got 0"):
        select(CHAPTERS, 0, 1)


def test_two_seeds_ask_the_same_with_other_numbers_and_another_order_of_choices():
    stored = load("exam")
    one, two = draw(stored, 1), draw(stored, 2)
    assert one == draw(stored, 1) != two
    assert one != draw(stored, 1, "B")
    for question, first, second in zip(stored, one, two, strict=True):
        assert set(first) == set(second) == set(question)
        if question["kind"] == "choice":
            assert sorted(first["choices"]) == sorted(question["choices"])
            assert first | {"choices": 0} == question | {"choices": 0}
        elif question["kind"] == "number":
            ratio = first["answer"] / question["answer"]
            assert first["tolerance"] == pytest.approx(question["tolerance"] * ratio, rel=0.05)
        else:
            assert first == question
    numbers = [pair for pair in zip(one, two, strict=True) if pair[0]["kind"] == "number"]
    assert sum(first["text"] != second["text"] for first, second in numbers) >= 15


def test_the_right_choice_is_at_every_place():
    choices = [question for question in load("exam") if question["kind"] == "choice"]
    places = Counter(
        question["choices"].index(question["answer"]) for seed in range(20) for question in draw(choices, seed)
    )
    assert min(places[place] for place in range(4)) > 0.15 * places.total()
