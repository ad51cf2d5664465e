"""Exercises of chapter 04: a test for leaks, and `MASKS`, five attention layers to apply it to."""

import math
import random
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 4.3


def _leaks(attend, x):
    """Return whether changing the last token of `x` changes any earlier output of `attend`.

    `attend` maps a tensor of shape (T, C) with T >= 2 to one with T rows. Replace the last token
    by random numbers, without modifying `x`. Ignore differences up to 1e-5, which may be rounding.
    """
    changed = x.clone()
    changed[-1] = torch.randn_like(x[-1])
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


def _mask_a(x: Tensor) -> Tensor:
    scores = x @ x.T / math.sqrt(x.shape[-1])
    mask = torch.ones(len(x), len(x), dtype=torch.bool).tril()
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1) @ x


def _mask_b(x: Tensor) -> Tensor:
    scores = x @ x.T / math.sqrt(x.shape[-1])
    mask = torch.ones(len(x), len(x), dtype=torch.bool).tril(1)
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1) @ x


def _mask_c(x: Tensor) -> Tensor:
    scores = x @ x.T / math.sqrt(x.shape[-1])
    mask = torch.ones(len(x), len(x), dtype=torch.bool).tril()
    return (scores.softmax(dim=-1) * mask) @ x


def _mask_d(x: Tensor) -> Tensor:
    scores = x @ x.T / math.sqrt(x.shape[-1])
    mask = torch.ones(len(x), len(x), dtype=torch.bool).tril()
    return scores.masked_fill(~mask, -1e9).softmax(dim=-1) @ x


def _mask_e(x: Tensor) -> Tensor:
    scores = x @ x.T / math.sqrt(x.shape[-1])
    mask = torch.ones(len(x), len(x), dtype=torch.bool).tril(-1)
    return scores.masked_fill(mask, -math.inf).softmax(dim=-1) @ x


def _running_mean(x: Tensor) -> Tensor:
    return x.cumsum(dim=0) / torch.arange(1, len(x) + 1)[:, None]


def _first_token(x: Tensor) -> Tensor:
    return x[:1].expand_as(x).clone()


def _share_of_all(x: Tensor) -> Tensor:
    return x.cumsum(dim=0) / len(x)


def _rounded(x: Tensor) -> Tensor:
    """Return the running means without their first component, with a rounding error that depends on the last token."""
    return _running_mean(x) * (torch.arange(x.shape[1]) > 0) + 4e-6 * (1000 * x[-1].sum()).round().sin()


def _peeks(shares: tuple[float, ...], x: Tensor) -> Tensor:
    """Return the tokens, with small shares of the last one added to the first ones."""
    result = x.clone()
    for n, share in enumerate(shares):
        result[n : n + 1] += share * x[-1]
    return result


def _next_to_last_peeks(x: Tensor) -> Tensor:
    result = x.clone()
    result[-2:-1] += 0.01 * x[-1]
    return result


def _shifts_the_first(sign: int, x: Tensor) -> Tensor:
    """Return the tokens, with one number that depends on the last one added to the components of the first."""
    result = x.clone()
    result[:1] += sign * x[-1] @ torch.arange(1.0, x.shape[1] + 1)
    return result


def _unmasked_after_a_norm(x: Tensor) -> Tensor:
    x = 0.3 * F.layer_norm(x, x.shape[1:], eps=1e-12)  # small, so that every token gets some weight
    return (x @ x.T).softmax(dim=-1) @ x * torch.arange(1.0, x.shape[1] + 1)


