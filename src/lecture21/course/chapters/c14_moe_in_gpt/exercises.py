"""Exercises of chapter 14: a top-k router, and the dispatch of tokens."""

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

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


def _router_cases(rng: random.Random) -> list[Case]:
    n, c = rng.randint(5, 7), rng.randint(3, 4)
    large = [normal(rng, rows, 2, dtype=torch.float64) for rows in (4, 5)]
    large = [F.pad(each, (1, 0), value=value) for each, value in zip(large, (100.0, 10.0), strict=True)]
    small = [0.3 * normal(rng, rows, 3, dtype=torch.float64) for rows in (4, 60)]
    return [
        Case((normal(rng, 1, 2), normal(rng, 3, 2), 2), "one token, E = 3, k = 2"),
        Case((normal(rng, 4, 3), normal(rng, 3, 3), 2), "N = 4, E = C = 3, k = 2"),
        Case((normal(rng, n, c), normal(rng, 6, c), 3), f"N = {n}, E = 6, k = 3"),
        Case((normal(rng, 5, 2), normal(rng, 4, 2), 1), "k = 1"),
        Case((normal(rng, 3, 4), normal(rng, 5, 4), 5), "k = E = 5"),
        Case((normal(rng, 4, 3, dtype=torch.float64), normal(rng, 8, 3, dtype=torch.float64), 2), "float64"),
        Case((*large, 2), "scores near 1000"),
        Case((*small, 1), "E = 60, nearly equal scores"),
    ]


def _sum_to_one(weights: Tensor) -> bool:
    """Return whether each row sums to 1; in float64, a small number in the denominator shows."""
    small = 1e-9 if weights.dtype == torch.float64 else 1e-4
    return bool(((weights.sum(dim=-1) - 1).abs() < small).all())


_ROUTER = Exercise(
    number="14.1",
    name="top_k_router",
    title="a top-k router",
    solution=_top_k_router,
    cases=_router_cases,
    returns=("the experts", "the weights"),
    differentiable=("router",),
    properties=(
        ("no weight may be NaN. How large is exp() of the scores?", lambda _, result: not result[1].isnan().any()),
        ("the weights of each token must sum to 1", lambda _, result: _sum_to_one(result[1])),
        ("the weights must be positive", lambda arguments, result: bool((result[1] > 0).all())),
        (
            "the weights of each token must not increase from left to right: the best expert comes first",
            lambda arguments, result: bool((result[1].diff(dim=-1) <= 0).all()),
        ),
    ),
)


@_ROUTER.mistake(
    hint="experts and weights are right, but the weights have no gradient, so training cannot change the router. Which "
    "operation cuts them off from the graph (detach, item, tolist, torch.tensor, no_grad)?",
)
def _without_a_gradient(x, router, k):
    probabilities = (x @ router.T).softmax(dim=-1).detach()
    weights, experts = probabilities.topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    hint="the experts are right, but the weights of a token sum to less than 1: the softmax over all E experts gives "
    "some probability to experts that are not selected. What do you divide by?",
)
def _not_renormalized(x, router, k):
    probabilities = (x @ router.T).softmax(dim=-1)
    weights, experts = probabilities.topk(k, dim=-1)
    return experts, weights


@_ROUTER.mistake(
    hint="the experts are right, but the weights are too even: you apply a softmax to numbers that are already "
    "probabilities. What does the second softmax do to numbers between 0 and 1?",
)
def _softmax_twice(x, router, k):
    probabilities = (x @ router.T).softmax(dim=-1).softmax(dim=-1)
    weights, experts = probabilities.topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    hint="you select the experts with the lowest scores. In which order does your sorting function return its result?"
)
def _lowest_scores(x, router, k):
    probabilities = (x @ router.T).softmax(dim=-1)
    weights, experts = probabilities.topk(k, dim=-1, largest=False)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    hint="your probabilities sum to 1 over the tokens instead of over the experts, so tokens compete with each other. "
    "Which dimension of (N, E) belongs to the experts?",
)
def _softmax_over_tokens(x, router, k):
    probabilities = (x @ router.T).softmax(dim=0)
    weights, experts = probabilities.topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    hint="the shapes fit only if E equals C. The score of expert e is the dot product with row e of `router`: which of "
    "the two matrices must be transposed?",
)
def _without_transpose(x, router, k):
    probabilities = (x @ router).softmax(dim=-1)
    weights, experts = probabilities.topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    hint="you divide the scores themselves by their sum. Scores can be negative: which function turns them into "
    "positive numbers first?",
)
def _scores_as_weights(x, router, k):
    probabilities = x @ router.T
    weights, experts = probabilities.topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    hint="you sort the experts by their index, but not the weights, so that they no longer belong together. The task "
    "asks for the best expert first.",
)
def _sorted_by_index(x, router, k):
    probabilities = (x @ router.T).softmax(dim=-1)
    weights, experts = probabilities.topk(k, dim=-1)
    return experts.sort(dim=-1).values, weights / weights.sum(dim=-1, keepdim=True)


