"""Say what is wrong with an answer that is no known mistake: the reason if there is one, words, or else numbers."""

import inspect
import textwrap
from typing import Any

import torch
from torch import Tensor

from lecture21.course.exercises.answers.running import (
    CHANGES,
    DRAWS,
    TRACKS,
    Outcome,
    parameters_of,
    stub_methods,
    takes,
)
from lecture21.course.exercises.answers.values import same, to_data, wrong_entries
from lecture21.course.exercises.exercise import Case, Exercise, show
from lecture21.course.exercises.hints.differences import (
    difference,
    in_words,
    kind,
    may_be_scaled,
    permuted,
    scaled,
    transposed_shape,
)
from lecture21.course.exercises.hints.gradients import explain_gradients, unused_layers

_SMALL = 12  # numbers of an input that is shown
_LONGEST = 160  # characters of an input that is shown: two lines
_REMEDIES = {
    CHANGES: ". The caller still needs it: make a new tensor instead of writing into it",
    DRAWS: ". The result must follow from the arguments alone. Is one unused, or does the task say what to take?",
    TRACKS: ", so that autograd tracks what the caller does with it",
}
"""What is said after a side effect."""


def unusable(exercise: Exercise, answer: Any, cases: list[Case]) -> str | None:
    """Return why an answer cannot be used as the solution is, such as that it is no function, or still a stub."""
    if exercise.is_value:
        return None
    if not callable(answer):
        call = f'check("{exercise.number}", {exercise.name})'
        return f"needs the function itself, not {kind(to_data(answer))}. Write {call}, without parentheses"
    if isinstance(exercise.solution, type):
        stubs = stub_methods(exercise, answer)
        return f"{stubs[0]} returns None: is it still a stub?" if stubs else None
    count = len(cases[0].arguments)
    names = list(inspect.signature(exercise.solution).parameters)
    if not takes(answer, count):
        return f"must take the argument{'s' if count > 1 else ''} ({', '.join(names)})"
    own = parameters_of(answer)
    if own != names and sorted(own) == sorted(names):
        return f"takes its arguments in another order: it must be ({', '.join(names)}) and is ({', '.join(own)})"
    return None


def endless(case: Case, seconds: float) -> str:
    """Return what is said of an answer that is stopped."""
    limit = f" within {seconds:g} seconds" if seconds else ""
    return f"does not end{limit} for {case.about}. Is there a loop that never stops?"


def explanation(
    exercise: Exercise, cases: list[Case], expected: list[Outcome], outcomes: list[Outcome], wrong: list[int]
) -> tuple[int | None, str]:
    """Return the index of the wrong case that is explained, and what is wrong in it; None if it is true of them all.

    It is the first one, unless nothing but numbers can be said of it and a later one can be described in words.
    """
    if all(outcomes[n].side_effect == TRACKS and same(expected[n].value, outcomes[n].value) for n in wrong):
        return None, f"right, but it {TRACKS}{_REMEDIES[TRACKS]}"
    first = wrong[0]
    if cases[first].observed == "value" and not outcomes[first].error:
        layers = unused_layers(exercise, cases, expected, outcomes)
        if layers:
            which = f"{', '.join(layers)}. {'Is it' if len(layers) == 1 else 'Are they'} used?"
            return None, f"wrong for {cases[first].about}: no gradient reaches {which}"
    first = next((n for n in wrong if _shows_every_gradient(cases[n], expected[n])), wrong[0])
    first = next((n for n in wrong if outcomes[n].side_effect == DRAWS), first)  # True or False may agree by chance
    if (reason := _reason(exercise, cases[first], expected[first], outcomes[first])) is not None:
        values = [(expected[n].value, outcomes[n].value) for n in wrong if cases[n].observed == "value"]
        if any(_is_transposed(*pair) for pair in values) and all(_is_transposed(*pair, True) for pair in values):
            reason += ". Transposed, it is right"
        return first, reason
    for n in wrong:
        words = _difference_in_words(exercise, cases, expected, outcomes, n)
        if words is not None:
            return n, f"{_where('wrong', cases[n])}: type and shape are right, but {words}"
    numbers = _in_numbers(exercise, expected[first].value, outcomes[first].value)
    return first, f"{_where('wrong', cases[first])}: type and shape are right, but {numbers}"


def _shows_every_gradient(case: Case, expected: Outcome) -> bool:
    """Return whether no gradient of a case is 0 for every result: with a single key, those of the queries are."""
    if case.observed != "gradients" or expected.error:
        return False
    return all(any(each.any() for each in of_one) for of_one in zip(*expected.value, strict=True))


