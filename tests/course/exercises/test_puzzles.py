"""Exercises to put together: which lines are choices, and that the stored verdicts are those of the check."""

import itertools
import math
import re
from collections import Counter
from pathlib import Path

import lines as tool  # tools/lines.py
import pytest

from lecture21.course.exercises.exercise import Case, Exercise
from lecture21.course.exercises.page import lines
from lecture21.course.exercises.page.lines import fingerprint, verdict
from lecture21.course.exercises.page.puzzles import MOST, Change, Choice, Puzzle, changes, puzzle, without
from lecture21.course.exercises.registry import chapters, exercises_of, find
from lecture21.course.exercises.source import as_written, changed, code_lines, logical_lines

ALL = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]
STORED = {number: stored for chapter in chapters() for number, stored in lines.load(chapter).items()}
SAMPLE = ("4.4", "5.3", "8.2")  # a value, a class and a function; the others are repetitions


def choices(stored: dict) -> list[list[str]]:
    return [part for part in stored["code"] if isinstance(part, list)]


def said(stored: dict) -> dict[tuple[int, ...], str]:
    """Return the verdict of each combination."""
    combinations = itertools.product(*(range(len(options)) for options in choices(stored)))
    return dict(zip(combinations, (stored["verdicts"][n] for n in stored["of"]), strict=True))


def essence(stored: dict) -> dict:
    """Return what must be the same again: exceptions and printed warnings are those of a version of torch or Python."""
    cut = [re.sub(r"(raises \w+ [^:\n]*): [^\n]*|\nprinted for (.|\n)*", r"\1", text) for text in stored["verdicts"]]
    return {"code": stored["code"], "said": [cut[n] for n in stored["of"]]}


# The code of mistakes


def test_comments_and_docstrings_are_no_lines_and_brackets_hold_a_line_together():
    source = 'def f(x):\n    """Doc."""\n    # why\n    y = g(\n        x,  # this\n    )\n    return y  # (B,)'
    assert logical_lines(source) == ["def f(x):", "    y = g(\n        x,\n    )", "    return y"]


def test_a_mistake_is_the_solution_but_for_a_few_lines():
    exercise = find("7.2")
    right, wrong = (code_lines(exercise.text(each)) for each in (exercise.solution, exercise.mistakes[0].wrong))
    assert wrong == [line.replace("self.token(ids)", "self.token(ids).softmax(dim=-1)") for line in right]


@pytest.mark.parametrize(
    ("difference", "body"),
    [
        ("- b = 2 * x\n+ b = x", ["    if x:", "        b = x", "        return b", "    return 0"]),
        ("- b = 2 * x\n- return b\n+ return 2", ["    if x:", "        return 2", "    return 0"]),
        (
            "  b = 2 * x\n+ b += 1",
            ["    if x:", "        b = 2 * x", "        b += 1", "        return b", "    return 0"],
        ),
        ("- if x:\n-     b = 2 * x\n-     return b", ["    return 0"]),
    ],
)
def test_lines_are_removed_replaced_and_added(difference, body):
    wrong = changed(halved, difference)
    assert code_lines(as_written(wrong, "f")) == ["def f(x):", *body]
    exec("\n".join(["def f(x):", *body]), names := {})
    assert [wrong(x) for x in (0, 3)] == [names["f"](x) for x in (0, 3)]


def halved(x):
    """The solution of the test above."""
    if x:
        b = 2 * x  # (T,)
        return b  # noqa: RET504
    return 0


@pytest.mark.parametrize("line", ["b = 3 * x", "x"])
def test_a_line_that_the_solution_does_not_have_is_an_error(line):
    with pytest.raises(ValueError, match=f"halved must have exactly one line '{re.escape(line)}', and has 0"):
        changed(halved, f"- {line}\n+ b = x")


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.number)
def test_no_line_needs_what_a_reader_does_not_have(exercise):
    for option in itertools.chain.from_iterable(choices(STORED[exercise.number])):
        assert not re.search(r"(?<!\w)_[a-zA-Z]|#", option), option


def test_a_change_is_as_small_as_it_can_be():
    right = ["def f(x):", "    a = g(x)", "    b = h(a)", "    return b"]
    assert changes(right, ["def f(x):", "    a = g(-x)", "    b = h(-a)", "    return b"]) == [
        Change(1, 2, ["    a = g(-x)"]),
        Change(2, 3, ["    b = h(-a)"]),
    ]
    assert changes(right, ["def f(x):", "    b = h(a)", "    return b"]) == [Change(1, 2, [])]
    inserted = ["def f(x):", "    a = g(x)", "    b = h(a)", "    b += 1", "    return b"]
    assert changes(right, inserted) == [Change(2, 3, ["    b = h(a)", "    b += 1"])]


def test_a_choice_keeps_the_solution_when_a_mistake_is_left_out():
    full = Puzzle(["right"], [Choice(0, 1, ["right", "a", "b"])], {"a": (1,), "b": (2,)})
    left = without(full, "a")
    assert (left.choices[0].options, left.mistakes) == (["right", "b"], {"b": (1,)})


def test_mistakes_that_differ_in_the_same_lines_share_a_choice():
    found = puzzle(find("5.1"))
    assert [choice.options[0].split()[0] for choice in found.choices] == ["deviation", "variance", "return"]
    assert found.mistakes["over tokens"] == (1, 1, 0)
    assert found.code(found.mistakes["over tokens"]).count("dim=0") == 2


# The stored combinations


