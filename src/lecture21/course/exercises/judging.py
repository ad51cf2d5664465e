"""Judge what an answer returned, by the solution and the known mistakes."""

import inspect
from dataclasses import dataclass
from typing import Any

from lecture21.course.exercises.exercise import Case, Exercise, Mistake
from lecture21.course.exercises.explaining import as_code, explanation, false_property
from lecture21.course.exercises.observing import STAGES
from lecture21.course.exercises.running import TRACKS, Outcome, call_once, draw, parameters_of, takes
from lecture21.course.exercises.unused import unused_layers
from lecture21.course.exercises.values import same

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
        case = cases[len(outcomes)]
        limit = f" within {seconds:g} seconds" if seconds else ""
        return Verdict(False, f"does not end{limit} for {case.about}. Is there a loop that never stops?")
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
    if all(outcomes[n].message == TRACKS and same(expected[n].value, outcomes[n].value) for n in wrong):
        return Verdict(False, f"right, but it {TRACKS}, so that autograd tracks what the caller does with it")
    if STAGES[stage] == "value" and not outcomes[wrong[0]].error:
        layers = unused_layers(exercise, cases, expected, outcomes)
        if layers:
            which = f"{', '.join(layers)}. {'Is it' if len(layers) == 1 else 'Are they'} used?"
            return Verdict(False, f"wrong for {cases[wrong[0]].about}: no gradient reaches {which}")
    first, text = explanation(exercise, cases, expected, outcomes, wrong)
    return Verdict(False, text, line=outcomes[first].line, given=as_code(exercise, cases[first]))


def _is_right(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> bool:
    """Return whether an outcome is correct: equal to the solution's or, where many are, one with all properties."""
    if exercise.by_properties:
        return not got.error and not got.mutated and false_property(exercise, case, got.value) is None
    return _agrees(case, expected, got)


def _agrees(case: Case, expected: Outcome, got: Outcome) -> bool:
    if expected.error or got.error:
        which = "WrongWeights"  # an error of this package, whose message says what is wrong
        return expected.error == got.error and (expected.error != which or expected.message == got.message)
    tolerance = _GRADIENT_TOLERANCE if case.observed == "gradients" else 1.0
    of_input = (expected.mutated, expected.message) == (got.mutated, got.message)
    return of_input and same(expected.value, got.value, tolerance)


def _is_mistake(exercise: Exercise, wrong: Any, cases: list[Case], outcomes: list[Outcome]) -> bool:
    """Return whether an answer does on every case what a mistake does, and does not merely raise everywhere."""
    if all(outcome.error for outcome in outcomes):
        return False
    return all(_agrees(case, call_once(exercise, wrong, case), got) for case, got in zip(cases, outcomes, strict=True))


def wrong_signature(exercise: Exercise, answer: Any, cases: list[Case]) -> str | None:
    """Return what is wrong with the arguments of a function, if it cannot be called as the solution is."""
    if exercise.is_value or isinstance(exercise.solution, type):
        return None
    count = len(cases[0].arguments)
    names = list(inspect.signature(exercise.solution).parameters)
    if not takes(answer, count):
        return f"must take the argument{'s' if count > 1 else ''} ({', '.join(names)})"
    own = parameters_of(answer)
    if own != names and sorted(own) == sorted(names):
        return f"takes its arguments in another order: it must be ({', '.join(names)}) and is ({', '.join(own)})"
    return None


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
