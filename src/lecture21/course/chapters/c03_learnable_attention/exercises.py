"""Exercises of chapter 03: queries, keys and values, and several heads."""

import math
import random

import torch

from lecture21.course.exercises.exercise import Case, Exercise, normal, rows_sum_to_one, scaled_otherwise

# 3.1


def _attention(q, k, v):
    """Return (outputs, weights) of scaled dot-product attention: softmax(q k^T / sqrt(D)) v.

    `q` has the shape (..., T, D), `k` (..., S, D) and `v` (..., S, Dv), with any leading
    dimensions. The outputs have the shape (..., T, Dv) and the weights (..., T, S). They pass
    gradients back to the arguments.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


def _attention_cases(rng: random.Random) -> list[Case]:
    t, s, d, d_v = rng.randint(2, 3), rng.randint(4, 5), rng.randint(6, 9), rng.randint(10, 12)

    def case(about: str, *leading: int, t: int = t, s: int = s, d: int = d, dtype=torch.float32) -> Case:
        shapes = ((t, d), (s, d), (s, d_v))
        return Case(tuple(normal(rng, *leading, *shape, dtype=dtype) for shape in shapes), about)

    return [
        case("one query and one key (T = S = 1)", t=1, s=1),
        case("three queries, three keys, d_k = 3", t=3, s=3, d=3),
        case(f"T = {t}, S = {s}, d_k = {d}, d_v = {d_v}"),
        case("a batch of two sequences with three heads", 2, 3),
        case("float64", dtype=torch.float64),
    ]


def _are_weights_of_keys(q, k, weights) -> bool:
    exchanged = _attention(k, q, q)[1]
    return exchanged.shape == weights.shape and torch.allclose(exchanged, weights, atol=1e-4)


_ATTENTION = Exercise(
    number="3.1",
    name="attention",
    returns=("the outputs", "the weights"),
    title="scaled dot-product attention",
    solution=_attention,
    cases=_attention_cases,
    differentiable=("q", "k", "v"),
    properties=(
        ("each row of the weights must sum to 1", lambda arguments, result: rows_sum_to_one(result[1])),
        (
            "queries and keys are exchanged: row i of your weights belongs to key i. Whose rows should it be?",
            lambda arguments, result: not _are_weights_of_keys(*arguments[:2], result[1]),
        ),
        (
            "the outputs must be averages of the rows of v with your weights",
            lambda arguments, result: torch.allclose(result[0], result[1] @ arguments[2], atol=1e-4),
        ),
        (
            "your weights are the softmax of q k^T divided by another number than sqrt(D). Which dimension of q is D?",
            lambda arguments, result: (
                not scaled_otherwise(
                    arguments[0] @ arguments[1].transpose(-2, -1) / math.sqrt(arguments[0].shape[-1]), result[1]
                )
            ),
        ),
    ),
)


@_ATTENTION.mistake(
    hint="your scores are the dot products themselves, whose variance grows with d_k. What does the formula divide by?"
)
def _unscaled(q, k, v):
    weights = (q @ k.transpose(-2, -1)).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    hint="your scores shrink as d_k grows, so the weights become even. Which power of d_k keeps their variance at 1?"
)
def _divided_by_width(q, k, v):
    weights = (q @ k.transpose(-2, -1) / q.shape[-1]).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    hint="the scale depends on the width of v. The dot product is taken over the components of which tensors?"
)
def _scaled_by_the_values(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(v.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    hint="your columns sum to 1. Each row belongs to one query and must sum to 1 over the keys: which dimension "
    "holds the keys?",
)
def _softmax_over_queries(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=-2)
    return weights @ v, weights


@_ATTENTION.mistake(hint="your rows sum to 1 / sqrt(d_k). Is the division before the softmax or after it?")
def _scaled_after_the_softmax(q, k, v):
    weights = (q @ k.transpose(-2, -1)).softmax(dim=-1) / math.sqrt(q.shape[-1])
    return weights @ v, weights


@_ATTENTION.mistake(
    hint="your softmax sums over dim=1, which holds the keys only if there are no leading dimensions. If it is the "
    "softmax of exercise 2.1, change it there: which number means the last dimension?",
)
def _softmax_over_dimension_1(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(dim=1)
    return weights @ v, weights


@_ATTENTION.mistake(
    hint="you divide by 2, as in the worked example, where d_k is 4. Which number of q gives d_k in general?"
)
def _scaled_for_width_4(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(4)).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    hint="right for matrices, but your transpose fails for leading dimensions: these come first, and must stay where "
    "they are. Which two dimensions should it exchange, counted from the end?",
)
def _transposed_from_the_front(q, k, v):
    weights = (q @ k.transpose(0, 1) / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return weights @ v, weights


@_ATTENTION.mistake(
    hint="you divide by the root of q.shape[1], which is d_k only if there are no leading dimensions. Which number "
    "means the last dimension?",
)
def _scaled_by_dimension_1(q, k, v):
    weights = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[1])).softmax(dim=-1)
    return weights @ v, weights


# 3.3


def _split_heads(x, n_head):
    """Return `x` of shape (B, T, C) divided into H = `n_head` heads, with shape (B, H, T, C // H).

    Head 0 holds the first C // H features of every token, head 1 the next C // H, and so on.
    """
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head).transpose(1, 2)


def _heads_cases(rng: random.Random) -> list[Case]:
    n_head, n_token, width = rng.randint(2, 4), rng.randint(5, 7), rng.randint(2, 4)
    return [
        Case((normal(rng, 1, 1, 2), 1), "one token, one head"),
        Case((normal(rng, 1, 2, 4), 2), "B = 1, T = 2, C = 4, H = 2"),
        Case((normal(rng, 2, n_token, n_head * width), n_head), f"T = {n_token}, C = {n_head * width}, H = {n_head}"),
        Case((normal(rng, 3, 2, 4 * width + 4), 4), f"T = 2, C = {4 * width + 4}, H = 4"),
    ]


_HEADS = Exercise(
    number="3.3",
    name="split_heads",
    title="split into heads",
    solution=_split_heads,
    cases=_heads_cases,
    properties=(
        (
            "head 0 of token 0 must hold its first features",
            lambda arguments, heads: torch.equal(heads[0, 0, 0], arguments[0][0, 0, : heads.shape[-1]]),
        ),
        (
            "a head must hold features of every token, not complete tokens of one stretch",
            lambda arguments, heads: torch.equal(heads[0, 0], arguments[0][0, :, : heads.shape[-1]]),
        ),
    ),
)


@_HEADS.mistake(
    hint="the shape is right, but each head holds complete tokens of one stretch of the text. view() moves no numbers: "
    "which two dimensions must change places after it?",
)
def _viewed_without_transpose(x, n_head):
    n_batch, n_token, width = x.shape
    return x.reshape(n_batch, n_head, n_token, width // n_head)


@_HEADS.mistake(
    hint="your head 0 holds every H-th feature. When C becomes two dimensions, which comes first, heads or features?"
)
def _interleaved(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, width // n_head, n_head).permute(0, 3, 1, 2)


@_HEADS.mistake(
    hint="the result has the shape (B, T, H, D). Attention multiplies the last two dimensions, which must be T and D."
)
def _not_transposed(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head)


@_HEADS.mistake(hint="the result has the shape (B, H, D, T). The last two dimensions must be T and D.")
def _features_before_tokens(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head).permute(0, 2, 3, 1)