@_ROUTER.mistake(
    hint="your experts are floats and your weights follow from indices. In which order does topk return values and "
    "indices?",
)
def _topk_exchanged(x, router, k):
    probabilities = (x @ router.T).softmax(dim=-1)
    experts, weights = probabilities.topk(k, dim=-1)
    return experts, weights / weights.sum(dim=-1, keepdim=True)


# 14.2


def _dispatch(x, experts, weights, layers):
    """Return the output of a sparse layer, (N, C): the weighted sum of the experts' outputs.

    `x` holds N tokens, (N, C). Token n is processed by the k experts `experts[n]`, (N, k), with the
    gate weights `weights[n]`, (N, k). `layers` is a list of E functions from (n, C) to (n, C), one
    for each expert. Apply each of them only to the tokens that selected it; an expert may have
    none. The output has a gradient with respect to `x` and `weights`. Do not add the residual, and
    do not modify `x`.
    """
    y = torch.zeros_like(x)
    for e, layer in enumerate(layers):
        token, slot = (experts == e).nonzero(as_tuple=True)  # where expert e was selected
        gate = weights[token, slot, None]
        y[token] += gate * layer(x[token])
    return y


def _with_counted_rows(answer: Callable[..., Tensor], x: Tensor, experts: Tensor, weights: Tensor, matrices: Tensor):
    """Return the outputs and the number of tokens that each expert has processed."""
    rows = torch.zeros(len(matrices), dtype=torch.int64)

    def expert(e: int) -> Callable[[Tensor], Tensor]:
        def layer(tokens: Tensor) -> Tensor:
            rows[e] += tokens.numel() // tokens.shape[-1]
            return (tokens @ matrices[e]).tanh() + 1 + e  # not 0 for a token of zeros

        return layer

    return answer(x, experts, weights, [expert(e) for e in range(len(matrices))]), rows


def _selection(rng: random.Random, n: int, n_expert: int, k: int) -> Tensor:
    """Return k different experts for each of n tokens."""
    return torch.tensor([rng.sample(range(n_expert), k) for _ in range(n)])


def _dispatch_cases(rng: random.Random) -> list[Case]:
    def case(n: int, c: int, n_expert: int, experts: Tensor, about: str, dtype: torch.dtype = torch.float32) -> Case:
        weights = normal(rng, *experts.shape, dtype=dtype).softmax(dim=-1) * 0.9  # need not sum to 1
        weights = weights.sort(dim=-1, descending=True).values
        x, matrices = normal(rng, n, c, dtype=dtype), normal(rng, n_expert, c, c, dtype=dtype)
        return Case((x, experts, weights, matrices), about)

    n = rng.randint(5, 8)
    pairs = torch.tensor([[2, 0], [0, 1], [1, 2], [2, 1], [0, 2], [2, 1]])
    few = _selection(rng, 5, 3, 2)  # the last of four experts has no token
    return [
        case(1, 2, 2, torch.tensor([[1]]), "one token, k = 1"),
        case(5, 3, 4, few, "N = 5, an expert without tokens"),
        case(n, 3, 4, torch.full((n, 1), rng.randrange(4)), "k = 1, all tokens at the same expert"),
        case(n, 2, 5, _selection(rng, n, 5, 3), f"N = {n}, E = 5, k = 3"),
        case(6, 4, 3, pairs, "N = 6, float64", dtype=torch.float64),
    ]


def _selected(arguments: tuple[Tensor, ...]) -> Tensor:
    """Return how many tokens have selected each expert."""
    _, experts, _, matrices = arguments
    return experts.flatten().bincount(minlength=len(matrices))


