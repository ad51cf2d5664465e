"""Exercise of chapter 04: attention weights in a batch whose texts are padded."""

import math
import random

import torch

from lecture21.course.exercises.exercise import Case, Exercise, normal, rows_sum_to_one

# 4.5


def _padded_weights(scores, mask):
    """Return attention weights as in exercise 4.2, and zeros in rows where `mask` has no True.

    Masked keys have weight 0 in every row. Neither the result nor the gradient that it passes
    back to `scores` contains NaN.
    """
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1).masked_fill(~mask, 0.0)


def _padding_cases(rng: random.Random) -> list[Case]:
    t, s = rng.randint(3, 4), rng.randint(5, 6)
    mask = normal(rng, t, s) > 0
    mask[1] = False
    mask[:, 1] = True
    mask[0] = False
    triangle = torch.ones(5, 5, dtype=torch.bool).tril()
    padded = triangle.clone()
    padded[3:] = False
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    return [
        Case((normal(rng, 1, 2), torch.ones(1, 2, dtype=torch.bool)), "T = 1 without padding"),
        Case((normal(rng, 2, 3), nothing), "only padding"),
        Case((torch.tensor([[0.0, 200.0]]), torch.tensor([[True, False]])), "a masked score of 200 beside one of 0"),
        Case((normal(rng, 5, 5), triangle), "the causal mask without padding"),
        Case((normal(rng, 5, 5), padded), "the causal mask with two rows of padding"),
        Case((normal(rng, t, s) - 5000, mask), "the first query is padding, scores near -5000"),
        Case((normal(rng, t, s, dtype=torch.float64), mask), "float64 scores"),
    ]


_PADDING = Exercise(
    number="4.5",
    name="padded_weights",
    title="padding rows",
    solution=_padded_weights,
    cases=_padding_cases,
    differentiable=("scores",),
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
    hint="rows without a True are NaN: all their scores are -inf, so the softmax is 0 / 0. What should these rows be?"
)
def _nan_in_padding(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1)


@_PADDING.mistake(
    hint="if all scores of a row are -1e9, its softmax is uniform, as for a row of zeros. Its weights must be 0."
)
def _even_in_padding(scores, mask):
    return scores.masked_fill(~mask, -1e9).softmax(dim=-1)


@_PADDING.mistake(
    hint="rows with a True must still sum to 1: mask before the softmax, then handle the rows without a True."
)
def _only_after_the_softmax(scores, mask):
    return scores.softmax(dim=-1) * mask


@_PADDING.mistake(hint="masked keys still get weight, since exp(0) = 1. For which score is exp(score) equal to 0?")
def _scores_of_zero(scores, mask):
    return scores.masked_fill(~mask, 0.0).softmax(dim=-1)


@_PADDING.mistake(
    hint="your weights are right, but the gradient of a softmax over nothing but -inf is NaN, and your addition passes "
    "it on to the scores. masked_fill stops the gradient where it replaces a score.",
)
def _added_minus_infinity(scores, mask):
    return (scores + torch.where(mask, 0.0, -math.inf)).softmax(dim=-1).masked_fill(~mask, 0.0)


@_PADDING.mistake(
    hint="a masked score of 200 beside an allowed one of 0 leaves weights of 0: the small number in your denominator "
    "hides 0 / 0. Remove masked scores before the softmax, which then needs no second division.",
)
def _small_number_in_the_denominator(scores, mask):
    weights = scores.softmax(dim=-1) * mask
    return weights / (weights.sum(dim=-1, keepdim=True) + 1e-9)


@_PADDING.mistake(
    hint="the weights are right, but `backward()` fails: the softmax keeps its output to compute the gradient, and you "
    "change it in place, as `weights[~mask] = 0` does. Which functions return a new tensor instead?",
)
def _changed_in_place(scores, mask):
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-1)
    weights[~mask] = 0.0
    return weights


@_PADDING.mistake(
    hint="the weights are right, but no gradient passes back to `scores`. Which operation cuts the graph (detach, "
    "item, numpy, torch.tensor, no_grad)?",
)
def _padding_without_a_gradient(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1).masked_fill(~mask, 0.0).detach()
