"""Exercises of chapter 03: several heads."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 3.4


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
        Case((normal(rng, 3, 2, 4 * width), 4), f"T = 2, C = {4 * width}, H = 4"),
    ]


_HEADS = Exercise(
    number="3.4",
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
    looks="The shape is right and the loss decreases, but each head holds only one stretch of the tokens.",
    hint="the shape is right, but each head holds complete tokens of one stretch of the text. view() moves no numbers: "
    "which two dimensions must change places after it?",
)
def _viewed_without_transpose(x, n_head):
    n_batch, n_token, width = x.shape
    return x.reshape(n_batch, n_head, n_token, width // n_head)


@_HEADS.mistake(
    looks="The heads are interleaved: head 0 holds features 0, H, 2H, ... Pretrained weights then give wrong results.",
    hint="your head 0 holds every H-th feature. When C becomes two dimensions, which comes first, heads or features?",
)
def _interleaved(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, width // n_head, n_head).permute(0, 3, 1, 2)


@_HEADS.mistake(
    looks="The shape is (B, T, H, D). The product q k^T then compares the heads of one token, not the tokens.",
    hint="the result has the shape (B, T, H, D). Attention multiplies the last two dimensions, which must be T and D.",
)
def _not_transposed(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head)


@_HEADS.mistake(
    looks="The last two dimensions are (D, T): the product q k^T compares features and has the shape (D, D).",
    hint="the result has the shape (B, H, D, T). The last two dimensions must be T and D.",
)
def _features_before_tokens(x, n_head):
    n_batch, n_token, width = x.shape
    return x.view(n_batch, n_token, n_head, width // n_head).permute(0, 2, 3, 1)
