"""Exercise of chapter 06: cross-attention."""

import math
import random

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal, rows_sum_to_one

# 6.1


def _cross_attention(x, memory, w_query, w_key, w_value):
    """Return the outputs and weights of cross-attention from `x` (queries) to `memory`.

    `x` has the shape (T, C) and `memory`, which gives keys and values, (S, C), with one token in
    each row. `w_query` and `w_key` have the shape (D, C), and `w_value` has the shape (Dv, C).
    Divide the scores by sqrt(D).
    """
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


def _scale_is_right(arguments: tuple[Tensor, ...], results: tuple[Tensor, ...]) -> bool:
    """Return False if the weights are a softmax of the right products, divided by another number than sqrt(D)."""
    x, memory, w_query, w_key, _ = arguments
    scores = (x @ w_query.T) @ (memory @ w_key.T).T / math.sqrt(w_query.shape[0])
    expected = scores - scores.mean(dim=-1, keepdim=True)
    found = results[1].log() - results[1].log().mean(dim=-1, keepdim=True)
    factor = float((found * expected).sum() / expected.square().sum())
    return abs(factor - 1) < 1e-3 or not torch.allclose(found, factor * expected, atol=1e-2 * abs(factor))


def _cross_cases(rng: random.Random) -> list[Case]:
    t, s, c, d = rng.randint(2, 3), rng.randint(4, 6), rng.randint(5, 6), rng.randint(7, 8)
    d_v = d + rng.randint(1, 3)

    def case(about: str, t: int, s: int, c: int, d: int, d_v: int) -> Case:
        shapes = ((t, c), (s, c), (d, c), (d, c), (d_v, c))
        return Case(tuple(normal(rng, *shape) for shape in shapes), about)

    return [
        case("T = S = 1", 1, 1, 2, 2, 2),
        case("T = S = 3, C = D = Dv = 4", 3, 3, 4, 4, 4),
        case(f"T = {t}, S = {s}, C = {c}, D = {d}, Dv = {d_v}", t, s, c, d, d_v),
        case(f"a target that is longer than the source: T = {s}, S = {t}", s, t, c, d, d_v),
    ]


_CROSS = Exercise(
    number="6.1",
    name="cross_attention",
    returns=("the outputs", "the weights"),
    title="cross-attention",
    solution=_cross_attention,
    cases=_cross_cases,
    properties=(
        ("each row of weights must sum to 1", lambda arguments, results: rows_sum_to_one(results[1])),
        (
            "each output must be an average of the memory's values",
            lambda arguments, results: torch.allclose(
                results[0], results[1] @ (arguments[1] @ arguments[4].T), atol=1e-4
            ),
        ),
        ("what are the scores divided by? D is the number of features of a query and of a key", _scale_is_right),
    ),
)


@_CROSS.mistake(
    looks="The matrix of weights is square, (T, T), and the output is the same for every source.",
    hint="your output does not depend on `memory`. Which two of query, key and value belong to the source?",
)
def _self_attention_of_the_target(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    looks="The result has one output for each source token instead of one for each target token.",
    hint="your output does not depend on `x`. Attention returns one output for each query: for which tokens do you "
    "need outputs?",
)
def _self_attention_of_the_source(x, memory, w_query, w_key, w_value):
    q, k, v = memory @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    looks="The weights have the shape (S, T), because source and target have exchanged their roles.",
    hint="your queries come from the source. Which sequence needs information from the other one?",
)
def _queries_from_the_memory(x, memory, w_query, w_key, w_value):
    q, k, v = memory @ w_query.T, x @ w_key.T, x @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    looks="The first generated token can attend only to the first token of the source.",
    hint="your weights are 0 above a diagonal, but the complete source is known before the first token is generated.",
)
def _causal(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    scores = q @ k.T / math.sqrt(q.shape[-1])
    weights = scores.masked_fill(torch.ones_like(scores).tril() == 0, -math.inf).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    looks="Each column of the weights sums to 1, because each source token divides its weight among the target tokens.",
    hint="your columns sum to 1, but the weights of each query must sum to 1 over the source. Which dimension is that?",
)
def _softmax_over_queries(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=0)
    return weights @ v, weights


@_CROSS.mistake(
    looks="The weights are nearly 0 and 1, and training is slow: the scores are as large as sums of D products.",
    hint="your scores are products of a query and a key. What are they divided by before the softmax?",
)
def _unscaled(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query.T, memory @ w_key.T, memory @ w_value.T
    weights = (q @ k.T).softmax(dim=-1)
    return weights @ v, weights


@_CROSS.mistake(
    looks="It runs only if C, D and Dv are equal, and then with the wrong features.",
    hint="the matrices must be transposed: `w_query` has the shape (D, C), and the tokens are the rows of x.",
)
def _not_transposed(x, memory, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights
