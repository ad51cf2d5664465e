"""Judge what an answer returned, by the solution and the known mistakes."""

import inspect
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lecture21.exercises.exercise import Case, Exercise, Mistake, show
from lecture21.exercises.running import Outcome, call_once, draw, takes
from lecture21.exercises.values import difference, plain, same, wrong_entries


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is correct, and what to print about it."""

    correct: bool
    text: str
    mistake: str = ""
    """Name of the mistake that the answer is, if it is a known one."""


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
    for mistake in exercise.mistakes:
        if _is_mistake(exercise, mistake.wrong, cases, outcomes):
            return Verdict(False, mistake.hint, mistake.name)
    first = wrong[0]
    return Verdict(False, _explained(exercise, cases[first], expected[first], outcomes[first]))


def _is_right(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> bool:
    """Return whether an outcome is correct: equal to the solution's or, where many are, one with all properties."""
    if exercise.by_properties:
        return not got.error and not got.mutated and _false_property(exercise, case, got.value) is None
    return _agrees(expected, got)


def _agrees(expected: Outcome, got: Outcome) -> bool:
    if expected.error or got.error:
        return expected.error == got.error
    return expected.mutated == got.mutated and same(expected.value, got.value)


def _is_mistake(exercise: Exercise, wrong: Any, cases: list[Case], outcomes: list[Outcome]) -> bool:
    """Return whether an answer does on every case what a mistake does, and does not merely raise everywhere."""
    if all(outcome.error for outcome in outcomes):
        return False
    return all(_agrees(call_once(exercise, wrong, case), got) for case, got in zip(cases, outcomes, strict=True))


def _explained(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> str:
    """Return what is wrong in one case."""
    where = f" for {case.about}" if case.about else ""
    if got.error == "WrongWeights":
        return f"the weights of your module are not those of the task: {got.message}"
    if got.error:
        return f"raises {got.error}{where}{': ' if got.message else ''}{got.message}"
    if exercise.by_properties and not got.mutated:
        sentence = _false_property(exercise, case, got.value)
        return f"not right yet: {sentence}" if exercise.is_value else f"wrong{where}: {sentence}"
    if not exercise.is_value and (form := difference(expected.value, got.value, names=exercise.returns)) is not None:
        if not any(isinstance(each, Tensor) and each.is_floating_point() for each in case.arguments):
            form = form.removesuffix(". Does it follow the input's dtype?")
        return f"wrong{where}: {form}"
    if exercise.is_value and (form := difference(expected.value, got.value, exercise.name)) is not None:
        return form
    if got.mutated:
        return f"changes its input{where}. The caller still needs it: make a new tensor instead of writing into it"
    if (sentence := _false_property(exercise, case, got.value)) is not None:
        return f"wrong{where}: {sentence}"
    if exercise.is_value:
        return "not right yet. Look at each one again."
    return (
        f"wrong{where}: type and shape are right, but {_worst(exercise, expected.value, got.value, exercise.returns)}"
    )


def _false_property(exercise: Exercise, case: Case, value: Any) -> str | None:
    """Return the first property that a value does not have."""
    return next((sentence for sentence, holds in exercise.properties if not _holds(holds, case, value)), None)


def _holds(property: Any, case: Case, value: Any) -> bool:
    try:
        return bool(property(case.arguments, value))
    except (RuntimeError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return False


def _worst(exercise: Exercise, expected: Any, got: Any, names: tuple[str, ...] = ()) -> str:
    """Return where values of the same form differ, without the value that is expected; `names` are those of a tuple."""
    if isinstance(expected, tuple):
        # Of values with names, the last is usually computed first: outputs follow from weights.
        wrong = [n for n, pair in enumerate(zip(expected, got, strict=True)) if not same(*pair)]
        n = wrong[-1] if names and not exercise.in_order else wrong[0]
        name = names[n] if names else f"value {n + 1} of {len(expected)}"
        return f"in {name}, {_worst(exercise, expected[n], got[n])}"
    if not isinstance(expected, Tensor):
        return f"{show(plain(got))} is not the right value"
    if not expected.dim():
        return f"{got.item():.6g} is not the right value"
    if n_nan := int((got.isnan() & ~expected.isnan()).sum()):
        return f"{n_nan} of {expected.numel()} entries are nan"
    off = (expected.double() - got.double()).abs()
    off = off.nan_to_num(nan=float("inf")).reshape(-1)
    where, place = int(off.argmax()), []
    for size in reversed(expected.shape):
        where, rest = divmod(where, size)
        place.insert(0, rest)
    n_wrong = int(wrong_entries(expected, got).sum())
    return f"{n_wrong} of {expected.numel()} entries are wrong, most of all [{', '.join(map(str, place))}]"


def wrong_signature(exercise: Exercise, answer: Any, cases: list[Case]) -> str | None:
    """Return what is wrong with the arguments of a function, if it cannot be called as the solution is."""
    if exercise.is_value or isinstance(exercise.solution, type):
        return None
    count = len(cases[0].arguments)
    if takes(answer, count):
        return None
    names = ", ".join(inspect.signature(exercise.solution).parameters)
    return f"must take the argument{'s' if count > 1 else ''} ({names})"


def failing_case(exercise: Exercise, mistake: Mistake) -> str:
    """Return the name of the smallest kind of case in which a mistake differs from the solution for every seed."""
    seeds = [draw(exercise, seed) for seed in range(3)]
    for versions in zip(*seeds, strict=True):
        if all(
            not _agrees(call_once(exercise, exercise.solution, case), call_once(exercise, mistake.wrong, case))
            for case in versions
        ):
            return versions[0].about
    return ""
