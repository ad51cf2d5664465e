"""Exercises of chapter 04: the causal mask, a test for leaks, and padding."""

import math
import random
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.course.exercises.answers.probes import at, hint_of, watching
from lecture21.course.exercises.exercise import Case, Exercise, normal, rows_sum_to_one

# 4.1


def _causal_mask(n):
    """Return the causal mask for n tokens: a tensor of dtype bool and shape (n, n).

    Entry (i, j) is True if query i may attend to key j, that is, to itself or an earlier token.
    """
    return torch.ones(n, n, dtype=torch.bool).tril()


_MASK = Exercise(
    number="4.1",
    name="causal_mask",
    title="the causal mask",
    solution=_causal_mask,
    cases=lambda rng: [Case((n,), f"n = {n}") for n in (1, 2, rng.randint(3, 6), rng.randint(7, 12))],
    properties=(
        (
            "each token must be allowed to attend to itself, or the first row has no key",
            lambda arguments, mask: bool(mask.diagonal().all()),
        ),
        ("no token may attend to a later one", lambda arguments, mask: not mask.triu(1).any()),
        (
            "each token must be allowed to attend to all earlier ones",
            lambda arguments, mask: torch.equal(mask.tril(), torch.ones_like(mask).tril()),
        ),
    ),
)


@_MASK.mistake(
    hint="your mask is True above the diagonal. Row i is the query. Do keys with j > i come before or after it?"
)
def _later_tokens(n):
    return torch.ones(n, n, dtype=torch.bool).triu()


@_MASK.mistake(
    hint="in your mask no token may attend to itself, so the first token has no key. What belongs on the diagonal?"
)
def _without_itself(n):
    return torch.ones(n, n, dtype=torch.bool).tril(-1)


@_MASK.mistake(hint="each row has one True too many: token i attends to token i + 1, which it has to predict.")
def _one_too_far(n):
    return torch.ones(n, n, dtype=torch.bool).tril(1)


@_MASK.mistake(
    hint="your mask is True where attention is forbidden, as in nn.MultiheadAttention. Here True means allowed."
)
def _forbidden(n):
    return torch.ones(n, n, dtype=torch.bool).triu(1)


@_MASK.mistake(hint="the triangle is right, but its entries are floats. Which dtype holds True and False?")
def _ones_and_zeros(n):
    return torch.ones(n, n).tril()


# 4.2


def _masked_weights(scores, mask):
    """Return attention weights: the softmax over the keys where `mask` is True, and 0 elsewhere.

    `scores` and `mask` have the shape (T, S), and each row of `mask` contains at least one True.
    The weights have the dtype of `scores`, and a gradient with respect to them. Do not modify
    `scores`.
    """
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1)


_FAR_ABOVE = Case(
    (torch.tensor([[0.0, 200.0]]), torch.tensor([[True, False]])), "a masked score of 200 beside one of 0"
)


def _weights_cases(rng: random.Random) -> list[Case]:
    t, s = rng.randint(3, 4), rng.randint(5, 6)
    random_mask = normal(rng, t, s) > 0
    random_mask[:, rng.randrange(s)] = True
    triangle = torch.ones(5, 5, dtype=torch.bool).tril()
    return [
        Case((normal(rng, 1, 1), triangle[:1, :1]), "T = 1"),
        Case((normal(rng, 2, 2), triangle[:2, :2]), "T = 2 with the causal mask"),
        _FAR_ABOVE,
        Case((normal(rng, 5, 5) - 5000, triangle), "T = 5, scores near -5000"),
        Case((normal(rng, t, s), random_mask), f"shape ({t}, {s}) with a mask of another form"),
        Case((normal(rng, 5, 5, dtype=torch.float64), triangle), "float64 scores"),
    ]


