"""The exercises: solutions pass, stubs are not written yet, each mistake gets its own hint, and nothing else passes."""

import random
import re
import secrets

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lecture21.attention import attention, basic_self_attention, causal_mask
from lecture21.course.exercises import Exercise, check, judging
from lecture21.course.exercises.answers.running import call_once, draw
from lecture21.course.exercises.answers.values import decode, encode, same
from lecture21.course.exercises.judging import judge
from lecture21.course.exercises.registry import chapters, exercises_of, find
from lecture21.training import evaluate, sample_windows

ALL = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]
MISTAKES = [(exercise, mistake) for exercise in ALL for mistake in exercise.mistakes]
each_exercise = pytest.mark.parametrize("exercise", ALL, ids=lambda exercise: exercise.number)
# That a mistake gets its hint is tested below for all of them; here it is printed, for a sample.
each_mistake = pytest.mark.parametrize(
    ("exercise", "mistake"),
    [
        pytest.param(*pair, marks=() if pair[0].number in ("4.4", "5.3", "14.2") else pytest.mark.repetition)
        for pair in MISTAKES
    ],
    ids=[f"{exercise.number} {mistake.name}" for exercise, mistake in MISTAKES],
)


def printed(capsys, exercise: Exercise, answer: object) -> str:
    """Check an answer, and return what is printed as one line."""
    capsys.readouterr()
    check(exercise.number, answer)
    out, err = capsys.readouterr()
    assert err == ""
    assert 1 <= out.count("\n") <= 6
    assert all(len(line) <= 100 for line in out.splitlines())
    return " ".join(out.split())


def defined(source: str, name: str) -> object:
    names = {"torch": torch, "math": __import__("math"), "nn": torch.nn, "F": torch.nn.functional}
    names |= {"causal_mask": causal_mask, "sample_windows": sample_windows, "evaluate": evaluate}
    names |= {each.name: each.solution for each in ALL if isinstance(each.solution, type) and each.name != name}
    exec(source, names)
    return names[name]


@each_exercise
def test_a_solution_is_correct(capsys, exercise):
    for _ in range(3):
        assert printed(capsys, exercise, exercise.solution) == f"{exercise.number}: correct"


@each_exercise
def test_a_stub_is_not_written_yet(capsys, exercise):
    stub = defined(exercise.stub, exercise.name)
    assert printed(capsys, exercise, stub) == f"{exercise.number}: not written yet"
    assert printed(capsys, exercise, ...) == f"{exercise.number}: not written yet"


@each_exercise
def test_the_solution_as_a_reader_would_write_it_is_correct(capsys, exercise):
    written = defined(exercise.text(exercise.solution), exercise.name)
    assert printed(capsys, exercise, written) == f"{exercise.number}: correct"


@each_mistake
def test_the_hint_of_a_mistake_is_printed(capsys, exercise, mistake):
    assert printed(capsys, exercise, mistake.wrong) == f"{exercise.number}: {mistake.hint}"


@pytest.fixture
def called_once(monkeypatch):
    """Let the judge remember what an answer did on a case: each mistake runs once on each case."""
    outcomes = {}

    def remembered(exercise, answer, case):
        key = id(answer), id(case)
        if key not in outcomes:
            outcomes[key] = answer, case, call_once(exercise, answer, case)  # kept, so that an id stays theirs
        return outcomes[key][-1]

    monkeypatch.setattr(judging, "call_once", remembered)
    return remembered


@pytest.mark.parametrize("seeds", [2, pytest.param(4, marks=pytest.mark.repetition)], ids=["two draws", "four more"])
@each_exercise
def test_each_mistake_gets_its_own_hint_whatever_is_drawn(exercise, seeds, called_once):
    hints = [mistake.hint for mistake in exercise.mistakes]
    assert 3 <= len(hints) <= 10
    assert len(set(hints)) == len(hints)
    for seed in [0, secrets.randbits(60)] if seeds == 2 else [secrets.randbits(60) for _ in range(seeds)]:
        cases = draw(exercise, seed)
        for mistake in exercise.mistakes:
            verdict = judge(exercise, cases, [called_once(exercise, mistake.wrong, case) for case in cases])
            assert (verdict.mistake, verdict.text) == (mistake.name, mistake.hint)