def _where(what: str, case: Case) -> str:
    return f"{what} for {case.about}" if case.about else what


def _reason(exercise: Exercise, case: Case, expected: Outcome, got: Outcome) -> str | None:
    """Return what is wrong in one case; None if type and shape are right and no property is false."""
    if got.error == "WrongWeights":
        if not isinstance(exercise.solution, type):  # a function that returns matrices
            return f"not right yet: {got.message}"
        return f"the weights of your module are not those of the task: {got.message}"
    if got.error and "Can't call numpy() on Tensor that requires grad" in got.message:
        return (
            "numpy() leaves PyTorch, so no gradient can pass back through your result, and detach() would cut it off. "
            "Compute it with tensors"
        )
    if got.error:
        return f"{_where(f'raises {got.error}', case)}{': ' if got.message else ''}{got.message}"
    if case.observed == "device":
        return f"right, but only on the CPU: {exercise.device_hint}"
    if case.observed == "gradients":
        return f"{_where('wrong', case)}: {explain_gradients(exercise, case, expected.value, got.value)}"
    if exercise.by_properties and not got.side_effect:
        sentence = false_property(exercise, case, got.value)
        return f"not right yet: {sentence}" if exercise.is_value else f"{_where('wrong', case)}: {sentence}"
    if (order := _in_another_order(exercise, expected.value, got.value)) is not None:
        return f"{_where('wrong', case)}: {order}"
    if not exercise.is_value and (form := difference(expected.value, got.value, names=exercise.returns)) is not None:
        if not any(isinstance(each, Tensor) and each.is_floating_point() for each in case.arguments):
            form = form.removesuffix(". Does it follow the input's dtype?")
        return f"{_where('wrong', case)}: {form}"
    if exercise.is_value and (form := difference(expected.value, got.value, exercise.name)) is not None:
        return form
    if got.side_effect:
        return f"{_where(got.side_effect, case)}{_REMEDIES.get(got.side_effect, '')}"
    if (sentence := false_property(exercise, case, got.value)) is not None:
        return f"{_where('wrong', case)}: {sentence}"
    if exercise.is_value:
        return "not right yet. Look at each one again."
    return None


def _is_transposed(expected: Any, got: Any, trivially: bool = False) -> bool:
    """Return whether a value is right, or one of several values, once it is transposed."""
    if isinstance(expected, tuple) and isinstance(got, tuple):
        return any(_is_transposed(*pair, trivially) for pair in zip(expected, got, strict=False))
    are_tensors = isinstance(expected, Tensor) and isinstance(got, Tensor)
    return are_tensors and not same(expected, got) and transposed_shape(expected, got, trivially)


def false_property(exercise: Exercise, case: Case, value: Any) -> str | None:
    """Return the first property that a value does not have.

    One that cannot be computed accuses nobody, unless the properties alone decide what is correct.
    """
    undecided = not exercise.by_properties
    return next((text for text, holds in exercise.properties if not _holds(holds, case, value, undecided)), None)