_WEIGHTS = Exercise(
    number="4.2",
    name="masked_weights",
    title="mask before the softmax",
    solution=_masked_weights,
    cases=_weights_cases,
    differentiable=("scores",),
    properties=(
        (
            "your weights are the softmax of all scores, as without a mask. Do you use what masked_fill returns?",
            lambda arguments, weights: (
                bool(arguments[1].all()) or not torch.allclose(weights, arguments[0].softmax(dim=-1))
            ),
        ),
        (
            "no entry may be NaN. Do you compute e^score yourself? e^200 is infinite in float32, and infinity times 0 "
            "is NaN: remove a masked score before the exponential",
            lambda arguments, weights: arguments[0].max() < 200 or not weights.isnan().any(),
        ),
        (
            "no entry may be NaN. Do you compute e^score yourself? e^(-5000) is 0 in float32, and 0 / 0 is NaN: first "
            "subtract from each row its largest score",
            lambda arguments, weights: arguments[0].max() > -4000 or not weights.isnan().any(),
        ),
        ("no entry may be NaN", lambda arguments, weights: not weights.isnan().any()),
        (
            "a key that is masked must have the weight 0, however small the other scores are",
            lambda arguments, weights: not weights[~arguments[1]].any(),
        ),
        ("each row must sum to 1", lambda arguments, weights: rows_sum_to_one(weights)),
    ),
)


@_WEIGHTS.mistake(
    hint="rows sum to less than 1, because the denominator of the softmax still includes masked scores. Which score, "
    "set before the softmax, gives a weight of 0?",
)
def _after_the_softmax(scores, mask):
    return scores.softmax(dim=-1) * mask


@_WEIGHTS.mistake(
    hint="a masked score of 200 beside an allowed one of 0 gives NaN: the weights that you keep are all 0 before you "
    "divide by their sum. In which step must the masked score be removed, so that it cannot dominate?",
)
def _renormalized(scores, mask):
    weights = scores.softmax(dim=-1) * mask
    return weights / weights.sum(dim=-1, keepdim=True)


@_WEIGHTS.mistake(
    hint="the weights are right, but no gradient passes back to `scores`, so queries and keys cannot be trained. Which "
    "operation cuts the graph (detach, item, numpy, torch.tensor, no_grad)?",
)
def _without_a_gradient(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1).detach()


@_WEIGHTS.mistake(hint="masked keys still get weight, since exp(0) = 1. For which score is exp(score) equal to 0?")
def _zero_before_the_softmax(scores, mask):
    return scores.masked_fill(~mask, 0.0).softmax(dim=-1)


