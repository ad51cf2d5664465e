"""Exercise of chapter 04: padding rows."""

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal, rows_sum_to_one

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
    mask[:, 1] = True
    mask[0] = False
    triangle = torch.ones(5, 5, dtype=torch.bool).tril()
    padded = triangle.clone()
    padded[3:] = False
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    return [
        Case((normal(rng, 1, 2), torch.ones(1, 2, dtype=torch.bool)), "T = 1 without padding"),
        Case((normal(rng, 2, 3), nothing), "only padding"),
        Case((normal(rng, 5, 5), triangle), "the causal mask without padding"),
        Case((normal(rng, 5, 5), padded), "the causal mask with two rows of padding"),
        Case((normal(rng, t, s) - 5000, mask), "the first query is padding, scores near -5000"),
    ]


def _with_gradient(answer: Callable[[Tensor, Tensor], Tensor], scores: Tensor, mask: Tensor) -> Tensor:
    """Return the weights of an answer if they pass a finite gradient back.

    Raises:
        ArithmeticError: if the weights are finite and their gradient is not.
    """
    leaf = scores.clone().requires_grad_()
    weights = answer(scores, mask)
    again = answer(1 * leaf, mask)
    if isinstance(again, Tensor) and again.requires_grad and again.isfinite().all():
        (again * torch.arange(again.numel()).reshape(again.shape)).sum().backward()
        if leaf.grad is not None and not leaf.grad.isfinite().all():
            raise ArithmeticError("the weights contain no NaN, but the gradient of the scores does")
    return weights


_PADDING = Exercise(
    number="4.5",
    name="padded_weights",
    title="padding rows",
    solution=_padded_weights,
    cases=_padding_cases,
    call=_with_gradient,
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
    looks="The padding rows are NaN. A loss without these rows still has NaN gradients, because 0 times NaN is NaN.",
    hint="rows without a True are NaN: all their scores are -inf, so the softmax is 0 / 0. What should these rows be?",
)
def _nan_in_padding(scores, mask):
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1)


@_PADDING.mistake(
    looks="There is no NaN, but a padding row attends equally to all keys, padding and later tokens included.",
    hint="if all scores of a row are -1e9, its softmax is uniform, as for a row of zeros. Its weights must be 0.",
)
def _even_in_padding(scores, mask):
    return scores.masked_fill(~mask, -1e9).softmax(dim=-1)


@_PADDING.mistake(
    looks="The padding rows are right, but the other rows sum to less than 1 and depend on masked keys.",
    hint="rows with a True must still sum to 1: mask before the softmax, then handle the rows without a True.",
)
def _only_after_the_softmax(scores, mask):
    return scores.softmax(dim=-1) * mask


@_PADDING.mistake(
    looks="There is no NaN, but masked keys get as much weight as a key whose score is 0.",
    hint="masked keys still get weight, since exp(0) = 1. For which score is exp(score) equal to 0?",
)
def _scores_of_zero(scores, mask):
    return scores.masked_fill(~mask, 0.0).softmax(dim=-1)


@_PADDING.mistake(
    looks="The weights contain no NaN, but after backward() the gradients of W^q and W^k do.",
    hint="your weights are right, but the gradient of a softmax over nothing but -inf is NaN, and your addition passes "
    "it on to the scores. masked_fill stops the gradient where it replaces a score.",
)
def _added_minus_infinity(scores, mask):
    return (scores + torch.where(mask, 0.0, -math.inf)).softmax(dim=-1).masked_fill(~mask, 0.0)
