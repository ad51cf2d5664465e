"""Judge what an answer returned, by the solution and the known mistakes."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lecture21.exercises.differences import in_words, permuted, transposed_shape
from lecture21.exercises.exercise import Case, Exercise, Mistake, show
from lecture21.exercises.observing import STAGES, explain_gradients
from lecture21.exercises.running import DRAWS, Outcome, call_once, draw, parameters_of, takes
from lecture21.exercises.values import difference, plain, same, wrong_entries

_SMALL = 12  # numbers of an input that is shown
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
    first = next(n for n in wrong if n in seen)
    text = _explained(exercise, cases[first], expected[first], outcomes[first])
    return Verdict(False, text, line=outcomes[first].line, given=_as_code(exercise, cases[first]))


def _is_right(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> bool:
    """Return whether an outcome is correct: equal to the solution's or, where many are, one with all properties."""
    if exercise.by_properties:
        return not got.error and not got.mutated and _false_property(exercise, case, got.value) is None
    return _agrees(case, expected, got)


def _agrees(case: Case, expected: Outcome, got: Outcome) -> bool:
    if expected.error or got.error:
        return expected.error == got.error
    tolerance = _GRADIENT_TOLERANCE if case.observed == "gradients" else 1.0
    return expected.mutated == got.mutated and same(expected.value, got.value, tolerance)


def _is_mistake(exercise: Exercise, wrong: Any, cases: list[Case], outcomes: list[Outcome]) -> bool:
    """Return whether an answer does on every case what a mistake does, and does not merely raise everywhere."""
    if all(outcome.error for outcome in outcomes):
        return False
    return all(_agrees(case, call_once(exercise, wrong, case), got) for case, got in zip(cases, outcomes, strict=True))


