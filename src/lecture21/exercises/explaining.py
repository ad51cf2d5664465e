"""Say what is wrong with an answer that is no known mistake: the reason if there is one, words, or else numbers."""

from typing import Any

import torch
from torch import Tensor

from lecture21.exercises.differences import in_words, permuted, transposed_shape
from lecture21.exercises.exercise import Case, Exercise, show
from lecture21.exercises.observing import explain_gradients
from lecture21.exercises.running import DRAWS, Outcome
from lecture21.exercises.values import difference, plain, same, wrong_entries

_SMALL = 12  # numbers of an input that is shown


def explanation(
    exercise: Exercise, cases: list[Case], expected: list[Outcome], outcomes: list[Outcome], wrong: list[int]
) -> tuple[int, str]:
    """Return the index of the wrong case that is explained, and what is wrong in it.

    It is the first one, unless nothing but numbers can be said of it and a later one can be described in words.
    """
    first = wrong[0]
    if (reason := _reason(exercise, cases[first], expected[first], outcomes[first])) is not None:
        return first, reason
    for n in wrong:
        words = _difference_in_words(exercise, cases[n], expected[n], outcomes[n])
        if words is not None:
            return n, f"{_where('wrong', cases[n])}: type and shape are right, but {words}"
    numbers = _in_numbers(exercise, expected[first].value, outcomes[first].value)
    return first, f"{_where('wrong', cases[first])}: type and shape are right, but {numbers}"


def _where(what: str, case: Case) -> str:
    return f"{what} for {case.about}" if case.about else what


def _reason(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> str | None:
    """Return what is wrong in one case; None if type and shape are right and no property is false."""
    if got.error == "WrongWeights":
        return f"the weights of your module are not those of the task: {got.message}"
    if got.error and "Can't call numpy() on Tensor that requires grad" in got.message:
        return (
            "numpy() leaves PyTorch, so no gradient can pass back through your result, and detach() would cut it off. "
            "Compute it with tensors"
        )
    if got.error:
        return f"{_where(f'raises {got.error}', case)}{': ' if got.message else ''}{got.message}"
    if case.observed == "device":
        return (
            "right, but only on the CPU: a tensor that you create stays there when the arguments are on another "
            "device, such as a GPU. Give it their device, or move it with .to(x.device)"
        )
    if case.observed == "gradients":
        return f"{_where('wrong', case)}: {explain_gradients(exercise, case, expected.value, got.value)}"
    if exercise.by_properties and not got.mutated:
        sentence = false_property(exercise, case, got.value)
        return f"not right yet: {sentence}" if exercise.is_value else f"{_where('wrong', case)}: {sentence}"
    if (order := _in_another_order(exercise, expected.value, got.value)) is not None:
        return f"{_where('wrong', case)}: {order}"
    if not exercise.is_value and (form := difference(expected.value, got.value, names=exercise.returns)) is not None:
        if not any(isinstance(each, Tensor) and each.is_floating_point() for each in case.arguments):
            form = form.removesuffix(". Does it follow the input's dtype?")
        if _has_a_transposed_part(expected.value, got.value):
            form += ". Transposed, it is right"
        return f"{_where('wrong', case)}: {form}"
    if exercise.is_value and (form := difference(expected.value, got.value, exercise.name)) is not None:
        return form
    if got.mutated and got.message == DRAWS:
        remedy = "The result must follow from the arguments alone: is one of them unused?"
        return f"{_where('draws random numbers', case)}. {remedy}"
    if got.mutated:
        remedy = "The caller still needs it: make a new tensor instead of writing into it"
        return f"{_where('changes its input', case)}. {remedy}"
    if (sentence := false_property(exercise, case, got.value)) is not None:
        return f"{_where('wrong', case)}: {sentence}"
    if exercise.is_value:
        return "not right yet. Look at each one again."
    return None


def _has_a_transposed_part(expected: Any, got: Any) -> bool:
    if isinstance(expected, tuple) and isinstance(got, tuple):
        return any(_has_a_transposed_part(*pair) for pair in zip(expected, got, strict=False))
    return isinstance(expected, Tensor) and isinstance(got, Tensor) and transposed_shape(expected, got)


def false_property(exercise: Exercise, case: Case, value: Any) -> str | None:
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


def _wrong_part(exercise: Exercise, expected: Any, got: Any) -> tuple[str, Any, Any]:
    """Return which of several values is wrong, as the beginning of a sentence, and what is expected and got there."""
    part, names = "", exercise.returns
    while isinstance(expected, tuple):
        # Of values with names, the last is usually computed first: outputs follow from weights.
        wrong = [n for n, pair in enumerate(zip(expected, got, strict=True)) if not same(*pair)]
        n = wrong[-1] if names and not exercise.in_order else wrong[0]
        part += f"in {names[n]}, " if names else f"in value {n + 1} of {len(expected)}, "
        expected, got, names = expected[n], got[n], ()
    return part, expected, got


def _difference_in_words(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> str | None:
    """Return how a value of the right form differs, in words and numbers, or None if words do not suffice."""
    if got.error or got.mutated or difference(expected.value, got.value) is not None:
        return None
    _, right, actual = _wrong_part(exercise, expected.value, got.value)
    if type(right) in (int, float):
        right, actual = torch.tensor(float(right)), torch.tensor(float(actual))
    if not isinstance(right, Tensor):
        return None
    pairs = zip(exercise.arguments, case.arguments, strict=False)
    masks = {name: each for name, each in pairs if isinstance(each, Tensor) and each.dtype == torch.bool}
    words = in_words(right, actual.view_as(right), masks)
    return _in_numbers(exercise, expected.value, got.value, words) if words else None


def _in_numbers(exercise: Exercise, expected: Any, got: Any, words: str = "") -> str:
    """Return where values of the same form differ, without the value that is expected, and after the words."""
    part, right, actual = _wrong_part(exercise, expected, got)
    if not isinstance(right, Tensor) or not right.dim():
        number = f"{actual.item():.6g}" if isinstance(right, Tensor) else show(plain(actual))
        return f"{part}{number} is not the right value" + (f": it {words}" if words else "")
    if n_nan := int((actual.isnan() & ~right.isnan()).sum()):
        return f"{part}{n_nan} of {right.numel()} entries are nan"
    off = (right.double() - actual.double()).abs().nan_to_num(nan=float("inf"))
    place = [int(each) for each in torch.unravel_index(off.argmax(), right.shape)]
    numbers = f"{int(wrong_entries(right, actual).sum())} of {right.numel()} entries are wrong, most of all {place}"
    return f"{part}the result {words} ({numbers})" if words else f"{part}{numbers}"


def as_code(exercise: Exercise, case: Case) -> str:
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
