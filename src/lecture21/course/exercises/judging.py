"""Judge what an answer returned, by the solution and the known mistakes."""

from dataclasses import dataclass
from typing import Any

from lecture21.course.exercises.answers.observing import STAGES
from lecture21.course.exercises.answers.running import Outcome, call_once, draw
from lecture21.course.exercises.answers.values import same
from lecture21.course.exercises.exercise import Case, Exercise, Mistake
from lecture21.course.exercises.hints.explaining import as_code, endless, explanation, false_property

_GRADIENT_TOLERANCE = 10.0  # a gradient sums many products, so its rounding errors are larger than those of values


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is correct, and what to print about it."""

    correct: bool
    text: str
    mistake: str = ""
    """Name of the mistake that the answer is, if it is a known one."""
    line: str = ""
    """The line of the reader's code that raised an exception."""
    given: str = ""
    """The arguments of the case that fails, as code, if they are small."""


def judge(exercise: Exercise, cases: list[Case], outcomes: list[Outcome], seconds: float = 0) -> Verdict:
    """Return the verdict on the outcomes of the first cases; the next one did not end in time, if there is one."""
    expected = [call_once(exercise, exercise.solution, case) for case in cases]
    outcomes = outcomes[: len(cases)]
    if len(outcomes) < len(cases):
        return Verdict(False, endless(cases[len(outcomes)], seconds))
    wrong = [n for n, outcome in enumerate(outcomes) if not _is_right(exercise, cases[n], expected[n], outcome)]
    if not wrong:
        return Verdict(True, "correct")
    # Gradients and devices count once the values are right, so a wrong value is explained first, and by itself.
    stage = min(STAGES.index(cases[n].observed) for n in wrong)
    seen = [n for n, case in enumerate(cases) if STAGES.index(case.observed) <= stage]
    for mistake in exercise.mistakes:
        if _is_mistake(exercise, mistake.wrong, [cases[n] for n in seen], [outcomes[n] for n in seen]):
            return Verdict(False, mistake.hint, mistake.name)
    wrong = [n for n in wrong if n in seen]
    shown, text = explanation(exercise, cases, expected, outcomes, wrong)
    if shown is None:
        return Verdict(False, text)
    return Verdict(False, text, line=outcomes[shown].line, given=as_code(exercise, cases[shown]))


def _is_right(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> bool:
    """Return whether an outcome is correct: equal to the solution's or, where many are, one with all properties."""
    if exercise.by_properties:
        return not got.error and not got.side_effect and false_property(exercise, case, got.value) is None
    return _agrees(case, expected, got)


def _agrees(case: Case, expected: Outcome, got: Outcome) -> bool:
    if expected.error or got.error:
        which = "WrongWeights"  # an error of this package, whose message says what is wrong
        return expected.error == got.error and (expected.error != which or expected.message == got.message)
    tolerance = _GRADIENT_TOLERANCE if case.observed == "gradients" else 1.0
    return expected.side_effect == got.side_effect and same(expected.value, got.value, tolerance)


def _is_mistake(exercise: Exercise, wrong: Any, cases: list[Case], outcomes: list[Outcome]) -> bool:
    """Return whether an answer does on every case what a mistake does, and does not merely raise everywhere."""
    if all(outcome.error for outcome in outcomes):
        return False
    return all(_agrees(case, call_once(exercise, wrong, case), got) for case, got in zip(cases, outcomes, strict=True))


def failing_case(exercise: Exercise, mistake: Mistake) -> str:
    """Return the name of the smallest kind of case in which a mistake differs from the solution for every seed."""
    seeds = [draw(exercise, seed) for seed in range(3)]
    for versions in zip(*seeds, strict=True):
        if all(
            not _agrees(case, call_once(exercise, exercise.solution, case), call_once(exercise, mistake.wrong, case))
            for case in versions
        ):
            case = versions[0]
            return case.about if case.observed == "value" else f"{case.about}, by the {case.observed}"
    return ""