@each_exercise
def test_the_first_case_is_the_smallest(exercise):
    sizes = [sum(each.numel() for each in case.arguments if isinstance(each, Tensor)) for case in draw(exercise, 0)]
    assert sizes[0] == min(sizes)


@each_exercise
def test_cases_are_fresh_and_repeat_with_their_seed(exercise):
    def contents(seed: int) -> str:
        return str(
            [
                [encode(each) for each in case.arguments if isinstance(each, Tensor | int)]
                for case in draw(exercise, seed)
            ]
        )

    assert contents(1) == contents(1)
    if not exercise.is_value:
        assert len({contents(seed) for seed in range(20)}) > 1


@each_exercise
def test_every_result_of_a_solution_can_be_compared(exercise):
    for case in draw(exercise, 0):
        value = call_once(exercise, exercise.solution, case).value
        assert "Unknown" not in repr(value), case.about
        assert same(decode(encode(value)), value)


def changed(value: object, rng: random.Random) -> object:
    """Return a value that is wrong in one number."""
    if isinstance(value, tuple):
        n = rng.randrange(len(value))
        return (*value[:n], changed(value[n], rng), *value[n + 1 :])
    if isinstance(value, Tensor):
        flat = value.clone().reshape(-1)
        n = rng.randrange(len(flat))
        number = flat[n].nan_to_num(posinf=0, neginf=0)
        step = 0.01 * max(1, abs(number.item())) if value.is_floating_point() else 1
        flat[n] = ~flat[n] if value.dtype == torch.bool else number + rng.choice([-1, 1]) * step
        return flat.reshape(value.shape)
    if isinstance(value, bool):
        return not value
    if isinstance(value, frozenset):
        return value ^ {0}  # one element more or fewer
    return value * 1.01 if value else 0.01


@given(number=st.sampled_from([each.number for each in ALL if not each.is_value]), seed=st.integers(0, 2**40))
def test_a_solution_that_is_wrong_in_one_number_of_one_case_never_passes(number, seed):
    exercise, rng = find(number), random.Random(seed)
    cases = draw(exercise, seed)
    outcomes = [call_once(exercise, exercise.solution, case) for case in cases]
    n = rng.randrange(len(cases))
    object.__setattr__(outcomes[n], "value", changed(outcomes[n].value, rng))
    assert not judge(exercise, cases, outcomes).correct


@given(letters=st.sets(st.sampled_from("ABCDE")))
def test_only_the_solution_of_the_bug_hunt_passes(letters):
    exercise = find("4.4")
    cases = draw(exercise, 0)
    verdict = judge(exercise, cases, [call_once(exercise, letters, case) for case in cases])
    assert verdict.correct == (letters == {"B", "C", "E"})


def test_the_solution_of_the_bug_hunt_is_what_the_test_of_leaks_finds():
    from lecture21.course.chapters.c04_causal_mask.exercises import MASKS

    leaks = find("4.3").solution
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    assert {letter for letter, attend in MASKS.items() if leaks(attend, x)} == find("4.4").solution


def test_solutions_agree_with_the_package(capsys):
    for number, answer in (("2.2", basic_self_attention), ("3.1", attention), ("4.1", causal_mask)):
        assert printed(capsys, find(number), answer) == f"{number}: correct"


@each_exercise
def test_the_code_of_a_mistake_is_shown_under_the_name_that_the_reader_writes(exercise):
    for mistake in exercise.mistakes:
        text = exercise.text(mistake.wrong)
        assert text.startswith((f"def {exercise.name}(", f"class {exercise.name}(", f"{exercise.name} = "))
        assert "mistake(" not in text
    assert not re.search(r"\b_[a-z]", exercise.text(exercise.solution))
    assert exercise.stub.count("...") >= 1
