"""Exercises of chapter 04: a test for leaks, and `MASKS`, five attention layers to apply it to."""

import math
import random

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 4.3


def _leaks(attend, x):
    """Return whether changing the last token of `x` changes any earlier output of `attend`.

    `attend` maps a tensor of shape (T, C) with T >= 2 to one with T rows. Do not modify `x`.
    Ignore differences up to 1e-5, which may be rounding.
    """
    changed = x.clone()
    changed[-1] += 1
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


def _scores(x: Tensor) -> Tensor:
    return x @ x.T / math.sqrt(x.shape[-1])


def _triangle(x: Tensor, diagonal: int = 0) -> Tensor:
    return torch.ones(len(x), len(x), dtype=torch.bool).tril(diagonal)


def _mask_a(x: Tensor) -> Tensor:
    return _scores(x).masked_fill(~_triangle(x), -math.inf).softmax(dim=-1) @ x


def _mask_b(x: Tensor) -> Tensor:
    return _scores(x).masked_fill(~_triangle(x, 1), -math.inf).softmax(dim=-1) @ x


def _mask_c(x: Tensor) -> Tensor:
    return (_scores(x).softmax(dim=-1) * _triangle(x)) @ x


def _mask_d(x: Tensor) -> Tensor:
    return _scores(x).masked_fill(~_triangle(x), -1e9).softmax(dim=-1) @ x


def _mask_e(x: Tensor) -> Tensor:
    return _scores(x).masked_fill(_triangle(x, -1), -math.inf).softmax(dim=-1) @ x


def _running_mean(x: Tensor) -> Tensor:
    return x.cumsum(dim=0) / torch.arange(1, len(x) + 1)[:, None]


def _first_token(x: Tensor) -> Tensor:
    return x[:1].expand_as(x).clone()


def _next_to_last_peeks(x: Tensor) -> Tensor:
    """Return the tokens, with a little of the last one added to the one before it."""
    result = x.clone()
    result[-2] += 0.01 * x[-1]
    return result


def _rounded(x: Tensor) -> Tensor:
    """Return the running means, with a rounding error that depends on the last token."""
    return _running_mean(x) + 1e-7 * x[-1].sum().sign()


def _leaks_cases(rng: random.Random) -> list[Case]:
    x = normal(rng, rng.randint(4, 6), rng.randint(2, 4))
    pair = normal(rng, 2, 3)
    return [
        Case((_running_mean, pair), "the mean of the tokens so far, T = 2"),
        Case((_next_to_last_peeks, pair), "an output that takes a hundredth of the next token, T = 2"),
        Case((_first_token, x), "a copy of the first token at every position"),
        Case((_rounded, x), "the mean of the tokens so far, with rounding errors"),
        Case((_mask_a, x), "mask A"),
        Case((_mask_b, x), "mask B"),
        Case((_mask_c, x), "mask C"),
        Case((_mask_d, x), "mask D"),
        Case((_mask_e, x), "mask E"),
        Case((_next_to_last_peeks, x), "an output that takes a hundredth of the next token"),
    ]


_LEAKS = Exercise(
    number="4.3",
    name="leaks",
    title="a test for leaks",
    solution=_leaks,
    cases=_leaks_cases,
)


@_LEAKS.mistake(
    looks="Every layer seems to leak, even with the right mask, because the last output depends on the last token.",
    hint="the last output is allowed to depend on the last token. Which outputs are not?",
)
def _compares_the_last_output(attend, x):
    changed = x.clone()
    changed[-1] += 1
    return not torch.allclose(attend(x), attend(changed), atol=1e-5)


@_LEAKS.mistake(
    looks="Every layer that uses the past seems to leak, because the first token is in the past of all others.",
    hint="you change the first token, and all later outputs may depend on it. Which token has no later outputs?",
)
def _changes_the_first_token(attend, x):
    changed = x.clone()
    changed[0] += 1
    return not torch.allclose(attend(x)[1:], attend(changed)[1:], atol=1e-5)


@_LEAKS.mistake(
    looks="No layer seems to leak: both outputs are computed from the same tensor, since `changed = x` makes no copy.",
    hint="`changed = x` is a second name for the same tensor, so you modify x and compare it with itself. How do you "
    "copy a tensor?",
)
def _changes_the_input(attend, x):
    changed = x
    changed[-1] += 1
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(
    looks="A leak at a later position is missed, because only the first output is compared.",
    hint="you compare the first output only. With mask B, only the output just before the last one changes.",
)
def _looks_at_the_first_output(attend, x):
    changed = x.clone()
    changed[-1] += 1
    return not torch.allclose(attend(x)[0], attend(changed)[0], atol=1e-5)


# 4.4

MASKS = {"A": _mask_a, "B": _mask_b, "C": _mask_c, "D": _mask_d, "E": _mask_e}
"""Five attention layers with different masks; each maps a tensor of shape (T, C) to one of the same shape."""

_HUNT = Exercise(
    number="4.4",
    name="leaking",
    title="bug hunt: which of five masks leak?",
    solution=frozenset({"B", "C", "E"}),
    task='The set of letters in MASKS whose layers leak, for example {"A", "B"}.',
)
_HUNT.wrong_value(
    "mask c missed",
    {"B", "E"},
    hint="one more layer leaks. In which one are the weights of later tokens 0 while other weights of the row still "
    "depend on later scores?",
)
_HUNT.wrong_value(
    "mask d accused",
    {"B", "C", "D", "E"},
    hint="one of these does not leak. What is exp(-1000000000) in float32?",
)
_HUNT.wrong_value(
    "mask b missed",
    {"C", "E"},
    hint="one more layer leaks. Write down each triangle for three tokens: which one has a True above the diagonal?",
)
_HUNT.wrong_value(
    "mask e missed",
    {"B", "C"},
    hint="one more layer leaks. In one of them the triangle marks what is forbidden, and it forbids the past.",
)
_HUNT.wrong_value(
    "the opposite",
    {"A", "D"},
    hint="these are exactly the two layers that do not leak.",
)
