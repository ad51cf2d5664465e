"""Exercises of chapter 04: the causal mask."""

import math
import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal, rows_sum_to_one

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
    looks="Each token attends to itself and to all later tokens. The training loss falls far too fast.",
    hint="your mask is True above the diagonal. Row i is the query. Do keys with j > i come before or after it?",
)
def _later_tokens(n):
    return torch.ones(n, n, dtype=torch.bool).triu()


@_MASK.mistake(
    looks="The first row has no True, so its softmax is NaN.",
    hint="in your mask no token may attend to itself, so the first token has no key. What belongs on the diagonal?",
)
def _without_itself(n):
    return torch.ones(n, n, dtype=torch.bool).tril(-1)


@_MASK.mistake(
    looks="Each token also attends to the next one, which is its target. The training loss falls toward 0.",
    hint="each row has one True too many: token i attends to token i + 1, which it has to predict.",
)
def _one_too_far(n):
    return torch.ones(n, n, dtype=torch.bool).tril(1)


@_MASK.mistake(
    looks="This is the convention of nn.MultiheadAttention, where True means that attention is forbidden.",
    hint="your mask is True where attention is forbidden, as in nn.MultiheadAttention. Here True means allowed.",
)
def _forbidden(n):
    return torch.ones(n, n, dtype=torch.bool).triu(1)


@_MASK.mistake(
    looks="The printed numbers are right, but `~mask` raises an error for floats, and adding 0 or 1 masks nothing.",
    hint="the triangle is right, but its entries are floats. Which dtype holds True and False?",
)
def _ones_and_zeros(n):
    return torch.ones(n, n).tril()


# 4.2


def _masked_weights(scores, mask):
    """Return attention weights: the softmax over the keys where `mask` is True, and 0 elsewhere.

    `scores` and `mask` have the shape (T, S), and each row of `mask` contains at least one True.
    The weights have the dtype of `scores`. Do not modify `scores`.
    """
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1)


def _weights_cases(rng: random.Random) -> list[Case]:
    t, s = rng.randint(3, 4), rng.randint(5, 6)
    random_mask = normal(rng, t, s) > 0
    random_mask[:, rng.randrange(s)] = True
    triangle = torch.ones(5, 5, dtype=torch.bool).tril()
    return [
        Case((normal(rng, 1, 1), triangle[:1, :1]), "T = 1"),
        Case((normal(rng, 2, 2), triangle[:2, :2]), "T = 2 with the causal mask"),
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
    properties=(
        ("no entry may be NaN", lambda arguments, weights: not weights.isnan().any()),
        (
            "a key that is masked must have the weight 0, however small the other scores are",
            lambda arguments, weights: not weights[~arguments[1]].any(),
        ),
        ("each row must sum to 1", lambda arguments, weights: rows_sum_to_one(weights)),
    ),
)


@_WEIGHTS.mistake(
    looks="The upper triangle is 0, but rows sum to less than 1 and still depend on later tokens.",
    hint="rows sum to less than 1, because the denominator of the softmax still includes masked scores. Which score, "
    "set before the softmax, gives a weight of 0?",
)
def _after_the_softmax(scores, mask):
    return scores.softmax(dim=-1) * mask


@_WEIGHTS.mistake(
    looks="Masked keys still get as much weight as a key whose score is 0.",
    hint="masked keys still get weight, since exp(0) = 1. For which score is exp(score) equal to 0?",
)
def _zero_before_the_softmax(scores, mask):
    return scores.masked_fill(~mask, 0.0).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="The forbidden keys get all the weight, so the model attends to its targets.",
    hint="the allowed keys have weight 0 and the forbidden ones share the rest. masked_fill replaces entries where its "
    "argument is True: where is yours True?",
)
def _filled_the_allowed(scores, mask):
    return scores.masked_fill(mask, -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="The weights are right, but `scores` now contains -inf, and so does every later plot or computation with it.",
    hint="the weights are right, but you modified `scores`. What does the underscore in a method such as add_ mean?",
)
def _in_place(scores, mask):
    return scores.masked_fill_(~mask, -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="NaN everywhere: 0 times infinity is NaN where attention is allowed, and the softmax spreads it over rows.",
    hint="your result contains NaN. What is 0 times infinity? Replace entries instead of multiplying.",
)
def _multiplied_by_infinity(scores, mask):
    return (scores + (~mask).to(scores.dtype) * -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="The weights are right while all scores are far above -100. With scores near -5000, the masked keys get all.",
    hint="a number such as -100 removes a key only if other scores are much larger. Which number is below all scores?",
)
def _minus_100(scores, mask):
    return scores.masked_fill(~mask, -100.0).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="The columns of the weights sum to 1 instead of the rows.",
    hint="your columns sum to 1. Each row belongs to one query: over which dimension must the softmax run?",
)
def _softmax_over_queries(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=0)