def test_every_exercise_can_be_put_together():
    assert list(STORED) == [exercise.number for exercise in ALL]


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.number)
def test_an_exercise_has_few_combinations_and_one_that_is_right(exercise):
    stored = STORED[exercise.number]
    counts = [len(options) for options in choices(stored)]
    assert counts
    assert min(counts) >= 2
    assert max(counts) <= 8
    assert math.prod(counts) <= MOST
    verdicts = said(stored)
    assert list(verdicts.values()).count("correct") == 1
    assert not any(text.startswith("does not end") for text in verdicts.values())
    hints = [mistake.hint for mistake in exercise.mistakes]
    assert len({text.partition("\n")[0] for text in stored["verdicts"]} & set(hints)) >= 3
    for options in choices(stored):
        assert len(set(options)) == len(options)


def test_the_order_of_the_alternatives_says_nothing_about_the_right_one():
    places, expected = Counter(), Counter()
    for stored in STORED.values():
        (right,) = [chosen for chosen, text in said(stored).items() if text == "correct"]
        for place, options in zip(right, choices(stored), strict=True):
            places[place] += 1
            expected.update({n: 1 / len(options) for n in range(len(options))})
    for place, share in expected.items():
        spread = math.sqrt(share)  # the right one is at this place as often as by chance, up to three deviations
        assert abs(places[place] - share) <= 3 * spread, (place, places[place], share)


def test_two_wrong_lines_are_judged_together():
    stored = STORED["2.1"]  # over columns: both the maximum and the sum
    maxima, powers, sums = choices(stored)
    right = powers.index("    powers = (scores - largest).exp()")
    chosen = (
        next(n for n, text in enumerate(maxima) if "max(dim=-2" in text),
        right,
        next(n for n, text in enumerate(sums) if "sum(dim=-2" in text),
    )
    hints = {mistake.name: mistake.hint for mistake in find("2.1").mistakes}
    assert said(stored)[chosen] == hints["over columns"]
    alone = said(stored)[chosen[0], right, next(n for n, text in enumerate(sums) if "sum(dim=-1, keepdim" in text)]
    assert alone not in ("correct", hints["over columns"])


@pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.number)
def test_a_mistake_that_is_offered_is_that_of_the_exercise_and_gets_its_hint(exercise):
    found, stored = puzzle(exercise), STORED[exercise.number]
    code = {mistake.name: "\n".join(code_lines(exercise.text(mistake.wrong))) for mistake in exercise.mistakes}
    hints = {mistake.name: mistake.hint for mistake in exercise.mistakes}
    verdicts = said(stored)
    for name, chosen in found.mistakes.items():
        assert found.code(chosen) == code[name]
        texts = (choice.options[n] for choice, n in zip(found.choices, chosen, strict=True))
        shown = tuple(options.index(text) for options, text in zip(choices(stored), texts, strict=True))
        assert verdicts[shown].partition("\n")[0] == hints[name]


def test_nine_of_ten_mistakes_are_offered():
    mistakes = sum(len(exercise.mistakes) for exercise in ALL)
    assert sum(len(puzzle(exercise).mistakes) for exercise in ALL) >= 0.9 * mistakes


def test_a_verdict_is_what_check_prints_on_cases_that_stay_the_same():
    exercise = find("4.3")  # draws random numbers
    code = exercise.text(exercise.mistakes[0].wrong)
    assert verdict(exercise, code) == verdict(exercise, code) == exercise.mistakes[0].hint
    assert verdict(find("4.1"), "def causal_mask(n):\n    return torch.ones(n, n)") == (
        "wrong for n = 1: the result must have the dtype torch.bool instead of torch.float32"
    )


CHANGED = [e.number for e in ALL if e.number in STORED and STORED[e.number]["made_from"] != fingerprint(e)]


@pytest.mark.parametrize(
    "number",
    [pytest.param(e.number, marks=[] if e.number in (*SAMPLE, *CHANGED) else pytest.mark.repetition) for e in ALL],
)
def test_the_stored_verdicts_are_those_of_the_check(number):
    """Computed again: a sample, and every exercise of which the code or its check has changed since."""
    assert essence(STORED[number]) == essence(lines.stored(find(number))), "run: make lines"


@pytest.mark.parametrize("number", STORED)
def test_no_combination_ends_in_a_name_that_is_not_defined(number):
    assert [text for text in STORED[number]["verdicts"] if "NameError" in text or "UnboundLocalError" in text] == []


def test_a_fingerprint_changes_with_the_exercise_and_with_its_check(monkeypatch):
    before = fingerprint(find("4.1"))
    assert fingerprint(find("4.2")) == before
    assert fingerprint(find("5.1")) != before
    read = Path.read_text

    def changed_by(text: str) -> str:
        lines._code.cache_clear()
        monkeypatch.setattr(Path, "read_text", lambda path, **o: read(path, **o) + text * (path.name == "judging.py"))
        return fingerprint(find("4.1"))

    assert changed_by("x = 1\n") != before
    assert changed_by("# only a comment\n") == before
    lines._code.cache_clear()


# The tool


@pytest.mark.parametrize("chapter", chapters())
def test_a_file_is_as_the_tool_writes_it(chapter):
    assert lines.path_of(chapter).read_text(encoding="utf-8") == tool.text_of(lines.load(chapter))


def test_an_exercise_without_a_mistake_has_no_choice():
    solution = find("4.1").solution
    exercise = Exercise("4.1", "causal_mask", "", solution, lambda rng: [Case((1,), "")])
    assert puzzle(exercise).choices == []
