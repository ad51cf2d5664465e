"""Exercises of chapter 14: a top-k router."""

import random
from collections.abc import Callable

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, gradients, normal, rows_sum_to_one

# 14.1


def _top_k_router(x, router, k):
    """Return the k experts of each token and their gate weights: two tensors of shape (N, k).

    `x` holds N tokens, (N, C), and `router` one row for each expert, (E, C). The score of expert e
    for a token is the dot product of the token with row e. Select the k experts with the highest
    scores, best first, as int64. Their weights are the softmax of the scores, divided so that
    the k weights of each token sum to 1; they have the dtype of `x`, and a gradient with respect
    to `router`.
    """
    probabilities = (x @ router.T).softmax(dim=-1)  # (N, E)
    weights, experts = probabilities.topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


def _routed(answer: Callable[..., tuple[Tensor, Tensor]], x: Tensor, router: Tensor, k: int, gradient: bool = False):
    """Return the experts and the weights, and on demand the gradient of the weights with respect to the router."""
    if not gradient:
        return answer(x, router, k)
    router = router.requires_grad_()
    experts, weights = answer(x, router, k)
    return experts, weights, *gradients(weights, router)


def _router_cases(rng: random.Random) -> list[Case]:
    n, c = rng.randint(5, 7), rng.randint(3, 4)
    return [
        Case((normal(rng, 1, 2), normal(rng, 3, 2), 2), "one token, E = 3, k = 2"),
        Case((normal(rng, 4, 3), normal(rng, 3, 3), 2), "N = 4, E = C = 3, k = 2"),
        Case((normal(rng, n, c), normal(rng, 6, c), 3), f"N = {n}, E = 6, k = 3"),
        Case((normal(rng, 5, 2), normal(rng, 4, 2), 1), "k = 1"),
        Case((normal(rng, 3, 4), normal(rng, 5, 4), 5), "k = E = 5"),
        Case((normal(rng, 4, 3, dtype=torch.float64), normal(rng, 8, 3, dtype=torch.float64), 2), "float64"),
        Case((normal(rng, 5, 3), normal(rng, 6, 3), 2, True), "a router with a gradient"),
    ]


_ROUTER = Exercise(
    number="14.1",
    name="top_k_router",
    title="a top-k router",
    solution=_top_k_router,
    cases=_router_cases,
    call=_routed,
    returns=("the experts", "the weights", "the gradient of the weights"),
    properties=(
        ("the weights of each token must sum to 1", lambda arguments, result: rows_sum_to_one(result[1])),
        ("the weights must be positive", lambda arguments, result: bool((result[1] > 0).all())),
        (
            "the weights of each token must not increase from left to right: the best expert comes first",
            lambda arguments, result: bool((result[1].diff(dim=-1) <= 0).all()),
        ),
    ),
)


@_ROUTER.mistake(
    looks="The numbers are right, but training never changes the router: its weights have no gradient.",
    hint="experts and weights are right, but the weights have no gradient, so training cannot change the router. Which "
    "operation cuts them off from the graph (detach, item, tolist, torch.tensor, no_grad)?",
)
def _without_a_gradient(x, router, k):
    weights, experts = (x @ router.T).softmax(dim=-1).detach().topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    looks="The weights of a token sum to less than 1, so the layer's output shrinks with the number of experts.",
    hint="the experts are right, but the weights of a token sum to less than 1: the softmax over all E experts gives "
    "some probability to experts that are not selected. What do you divide by?",
)
def _not_renormalized(x, router, k):
    weights, experts = (x @ router.T).softmax(dim=-1).topk(k, dim=-1)
    return experts, weights


@_ROUTER.mistake(
    looks="The weights of a token are nearly equal, whatever its scores are.",
    hint="the experts are right, but the weights are too even: you apply a softmax to numbers that are already "
    "probabilities. What does the second softmax do to numbers between 0 and 1?",
)
def _softmax_twice(x, router, k):
    weights, experts = (x @ router.T).softmax(dim=-1).topk(k, dim=-1)
    return experts, weights.softmax(dim=-1)


@_ROUTER.mistake(
    looks="Each token goes to the experts that suit it least.",
    hint="you select the experts with the lowest scores. In which order does your sorting function return its result?",
)
def _lowest_scores(x, router, k):
    probabilities = (x @ router.T).softmax(dim=-1)
    weights, experts = probabilities.topk(k, dim=-1, largest=False)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    looks="The selection changes with the other tokens of the batch, because they share one denominator.",
    hint="your probabilities sum to 1 over the tokens instead of over the experts, so tokens compete with each other. "
    "Which dimension of (N, E) belongs to the experts?",
)
def _softmax_over_tokens(x, router, k):
    weights, experts = (x @ router.T).softmax(dim=0).topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    looks="An error of shapes, or, with as many experts as features, a wrong selection without an error.",
    hint="the shapes fit only if E equals C. The score of expert e is the dot product with row e of `router`: which of "
    "the two matrices must be transposed?",
)
def _without_transpose(x, router, k):
    weights, experts = (x @ router).softmax(dim=-1).topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    looks="Some weights are negative or larger than 1, because scores can be negative.",
    hint="you divide the scores themselves by their sum. Scores can be negative: which function turns them into "
    "positive numbers first?",
)
def _scores_as_weights(x, router, k):
    scores, experts = (x @ router.T).topk(k, dim=-1)
    return experts, scores / scores.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    looks="The weights belong to other experts: the layer multiplies each output by the wrong number.",
    hint="you sort the experts by their index, but not the weights, so that they no longer belong together. The task "
    "asks for the best expert first.",
)
def _sorted_by_index(x, router, k):
    weights, experts = (x @ router.T).softmax(dim=-1).topk(k, dim=-1)
    return experts.sort(dim=-1).values, weights / weights.sum(dim=-1, keepdim=True)