@_WEIGHTS.mistake(
    hint="the allowed keys have weight 0 and the forbidden ones share the rest. masked_fill replaces entries where its "
    "argument is True: where is yours True?",
)
def _filled_the_allowed(scores, mask):
    return scores.masked_fill(mask, -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(
    hint="the weights are right, but you modified `scores`: an assignment to `scores[...]` writes into it, and so does "
    "a method with an underscore at its end.",
)
def _in_place(scores, mask):
    return scores.masked_fill_(~mask, -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(hint="your result contains NaN. What is 0 times infinity? Replace entries instead of multiplying.")
def _multiplied_by_infinity(scores, mask):
    return (scores + (~mask).to(scores.dtype) * -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(
    hint="a number such as -100 removes a key only if other scores are much larger. Which number is below all scores?"
)
def _minus_100(scores, mask):
    return scores.masked_fill(~mask, -100.0).softmax(dim=-1)


@_WEIGHTS.mistake(
    hint="your columns sum to 1. Each row belongs to one query: over which dimension must the softmax run?"
)
def _softmax_over_queries(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=0)


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


def _first_peeks(x: Tensor) -> Tensor:
    """Return the tokens, with a small share of the last one added to the first."""
    result = x.clone()
    result[:1] += 0.01 * x[-1]
    return result


def _next_to_last_peeks(x: Tensor) -> Tensor:
    result = x.clone()
    result[-2:-1] += 0.01 * x[-1]
    return result


def _unmasked_after_a_norm(x: Tensor) -> Tensor:
    x = 0.3 * F.layer_norm(x, x.shape[1:], eps=1e-12)  # small, so that every token gets some weight
    return (x @ x.T).softmax(dim=-1) @ x * torch.arange(1.0, x.shape[1] + 1)


def _a_hundred_times(attend: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return 100 * attend(x)


_loud_c = partial(_a_hundred_times, _mask_c)  # a difference below the tolerance is improbable
_BLIND = (
    "a LayerNorm removes a number that is added to all components, and a factor. Replace the token by random numbers"
)
_LENGTH = "this layer depends on the number of tokens. Change the last token instead of removing it"
_EXPLAINED = {_unmasked_after_a_norm: _BLIND, _share_of_all: _LENGTH}
_SIGNED = "differences may be negative, and may cancel in a sum. Does your test use their absolute values?"
_ROUNDING = "differences up to 1e-5 are rounding. Which is the largest that your comparison allows for?"
_ONE_SOURCE = "this layer depends on one number of the last token only. Does your test replace all of them?"
_REPEATED = "all tokens are equal here, and your test finds no leak. Does it replace the last token by a new one?"
_ONE_RESULT = "only one number of one earlier output changes here. Does your test compare all of them?"
_SAME_NUMBERS = (
    "the numbers of each output change places here, which no sum, mean or norm shows. Compare number by number"
)
_SMALL = "an earlier output changes by 0.00005 here, which is no rounding error. Does a mean hide it, or a tolerance?"
_OF_PROBES = (_SIGNED, _ROUNDING, _ONE_SOURCE, _REPEATED, _ONE_RESULT, _SAME_NUMBERS, _SMALL)


def _leaks_cases(rng: random.Random) -> list[Case]:
    t, c = rng.randint(4, 6), rng.randint(3, 4)
    x = 0.5 * normal(rng, t, c)
    row, column = rng.randrange(t - 1), rng.randrange(c)
    x[row, column] = 1.0
    pair, wide = normal(rng, 2, 3), normal(rng, 4, 8)
    at_zero = torch.cat([wide[:-1], torch.zeros(1, 8)])
    repeated = ((64 * x[:1]).round() / 64).repeat(t, 1)  # so that even its mean is exactly the same
    earlier = torch.ones(t, c)
    earlier[-1] = 0.0
    both_signs = earlier.clone()
    both_signs[1:] *= -1
    opposite = both_signs.clone()
    opposite[2:] = 0.0

    def probe(change: Tensor, hint: str, about: str, x: Tensor = x, source: int = 0, **options: float) -> Case:
        """Return a case in which the outputs change by `change` with number `source` of the last token."""
        return Case((watching(x, -1, source, change, hint, **options), x), f"a layer {about} with the last token")

    return [
        Case((_running_mean, pair), "the mean of the tokens so far, T = 2"),
        Case((_next_to_last_peeks, pair), "an output that takes a hundredth of the next token, T = 2"),
        Case((_first_token, x), "a copy of the first token at every position"),
        probe(at(x, row, column, 8e-6), _ROUNDING, "whose rounding errors change", share=0.0, slope=0.0),
        Case((_mask_a, x), "mask A"),
        Case((_mask_b, x), "mask B"),
        Case((_loud_c, x), "a hundred times the output of mask C"),
        Case((_mask_d, x), "mask D"),
        Case((_mask_e, x), "mask E"),
        Case((_next_to_last_peeks, x), "an output that takes a hundredth of the next token"),
        Case((_first_peeks, x), "a first output that takes a hundredth of the last token"),
        Case((_share_of_all, x), "the sum of the tokens so far, divided by T"),
        Case((_unmasked_after_a_norm, wide), "attention without a mask, after a LayerNorm"),
        Case((_unmasked_after_a_norm, at_zero), "attention without a mask, after a LayerNorm, with a last token of 0"),
        *(probe(both_signs, _ONE_SOURCE, f"whose outputs change with number {n}", source=n) for n in range(c)),
        probe(both_signs, _REPEATED, "whose outputs change", repeated),
        probe(earlier, _SIGNED, "whose outputs grow"),
        probe(-earlier, _SIGNED, "whose outputs fall"),
        probe(opposite, _SIGNED, "whose first two outputs change with opposite signs"),
        probe(earlier * (x.roll(1, -1) - x), _SAME_NUMBERS, "whose outputs have their numbers in another order"),
        # Each row before the last and each column changes in some case.
        *(
            probe(at(x, n % (t - 1), n % c), _ONE_RESULT, f"whose output {n % (t - 1)} changes in number {n % c}")
            for n in range(max(t - 1, c))
        ),
        *(
            probe(at(x, row, column, 5e-5), _SMALL, "with an output that grows by 0.00005", share=share)
            for share in (0.0, 1.0)
        ),
    ]


_LEAKS = Exercise(
    number="4.3",
    name="leaks",
    title="a test for leaks",
    solution=_leaks,
    cases=_leaks_cases,
    random=True,
    properties=(
        *(
            (sentence, lambda arguments, result, attend=attend: arguments[0] is not attend)
            for attend, sentence in _EXPLAINED.items()
        ),
        *((hint, lambda arguments, result, hint=hint: hint_of(arguments[0]) != hint) for hint in _OF_PROBES),
        (
            "this layer leaks, and your test returns False. Does it compare every output except the last, by absolute "
            "differences?",
            lambda arguments, result: result,
        ),
        ("this layer does not leak, and your test returns True", lambda arguments, result: not result),
    ),
)


@_LEAKS.mistake(
    hint="a LayerNorm subtracts the mean of the components, so it removes a number that is added to all of them. Which "
    "change does no layer remove?",
)
def _adds_the_same_number(attend, x):
    changed = x.clone()
    changed[-1] += 1
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(hint="you return True if the earlier outputs agree. Does a layer leak if they agree or if they differ?")
def _true_if_equal(attend, x):
    changed = x.clone()
    changed[-1] = torch.randn_like(x[-1])
    return torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(
    hint="you remove the last token, but the task is to change it: a layer may depend on the number of tokens."
)
def _removes_the_last_token(attend, x):
    return not torch.allclose(attend(x)[:-1], attend(x[:-1]), atol=1e-5)


@_LEAKS.mistake(hint="the last output is allowed to depend on the last token. Which outputs are not?")
def _compares_the_last_output(attend, x):
    changed = x.clone()
    changed[-1] = torch.randn_like(x[-1])
    return not torch.allclose(attend(x), attend(changed), atol=1e-5)


@_LEAKS.mistake(
    hint="you change the first token, and all later outputs may depend on it. Which token has no later outputs?"
)
def _changes_the_first_token(attend, x):
    changed = x.clone()
    changed[0] = torch.randn_like(x[0])
    return not torch.allclose(attend(x)[1:], attend(changed)[1:], atol=1e-5)


@_LEAKS.mistake(
    hint="`changed = x` is a second name for the same tensor, so you modify x and compare it with itself. How do you "
    "copy a tensor?",
)
def _changes_the_input(attend, x):
    changed = x
    changed[-1] = torch.randn_like(x[-1])
    return not torch.allclose(attend(x)[:-1], attend(changed)[:-1], atol=1e-5)


@_LEAKS.mistake(
    hint="you compare the first output only. With mask B, only the output just before the last one changes."
)
def _looks_at_the_first_output(attend, x):
    changed = x.clone()
    changed[-1] = torch.randn_like(x[-1])
    return not torch.allclose(attend(x)[0], attend(changed)[0], atol=1e-5)


# 4.4

MASKS = {"A": _mask_a, "B": _mask_b, "C": _mask_c, "D": _mask_d, "E": _mask_e}
"""Five attention layers with different masks; each maps a tensor of shape (T, C) to one of the same shape."""

_LEAKING = frozenset({"B", "C", "E"})

_HUNT = Exercise(
    number="4.4",
    name="leaking",
    title="bug hunt: which of five masks leak?",
    solution=_LEAKING,
    task='The set of letters in MASKS whose layers leak, for example {"A", "B"}.',
    properties=(
        (
            "MASKS has other keys. Which letters does `list(MASKS)` show?",
            lambda arguments, letters: letters <= set(MASKS),
        ),
        ("at least one of the layers that you name does not leak", lambda arguments, letters: letters <= _LEAKING),
        ("at least one more layer leaks", lambda arguments, letters: letters >= _LEAKING),
    ),
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
