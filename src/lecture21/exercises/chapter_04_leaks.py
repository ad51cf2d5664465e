"""Exercises of chapter 04: a test that finds leaks, and `MASKS`, five masks to try it on."""

import math
import random

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 4.3


def _leaks(attend, x):
    """Return whether any output of `attend` depends on a later token.

    `attend` maps a tensor of shape (T, C), T at least 2, to one of the same shape. Change the
    last token only and compare the outputs before it; do not change `x` itself. Differences
    below 1e-5 are rounding.
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
    """Return the tokens, of which only the one before the last reads the last."""
    result = x.clone()
    result[-2] += 0.01 * x[-1]
    return result


def _rounded(x: Tensor) -> Tensor:
    """Return the means so far, with a rounding error that depends on the last token."""
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
    title="a test that finds leaks",
    solution=_leaks,
    cases=_leaks_cases,
)


@_LEAKS.mistake(
    looks="Everything leaks, the right mask too: the last output depends on the last token, as it must.",
    hint="the last output may depend on the last token. Which outputs must not?",
)
def _compares_the_last_output(attend, x):
    changed = x.clone()
    changed[-1] += 1
    return not torch.allclose(attend(x), attend(changed), atol=1e-5)


@_LEAKS.mistake(
    looks="Everything leaks that uses the past at all, since the first token is in everybody's past.",
    hint="you change the first token, and all later outputs may depend on it. Which token has no later output?",
)
def _changes_the_first_token(attend, x):
    changed = x.clone()
    changed[0] += 1
    return not torch.allclose(attend(x)[1:], attend(changed)[1:], atol=1e-5)


@_LEAKS.mistake(
    looks="Nothing leaks: both sides are computed from the same tensor, since `changed = x` copies nothing.",
    hint="`changed = x` is another name for the same tensor, so you compare it with itself, and x is changed. "
    "How do you copy a tensor?",
)
def _changes_the_input(attend, x):
    changed = x
    changed[-1] += 1
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(
    looks="A mask that lets a token attend to its successor only is not found: the first output is the same.",
    hint="you look at the first output only. A leak may be only in the last but one, as with mask B.",
)
def _looks_at_the_first_output(attend, x):
    changed = x.clone()
    changed[-1] += 1
    return not torch.allclose(attend(x)[0], attend(changed)[0], atol=1e-5)


# 4.4

MASKS = {"A": _mask_a, "B": _mask_b, "C": _mask_c, "D": _mask_d, "E": _mask_e}
"""Five ways to mask the scores; each maps a tensor of shape (T, C) to one of the same shape."""

_HUNT = Exercise(
    number="4.4",
    name="leaking",
    title="bug hunt: which of five masks leak?",
    solution=frozenset({"B", "C", "E"}),
    task='The letters of the functions in MASKS that leak, for example {"A", "B"}.',
)
_HUNT.wrong_value(
    "mask c missed",
    {"B", "E"},
    hint="one more leaks. Is there an attention whose weights on later tokens are 0, while the other weights of the "
    "row still depend on later scores?",
)
_HUNT.wrong_value(
    "mask d accused",
    {"B", "C", "D", "E"},
    hint="one of these does not leak. What is exp(-1000000000) in float32?",
)
_HUNT.wrong_value(
    "mask b missed",
    {"C", "E"},
    hint="one more leaks. Write the triangles as tables for three tokens: which has a True above the diagonal?",
)
_HUNT.wrong_value(
    "mask e missed",
    {"B", "C"},
    hint="one more leaks. One triangle says what is forbidden, and it forbids the past.",
)
_HUNT.wrong_value(
    "the opposite",
    {"A", "D"},
    hint="these are exactly the two that do not leak.",
)