def _a_hundred_times(attend: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return 100 * attend(x)


# These are sent to another process, so they are no inner functions.
_first_peeks, _opposite = partial(_peeks, (0.01,)), partial(_peeks, (0.01, -0.01))
_loud_c = partial(_a_hundred_times, _mask_c)  # a difference below the tolerance is improbable
_shifts_up, _shifts_down = partial(_shifts_the_first, 1), partial(_shifts_the_first, -1)
_BLIND = (
    "a LayerNorm removes a number that is added to all components, and a factor. Replace the token by random numbers"
)
_SIGNED = "differences may be negative, and may cancel in a sum. Does your test use their absolute values?"
_LENGTH = "this layer depends on the number of tokens. Change the last token instead of removing it"
_ROUNDING = "differences up to 1e-5 are rounding. Which is the largest that your comparison allows for?"
_EXPLAINED = {
    _unmasked_after_a_norm: _BLIND,
    _shifts_up: _SIGNED,
    _shifts_down: _SIGNED,
    _opposite: _SIGNED,
    _share_of_all: _LENGTH,
    _rounded: _ROUNDING,
}


def _leaks_cases(rng: random.Random) -> list[Case]:
    x = 0.5 * normal(rng, rng.randint(4, 6), rng.randint(2, 4))
    pair, wide = normal(rng, 2, 3), normal(rng, 4, 8)
    return [
        Case((_running_mean, pair), "the mean of the tokens so far, T = 2"),
        Case((_next_to_last_peeks, pair), "an output that takes a hundredth of the next token, T = 2"),
        Case((_first_token, x), "a copy of the first token at every position"),
        Case((_rounded, x), "the mean of the tokens so far, with rounding errors"),
        Case((_mask_a, x), "mask A"),
        Case((_mask_b, x), "mask B"),
        Case((_loud_c, x), "a hundred times the output of mask C"),
        Case((_mask_d, x), "mask D"),
        Case((_mask_e, x), "mask E"),
        Case((_next_to_last_peeks, x), "an output that takes a hundredth of the next token"),
        Case((_first_peeks, x), "a first output that takes a hundredth of the last token"),
        Case((_opposite, x), "two outputs that take a hundredth of the last token, with opposite signs"),
        # A test without absolute values finds each of these leaks with a probability of one half.
        *4 * [Case((_shifts_up, x), "a first output that grows with the last token")],
        *4 * [Case((_shifts_down, x), "a first output that falls with the last token")],
        Case((_share_of_all, x), "the sum of the tokens so far, divided by T"),
        Case((_unmasked_after_a_norm, wide), "attention without a mask, after a LayerNorm"),
    ]


_LEAKS = Exercise(
    number="4.3",
    name="leaks",
    title="a test for leaks",
    solution=_leaks,
    cases=_leaks_cases,
    properties=(
        *(
            (sentence, lambda arguments, result, attend=attend: arguments[0] is not attend)
            for attend, sentence in _EXPLAINED.items()
        ),
        (
            "this layer leaks, and your test returns False. Does it compare every output except the last, by absolute "
            "differences?",
            lambda arguments, result: result,
        ),
        ("this layer does not leak, and your test returns True", lambda arguments, result: not result),
    ),
)


@_LEAKS.mistake(
    looks="A model with a LayerNorm before its attention never seems to leak, not even without a mask.",
    hint="a LayerNorm subtracts the mean of the components, so it removes a number that is added to all of them. Which "
    "change does no layer remove?",
)
def _adds_the_same_number(attend, x):
    changed = x.clone()
    changed[-1] += 1
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(
    looks="Layers with the right mask seem to leak, and layers without a mask do not.",
    hint="you return True if the earlier outputs agree. Does a layer leak if they agree or if they differ?",
)
def _true_if_equal(attend, x):
    changed = x.clone()
    changed[-1] = torch.randn_like(x[-1])
    return torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(
    looks="A layer that divides by the number of tokens seems to leak, although it uses no later token.",
    hint="you remove the last token, but the task is to change it: a layer may depend on the number of tokens.",
)
def _removes_the_last_token(attend, x):
    return not torch.allclose(attend(x)[:-1], attend(x[:-1]), atol=1e-5)


@_LEAKS.mistake(
    looks="Every layer seems to leak, even with the right mask, because the last output depends on the last token.",
    hint="the last output is allowed to depend on the last token. Which outputs are not?",
)
def _compares_the_last_output(attend, x):
    changed = x.clone()
    changed[-1] = torch.randn_like(x[-1])
    return not torch.allclose(attend(x), attend(changed), atol=1e-5)


@_LEAKS.mistake(
    looks="Every layer that uses the past seems to leak, because the first token is in the past of all others.",
    hint="you change the first token, and all later outputs may depend on it. Which token has no later outputs?",
)
def _changes_the_first_token(attend, x):
    changed = x.clone()
    changed[0] = torch.randn_like(x[0])
    return not torch.allclose(attend(x)[1:], attend(changed)[1:], atol=1e-5)


@_LEAKS.mistake(
    looks="No layer seems to leak: both outputs are computed from the same tensor, since `changed = x` makes no copy.",
    hint="`changed = x` is a second name for the same tensor, so you modify x and compare it with itself. How do you "
    "copy a tensor?",
)
def _changes_the_input(attend, x):
    changed = x
    changed[-1] = torch.randn_like(x[-1])
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(
    looks="A leak at a later position is missed, because only the first output is compared.",
    hint="you compare the first output only. With mask B, only the output just before the last one changes.",
)
def _looks_at_the_first_output(attend, x):
    changed = x.clone()
    changed[-1] = torch.randn_like(x[-1])
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
    "all accused",
    {"A", "B", "C", "D", "E"},
    hint="apply `leaks` to each of them with a random x. For two it returns False.",
)
_HUNT.wrong_value(
    "the opposite",
    {"A", "D"},
    hint="these are exactly the two layers that do not leak.",
)
