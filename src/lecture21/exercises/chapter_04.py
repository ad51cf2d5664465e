"""Exercises of chapter 04: the causal mask."""

import math
import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal, rows_sum_to_one

# 4.1


def _causal_mask(n):
    """Return the causal mask for n tokens, a tensor of bools of shape (n, n).

    Entry (i, j) is True where query i may attend to key j: to itself and to everything before it.
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
            "each token must be allowed to attend to itself, or its row has nothing to attend to",
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
    looks="Each token attends to itself and to everything after it. In training the loss falls far too fast.",
    hint="your mask is True above the diagonal. Row i is the query: which keys j come before it, those with j > i?",
)
def _later_tokens(n):
    return torch.ones(n, n, dtype=torch.bool).triu()


@_MASK.mistake(
    looks="The first row has no True at all, and its softmax is NaN.",
    hint="no token may attend to itself in your mask, so the first one attends to nothing. What is on the diagonal?",
)
def _without_itself(n):
    return torch.ones(n, n, dtype=torch.bool).tril(-1)


@_MASK.mistake(
    looks="Each token also attends to the next one, which is its answer. The loss falls toward 0.",
    hint="each row has one True too many: token i attends to token i + 1, which is what it must predict.",
)
def _one_too_far(n):
    return torch.ones(n, n, dtype=torch.bool).tril(1)


@_MASK.mistake(
    looks="The mask of nn.MultiheadAttention, where True means that attention is forbidden.",
    hint="your mask is True where attention is forbidden, as in nn.MultiheadAttention. Here True means allowed.",
)
def _forbidden(n):
    return torch.ones(n, n, dtype=torch.bool).triu(1)


@_MASK.mistake(
    looks="Looks right when printed. `~mask` raises for floats, and as an additive mask it forbids nothing.",
    hint="the triangle is right, but its entries are numbers. Which dtype do True and False have?",
)
def _ones_and_zeros(n):
    return torch.ones(n, n).tril()


# 4.2


def _masked_weights(scores, mask):
    """Return attention weights: the softmax over the keys where `mask` is True, 0 elsewhere.

    `scores` and `mask` have the shape (T, S). Do not change `scores`. Each row of `mask` has a
    True.
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
        Case((normal(rng, 5, 5) - 30, triangle), "T = 5, scores near -30"),
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
        ("a key that is masked must have the weight 0", lambda arguments, weights: not weights[~arguments[1]].any()),
        ("each row must sum to 1", lambda arguments, weights: rows_sum_to_one(weights)),
    ),
)


@_WEIGHTS.mistake(
    looks="The upper triangle is 0, but rows sum to less than 1 and still depend on later tokens.",
    hint="rows sum to less than 1, because the softmax already divided by the powers of masked scores. What must a "
    "score be before the softmax, so that its weight is 0?",
)
def _after_the_softmax(scores, mask):
    return scores.softmax(dim=-1) * mask


@_WEIGHTS.mistake(
    looks="Masked keys get a weight all the same, as a key with the score 0 does.",
    hint="a masked key still gets weight: a score of 0 has the power exp(0) = 1. Which score has the power 0?",
)
def _zero_before_the_softmax(scores, mask):
    return scores.masked_fill(~mask, 0.0).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="Exactly the forbidden keys get all the weight. The model reads its answers.",
    hint="the allowed keys have the weight 0, and the forbidden ones share the rest. masked_fill fills where its mask "
    "is True: where is yours?",
)
def _filled_the_allowed(scores, mask):
    return scores.masked_fill(mask, -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="Right the first time. `scores` is changed, and whoever uses it next, such as a plot, finds -inf in it.",
    hint="the weights are right, but `scores` is changed. What does the underscore at the end of a method's name mean?",
)
def _in_place(scores, mask):
    return scores.masked_fill_(~mask, -math.inf).softmax(dim=-1)


@_WEIGHTS.mistake(
    looks="NaN wherever attention is allowed: 0 times infinity is not a number.",
    hint="your result has NaN. What is 0 times infinity? Replace entries instead of multiplying.",
)
def _multiplied_by_infinity(scores, mask):
    return (scores + (~mask).to(scores.dtype) * -math.inf).softmax(dim=-1)


# 4.5


def _padded_weights(scores, mask):
    """Return the weights as in 4.2, also for rows of `mask` without any True, as padding has.

    Such a row of weights is 0 everywhere: no NaN, and no weight on keys that are masked.
    """
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1).masked_fill(~mask, 0.0)


def _padding_cases(rng: random.Random) -> list[Case]:
    t, s = rng.randint(3, 4), rng.randint(5, 6)
    mask = normal(rng, t, s) > 0
    mask[:, 1] = True
    mask[0] = False
    triangle = torch.ones(5, 5, dtype=torch.bool).tril()
    padded = triangle.clone()
    padded[3:] = False
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    return [
        Case((normal(rng, 1, 2), torch.ones(1, 2, dtype=torch.bool)), "T = 1 without padding"),
        Case((normal(rng, 2, 3), nothing), "nothing but padding"),
        Case((normal(rng, 5, 5), triangle), "the causal mask without padding"),
        Case((normal(rng, 5, 5), padded), "the causal mask with two rows of padding"),
        Case((normal(rng, t, s) - 30, mask), "the first query at padding, scores near -30"),
    ]


_PADDING = Exercise(
    number="4.5",
    name="padded_weights",
    title="rows of padding",
    solution=_padded_weights,
    cases=_padding_cases,
    properties=(
        ("no entry may be NaN", lambda arguments, weights: not weights.isnan().any()),
        ("a key that is masked must have the weight 0", lambda arguments, weights: not weights[~arguments[1]].any()),
        (
            "a row with a True must sum to 1",
            lambda arguments, weights: rows_sum_to_one(weights[arguments[1].any(dim=-1)]),
        ),
    ),
)


@_PADDING.mistake(
    looks="NaN in the rows of padding. A loss without these rows still has NaN gradients: 0 times NaN is NaN.",
    hint="rows without a True are NaN: all their scores are -inf, and the softmax is 0 / 0. What should these rows be?",
)
def _nan_in_padding(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1)


@_PADDING.mistake(
    looks="No NaN. A row of padding attends to all keys equally, to padding and to later tokens.",
    hint="a row whose scores are all -1e9 has a softmax as even as one of zeros. Its weights must be 0.",
)
def _even_in_padding(scores, mask):
    return scores.masked_fill(~mask, -1e9).softmax(dim=-1)


@_PADDING.mistake(
    looks="No NaN in the rows of padding, but the other rows sum to less than 1, and depend on masked keys.",
    hint="rows with a True must still sum to 1: mask before the softmax, and then see to the empty rows.",
)
def _only_after_the_softmax(scores, mask):
    return scores.softmax(dim=-1) * mask


@_PADDING.mistake(
    looks="No NaN, and no even row either: masked keys get the weight that a key with the score 0 has.",
    hint="a masked key still gets weight: a score of 0 has the power exp(0) = 1. Which score has the power 0?",
)
def _zero_before_the_softmax_again(scores, mask):
    return scores.masked_fill(~mask, 0.0).softmax(dim=-1)