def _explained(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> str:
    """Return what is wrong in one case."""
    where = f" for {case.about}" if case.about else ""
    if got.error == "WrongWeights":
        return f"the weights of your module are not those of the task: {got.message}"
    if got.error and "Can't call numpy() on Tensor that requires grad" in got.message:
        return (
            "numpy() leaves PyTorch, so no gradient can pass back through your result, and detach() would cut it off. "
            "Compute it with tensors"
        )
    if got.error:
        return f"raises {got.error}{where}{': ' if got.message else ''}{got.message}"
    if case.observed == "device":
        return (
            "right, but only on the CPU: a tensor that you create stays there when the arguments are on another "
            "device, such as a GPU. Give it their device, or move it with .to(x.device)"
        )
    if case.observed == "gradients":
        return f"wrong{where}: {explain_gradients(exercise, case, expected.value, got.value)}"
    if exercise.by_properties and not got.mutated:
        sentence = _false_property(exercise, case, got.value)
        return f"not right yet: {sentence}" if exercise.is_value else f"wrong{where}: {sentence}"
    if (order := _in_another_order(exercise, expected.value, got.value)) is not None:
        return f"wrong{where}: {order}"
    if not exercise.is_value and (form := difference(expected.value, got.value, names=exercise.returns)) is not None:
        if not any(isinstance(each, Tensor) and each.is_floating_point() for each in case.arguments):
            form = form.removesuffix(". Does it follow the input's dtype?")
        if isinstance(got.value, Tensor) and isinstance(expected.value, Tensor):
            form += ". Transposed, it is right" if transposed_shape(expected.value, got.value) else ""
        return f"wrong{where}: {form}"
    if exercise.is_value and (form := difference(expected.value, got.value, exercise.name)) is not None:
        return form
    if got.mutated and got.message == DRAWS:
        return f"draws random numbers{where}. The result must follow from the arguments alone: is one of them unused?"
    if got.mutated:
        return f"changes its input{where}. The caller still needs it: make a new tensor instead of writing into it"
    if (sentence := _false_property(exercise, case, got.value)) is not None:
        return f"wrong{where}: {sentence}"
    if exercise.is_value:
        return "not right yet. Look at each one again."
    masks = {
        name: each for name, each in zip(exercise.arguments, case.arguments, strict=False)
        if isinstance(each, Tensor) and each.dtype == torch.bool
    }  # fmt: skip
    worst = _worst(exercise, expected.value, got.value, exercise.returns, masks)
    return f"wrong{where}: type and shape are right, but {worst}"


def _false_property(exercise: Exercise, case: Case, value: Any) -> str | None:
    """Return the first property that a value does not have."""
    return next((sentence for sentence, holds in exercise.properties if not _holds(holds, case, value)), None)


def _holds(property: Any, case: Case, value: Any) -> bool:
    try:
        return bool(property(case.arguments, value))
    except (RuntimeError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return False


def _in_another_order(exercise: Exercise, expected: Any, got: Any) -> str | None:
    """Return that several results are right, and only their order is wrong."""
    if not (isinstance(expected, tuple) and isinstance(got, tuple) and len(expected) == len(got)):
        return None
    if permuted(expected, got, same) is None:
        return None
    order = f": {', then '.join(exercise.returns)}" if exercise.returns else ""
    return f"your results are right, but in the wrong order. The task names them in this one{order}"


def _worst(
    exercise: Exercise, expected: Any, got: Any, names: tuple[str, ...] = (), masks: dict[str, Tensor] | None = None
) -> str:
    """Return where values of the same form differ, without the value that is expected; `names` are those of a tuple."""
    if isinstance(expected, tuple):
        # Of values with names, the last is usually computed first: outputs follow from weights.
        wrong = [n for n, pair in enumerate(zip(expected, got, strict=True)) if not same(*pair)]
        n = wrong[-1] if names and not exercise.in_order else wrong[0]
        name = names[n] if names else f"value {n + 1} of {len(expected)}"
        return f"in {name}, {_worst(exercise, expected[n], got[n], masks=masks)}"
    if not isinstance(expected, Tensor):
        numbers = all(type(each) in (int, float) for each in (expected, got))
        words = in_words(torch.tensor(float(expected)), torch.tensor(float(got))) if numbers else None
        return f"{show(plain(got))} is not the right value" + (f": the result {words}" if words else "")
    if not expected.dim():
        words = in_words(expected, got)
        return f"{got.item():.6g} is not the right value" + (f": the result {words}" if words else "")
    if n_nan := int((got.isnan() & ~expected.isnan()).sum()):
        return f"{n_nan} of {expected.numel()} entries are nan"
    off = (expected.double() - got.double()).abs()
    off = off.nan_to_num(nan=float("inf")).reshape(-1)
    place = [int(each) for each in torch.unravel_index(off.argmax(), expected.shape)]
    n_wrong = int(wrong_entries(expected, got).sum())
    numbers = f"{n_wrong} of {expected.numel()} entries are wrong, most of all {place}"
    words = in_words(expected, got, masks)
    return f"the result {words} ({numbers})" if words else numbers


def _as_code(exercise: Exercise, case: Case) -> str:
    """Return the arguments of a case as code, or nothing if they are large or not tensors and numbers."""
    pairs = list(zip(exercise.arguments, case.arguments, strict=False)) if not exercise.is_value else []
    tensors = [each for _, each in pairs if isinstance(each, Tensor)]
    count = sum(each.numel() for each in tensors)
    known = all(isinstance(each, Tensor | int | float | str) for _, each in pairs)
    if not tensors or not known or count > _SMALL:
        return ""
    return ", ".join(f"{name} = {_literal(each)}" for name, each in pairs)


def _literal(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    rounded = value.tolist() if not value.is_floating_point() else _rounded(value.tolist())
    dtype = f", dtype={value.dtype}" if value.dtype == torch.float64 else ""
    return f"torch.tensor({rounded}{dtype})"


def _rounded(numbers: Any) -> Any:
    return [_rounded(each) for each in numbers] if isinstance(numbers, list) else float(f"{numbers:.4g}")


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
            return versions[0].about
    return ""