def _is_multiple(arguments: tuple[Tensor, ...], y: Tensor) -> bool:
    """Return whether each output is a multiple of the right one, if a token has a single expert."""
    right, _ = _with_counted_rows(_dispatch, *arguments)
    return arguments[1].shape[1] > 1 or bool((F.cosine_similarity(y, right).abs() > 0.9999).all())


_DISPATCH = Exercise(
    number="14.2",
    name="dispatch",
    title="dispatch with a loop over experts",
    solution=_dispatch,
    cases=_dispatch_cases,
    call=_with_counted_rows,
    returns=(
        "the outputs",
        "the number of tokens that each expert processes",
    ),
    differentiable=("x", "weights"),
    properties=(
        (
            "an expert processes more tokens than selected it. Pass it only the rows of x in which `experts` names it",
            lambda arguments, result: bool((result[1] <= _selected(arguments)).all()),
        ),
        (
            "an expert processes fewer tokens than selected it. `experts` has k columns: do you look at all of them?",
            lambda arguments, result: bool((result[1] >= _selected(arguments)).all()),
        ),
        (
            "with k = 1, a token's output must be a multiple of what its expert makes of it. Is x added to it, or "
            "changed before the expert gets it?",
            lambda arguments, result: _is_multiple(arguments, result[0]),
        ),
    ),
)

_DISPATCH.wrong_lines(
    "detached weights",
    """
    - gate = weights[token, slot, None]
    + gate = weights[token, slot, None].detach()
    """,
    hint="the outputs are right, but the gate weights get no gradient, so training cannot change the router. Which "
    "operation cuts them off from the graph (detach, item, tolist, torch.tensor)?",
)

_DISPATCH.wrong_lines(
    "every expert every token",
    """
    - y[token] += gate * layer(x[token])
    + y[token] += gate * layer(x)[token]
    """,
    hint="the outputs are right, but every expert processes every token, and most results are not used. Pass each "
    "expert only the rows of x that selected it.",
)

_DISPATCH.wrong_lines(
    "without weights",
    """
    - gate = weights[token, slot, None]
    + gate = 1.0
    """,
    hint="the right experts process the right tokens, but the gate weights are missing: you add the plain outputs.",
)

_DISPATCH.wrong_lines(
    "overwritten",
    """
    - y[token] += gate * layer(x[token])
    + y[token] = gate * layer(x[token])
    """,
    hint="right for k = 1, but for k > 1 a later expert overwrites what an earlier one has written. How do the outputs "
    "of a token's experts combine?",
)

_DISPATCH.wrong_lines(
    "weight of the first",
    """
    - gate = weights[token, slot, None]
    + gate = weights[token, :1]
    """,
    hint="right for k = 1, but for k > 1 you use the weight of the first expert for all of them. In which column of "
    "`experts` did you find expert e?",
)

_DISPATCH.wrong_lines(
    "weighted inputs",
    """
    - y[token] += gate * layer(x[token])
    + y[token] += layer(gate * x[token])
    """,
    hint="you multiply the inputs of the experts by the gate weights. An expert is not linear: the weights belong to "
    "its outputs.",
)

_DISPATCH.wrong_lines(
    "first choice only",
    """
    - token, slot = (experts == e).nonzero(as_tuple=True)
    + token, slot = (experts[:, :1] == e).nonzero(as_tuple=True)
    """,
    hint="right for k = 1, but only the first of the k experts of a token is applied. `experts` has k columns.",
)


@_DISPATCH.mistake(
    hint="your outputs are in the order of the experts, not of the tokens. Write each result back to the row of y "
    "that its token has in x.",
)
def _never_put_back(x, experts, weights, layers):
    y = torch.zeros_like(x)
    for slot in range(experts.shape[1]):
        rows = [(experts[:, slot] == e).nonzero()[:, 0] for e in range(len(layers))]
        y += torch.cat([weights[n, slot, None] * layer(x[n]) for layer, n in zip(layers, rows, strict=True)])
    return y


_DISPATCH.wrong_lines(
    "with the residual",
    """
    - return y
    + return x + y
    """,
    hint="your result contains x itself. The residual is added by the transformer block, not by this layer.",
)
