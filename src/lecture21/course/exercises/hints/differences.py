"""How a wrong value differs from the right one: its form, or in words: transposed, off by a factor, shifted."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lecture21.course.exercises.answers.values import Unknown, scalar, with_article, wrong_entries

_OF_A_MATRIX = ((-2, "row", "rows"), (-1, "column", "columns"))
_OF_A_VECTOR = ((-1, "entry", "entries"),)


def kind(value: Any) -> str:
    """Return what a value is, with an article."""
    if isinstance(value, Unknown):
        return value.kind
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return "a tensor"
    if isinstance(value, frozenset):
        return "a set"
    if isinstance(value, tuple):  # to_data() makes tuples of lists
        return "a list or a tuple"
    return "a string" if isinstance(value, str) else with_article(type(value).__name__)


def difference(expected: Any, got: Any, what: str = "the result", names: tuple[str, ...] = ()) -> str | None:
    """Return how the form of a value differs (its type, length, shape or dtype), as a sentence; None if it does not.

    `names` are those of the values of a tuple.
    """
    if got is None and expected is not None:
        return f"{what} must be {kind(expected)}, got None. Does the function end with a return?"
    if isinstance(expected, Tensor):
        if not isinstance(got, Tensor):
            return f"{what} must be a tensor, got {kind(got)}"
        if got.shape != expected.shape:
            return f"{what} must have the shape {tuple(expected.shape)} instead of {tuple(got.shape)}"
        if got.dtype != expected.dtype:
            follows = ". Does it follow the input's dtype?" if expected.is_floating_point() else ""
            return f"{what} must have the dtype {expected.dtype} instead of {got.dtype}{follows}"
        return None
    if isinstance(expected, tuple):
        if not isinstance(got, tuple) or len(got) != len(expected):
            count = str(len(got)) if isinstance(got, tuple) else kind(got)
            return f"{what} must be {len(expected)} values, got {count}"
        for n, (wanted, value) in enumerate(zip(expected, got, strict=True), start=1):
            name = names[n - 1] if names else f"value {n} of {what}"
            if (part := difference(wanted, value, name)) is not None:
                return part
        return None
    got = scalar(got)
    if type(got) is type(expected) or (type(got), type(expected)) == (int, float):
        return None
    if (type(got), type(expected)) == (float, int):
        return f"{what} must be an integer, got the float {got:g}. Which operation makes floats of integers?"
    return f"{what} must be {kind(expected)}, got {kind(got)}"


def in_words(expected: Tensor, got: Tensor, masks: dict[str, Tensor] | None = None, factors: bool = True) -> str | None:
    """Return how a wrong tensor differs from the right one, as a predicate; None if that cannot be said in a few words.

    Args:
        expected: the right tensor.
        got: a wrong one of the same shape and dtype.
        masks: tensors of bools by their names; they may explain which entries are wrong.
        factors: whether a factor may be named; false if it is none in another case.
    """
    wrong = wrong_entries(expected, got)
    return (
        _transposed(expected, got)
        or (scaled(expected, got) if factors else None)
        or _shifted_by_a_constant(expected, got)
        or _masked(wrong, masks or {})
        or _triangle(wrong)
        or _moved(expected, got)
        or _one_part(wrong)
    )


def scaled(expected: Tensor, got: Tensor) -> str | None:
    """Return the sign or the factor by which a wrong tensor is off, as a predicate; None if there is none."""
    if expected.dtype == torch.bool:
        return "is True where it must be False, and False where it must be True" if _equal(~expected, got) else None
    if _equal(-expected, got):
        return "has the wrong sign"
    right, actual = expected.double().reshape(-1), got.double().reshape(-1)
    if not right.isfinite().all() or not actual.isfinite().all() or not right.any() or not actual.any():
        return None
    factor = (actual @ right / (right @ right)).item()
    simple = any(math.isclose(factor, each, rel_tol=1e-4) for k in (2, 3, 4, 10) for each in (k, 1 / k))
    shown = f"{factor:.4g}"
    if shown == "1" or not (_several(expected) or (simple and len(right) > 1)):
        return None
    if not torch.allclose(actual, factor * right, rtol=1e-4, atol=1e-7):
        return None
    return f"is right up to a factor: it is {shown} times what it should be"


def may_be_scaled(expected: Tensor, got: Tensor) -> bool:
    """Return whether a tensor is a multiple of the right one; one with few different entries always may be."""
    return not _several(expected) or scaled(expected, got) is not None


def transposed_shape(expected: Tensor, got: Tensor, trivially: bool = False) -> bool:
    """Return whether a tensor of another shape is right once two of its dimensions are exchanged.

    With a dimension of size 1, this says little, because a view does it as well; it counts only if `trivially` is true.
    """
    if expected.dim() != got.dim() or expected.dtype != got.dtype or sorted(expected.shape) != sorted(got.shape):
        return False
    pairs = [(i, j) for j in range(expected.dim()) for i in range(j)]
    pairs = [(i, j) for i, j in pairs if trivially or min(expected.shape[i], expected.shape[j]) > 1]
    return any(_equal(expected, got.transpose(i, j)) for i, j in pairs)


def permuted(expected: tuple, got: tuple, agree: Callable[[object, object], bool]) -> list[int] | None:
    """Return for each of several values the place at which the answer has it, if only their order is wrong."""
    places: list[int] = []
    for value in expected:
        place = next((n for n, each in enumerate(got) if n not in places and agree(value, each)), None)
        if place is None:
            return None
        places.append(place)
    return places if len(got) == len(expected) and places != sorted(places) else None


def _equal(expected: Tensor, got: Tensor) -> bool:
    return expected.shape == got.shape and not wrong_entries(expected, got).any()


def _transposed(expected: Tensor, got: Tensor) -> str | None:
    if expected.dim() < 2 or expected.shape[-1] != expected.shape[-2]:
        return None
    return "is the transpose of the right one" if _equal(expected, got.transpose(-2, -1)) else None


def _several(values: Tensor) -> bool:
    """Return whether entries differ: a single number is some multiple of every other one."""
    return values.unique().numel() > 2


def _shifted_by_a_constant(expected: Tensor, got: Tensor) -> str | None:
    if expected.dtype == torch.bool or not _several(expected):
        return None
    offset = got.double() - expected.double()
    if not torch.allclose(offset, offset.mean(), rtol=1e-4, atol=1e-6):
        return None
    size = "large" if offset.mean() > 0 else "small"
    return f"is right up to a constant: each entry is too {size} by {abs(offset.mean().item()):.4g}"


def _masked(wrong: Tensor, masks: dict[str, Tensor]) -> str | None:
    for name, mask in masks.items():
        for inside, value in ((mask, True), (~mask, False)):
            if mask.shape == wrong.shape and inside.any() and not wrong[inside].any():
                return f"is right where `{name}` is {value}, and wrong elsewhere"
    return None


def _parts(tensor: Tensor) -> tuple[tuple[int, str, str], ...]:
    """Return the dimensions whose parts have names, with a name of one part and of several."""
    return _OF_A_MATRIX if tensor.dim() > 1 else _OF_A_VECTOR if tensor.dim() == 1 else ()


def _moved(expected: Tensor, got: Tensor) -> str | None:
    """Return how the columns or rows have changed places."""
    for dim, one, many in _parts(expected):
        right, actual = expected.movedim(dim, 0), got.movedim(dim, 0)
        wrong = wrong_entries(right, actual).flatten(1).any(dim=1) if right.dim() > 1 else wrong_entries(right, actual)
        if len(right) < 3 or wrong.sum() < 2 or 2 * len(right.unique(dim=0)) <= len(right):
            continue  # equal rows, such as many zeros, show no order, and one row alone has not moved
        if _equal(right.flip(0), actual):
            return f"has the right {many} in reverse order"
        for when, a, b in (("late", right[:-1], actual[1:]), ("early", right[1:], actual[:-1])):
            if _equal(a, b):
                return f"has the right {many} one place too {when}"
        for when, a, b in (("late", right[1:-1], actual[2:]), ("early", right[2:], actual[1:-1])):
            if len(a) > 1 and _equal(a, b) and _equal(right[0], actual[0]):
                return f"has the right first {one}, and the others one place too {when}"
        order = permuted(tuple(right), tuple(actual), _equal)
        if order is not None:
            return f"has the right {many} in another order"
    return None


def _triangle(wrong: Tensor) -> str | None:
    """Return which side of the diagonal is wrong."""
    if wrong.dim() < 2 or wrong.shape[-1] != wrong.shape[-2] or wrong.shape[-1] < 2:
        return None
    above, below = wrong.triu(1).any(), wrong.tril(-1).any()
    on = wrong.diagonal(dim1=-2, dim2=-1).any()
    if above and not below and not on:
        return "is right up to the diagonal, and wrong above it"
    if below and not above and not on:
        return "is right from the diagonal upward, and wrong below it"
    if on and not above and not below:
        return "is wrong on the diagonal only"
    return None


def _one_part(wrong: Tensor) -> str | None:
    """Return the only row or column that is wrong, or the only one that is right."""
    for dim, one, _ in _parts(wrong):
        bad = wrong.movedim(dim, 0).flatten(1).any(dim=1) if wrong.dim() > 1 else wrong
        for verdict, these in (("wrong", bad), ("right", ~bad)):
            if len(bad) > 2 and int(these.sum()) == 1:
                return f"is {verdict} in {_named(int(these.int().argmax()), len(bad), one)} only"
    return None


def _named(index: int, n: int, one: str) -> str:
    return f"the first {one}" if index == 0 else f"the last {one}" if index == n - 1 else f"{one} {index} (from 0)"