def _holds(property: Any, case: Case, value: Any, undecided: bool) -> bool:
    try:
        return bool(property(case.arguments, value))
    except (RuntimeError, TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return undecided


def _in_another_order(exercise: Exercise, expected: Any, got: Any) -> str | None:
    """Return that several results are right, and only their order is wrong."""
    if not (isinstance(expected, tuple) and isinstance(got, tuple) and len(expected) == len(got)):
        return None
    if permuted(expected, got, same) is None:
        return None
    order = f": {', then '.join(exercise.returns)}" if exercise.returns else ""
    return f"your results are right, but in the wrong order. The task names them in this one{order}"


def _wrong_part(exercise: Exercise, expected: Any, got: Any) -> tuple[str, tuple[int, ...]]:
    """Return which of several values is wrong: as the beginning of a sentence, and as indices."""
    part, place, names = "", (), exercise.returns
    while isinstance(expected, tuple):
        # Of values with names, the last is usually computed first: outputs follow from weights.
        wrong = [n for n, pair in enumerate(zip(expected, got, strict=True)) if not same(*pair)]
        n = wrong[-1] if names and not exercise.in_order else wrong[0]
        part += f"in {names[n]}, " if names else f"in value {n + 1} of {len(expected)}, "
        expected, got, names, place = expected[n], got[n], (), (*place, n)
    return part, place


def _at(value: Any, place: tuple[int, ...]) -> Any:
    """Return one of several values, None if it is not there."""
    for n in place:
        value = value[n] if isinstance(value, tuple) and n < len(value) else None
    return value


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or (isinstance(value, Tensor) and not value.dim())


def _difference_in_words(
    exercise: Exercise, cases: list[Case], expected: list[Outcome], outcomes: list[Outcome], n: int
) -> str | None:
    """Return how the value of case n differs, in words and numbers, or None if words do not suffice."""
    if not _has_the_right_form(expected[n], outcomes[n]):
        return None
    _, place = _wrong_part(exercise, expected[n].value, outcomes[n].value)
    right, actual = _at(expected[n].value, place), _at(outcomes[n].value, place)
    if _is_number(right):
        known = [k for k, case in enumerate(cases) if case.observed == "value"]
        known = [k for k in known if _has_the_right_form(expected[k], outcomes[k])]
        known = [k for k in known if _is_number(_at(expected[k].value, place))]
        words = _of_single_numbers(
            *([float(_at(each[k].value, place)) for k in known] for each in (expected, outcomes))
        )
    elif isinstance(right, Tensor):
        pairs = zip(exercise.arguments, cases[n].arguments, strict=False)
        masks = {name: each for name, each in pairs if isinstance(each, Tensor) and each.dtype == torch.bool}
        others = [k for k, case in enumerate(cases) if case.observed == "value"]
        others = [k for k in others if _has_the_right_form(expected[k], outcomes[k])]
        pairs = [(_at(expected[k].value, place), _at(outcomes[k].value, place)) for k in others]
        words = in_words(right, actual, masks, all(same(*pair) or may_be_scaled(*pair) for pair in pairs))
    else:
        return None
    return _in_numbers(exercise, expected[n].value, outcomes[n].value, words) if words else None


def _has_the_right_form(expected: Outcome, got: Outcome) -> bool:
    return not (got.error or got.side_effect or expected.error) and difference(expected.value, got.value) is None


def _of_single_numbers(right: list[float], actual: list[float]) -> str | None:
    """Return by what a number is off in every case: one number alone is some multiple of any other one."""
    words = scaled(torch.tensor(right, dtype=torch.float64), torch.tensor(actual, dtype=torch.float64))
    return f"{words}, in every case" if words and len(right) > 1 else None


def _in_numbers(exercise: Exercise, expected: Any, got: Any, words: str | None = None) -> str:
    """Return where values of the same form differ, without the value that is expected, and after the words."""
    part, place = _wrong_part(exercise, expected, got)
    right, actual = _at(expected, place), _at(got, place)
    if not isinstance(right, Tensor) or not right.dim():
        number = f"{actual.item():.6g}" if isinstance(right, Tensor) else show(to_data(actual))
        return f"{part}{number} is not the right value" + (f": it {words}" if words else "")
    if n_nan := int((actual.isnan() & ~right.isnan()).sum()):
        return f"{part}{n_nan} of {right.numel()} entries are nan"
    wrong = wrong_entries(right, actual)  # the largest difference may be that of a large number, and rounding
    off = (right.double() - actual.double()).abs().nan_to_num(nan=float("inf")).masked_fill(~wrong, -1.0)
    place = [int(each) for each in torch.unravel_index(off.argmax(), right.shape)]
    numbers = f"{int(wrong.sum())} of {right.numel()} entries are wrong, most of all {place}"
    return f"{part}the result {words} ({numbers})" if words else f"{part}{numbers}"


def as_code(exercise: Exercise, case: Case) -> str:
    """Return the arguments of a case as code, or nothing if they are large or not tensors and numbers.

    An argument that the exercise makes of the case's, such as a list of functions, is `...`.
    """
    if exercise.is_value or isinstance(exercise.solution, type):
        return ""
    given = dict(zip(exercise.arguments, case.arguments, strict=False))
    own = {name: given.get(name, ...) for name in inspect.signature(exercise.solution).parameters}
    tensors = [each for each in own.values() if isinstance(each, Tensor)]
    known = all(isinstance(each, Tensor | int | float | str) or each is ... for each in own.values())
    if not tensors or not known or sum(each.numel() for each in tensors) > _SMALL:
        return ""
    code = ", ".join(f"{name} = {'...' if each is ... else _literal(each)}" for name, each in own.items())
    return textwrap.shorten(code, _LONGEST, placeholder=" …")


def _literal(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    rounded = value.tolist() if not value.is_floating_point() else _rounded(value.tolist())
    return f"torch.tensor({rounded})" + (".double()" if value.dtype == torch.float64 else "")


def _rounded(numbers: Any) -> Any:
    return [_rounded(each) for each in numbers] if isinstance(numbers, list) else float(f"{numbers:.4g}")
