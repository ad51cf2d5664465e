"""Answers of chapter 02."""

import math

import torch
from worked_example import CAT, SAT, THE, example

from lecture21.attention import basic_self_attention
from lecture21.data.worked_example import TOKENS, X


def largest_scores() -> str:
    scores = X @ X.T
    return " and ".join(f"*{TOKENS[j]}*" for j in range(4) if scores[SAT, j] == scores[SAT].max())


def reordered() -> str:
    order = torch.tensor([3, 1, 0, 2])
    out, weights = basic_self_attention(X[order])
    basic = example()["basic"]
    moved = torch.allclose(weights, basic[order][:, order]) and torch.allclose(out, (basic @ X)[order])
    return "The rows and columns of the weights move" if moved else ""


def preferring() -> str:
    """Of two words with vectors of all lengths and directions, at most one prefers the other."""
    generator = torch.Generator().manual_seed(0)
    lengths = torch.logspace(-2, 2, 5)[torch.randint(5, (20_000, 2, 1), generator=generator)]
    directions = torch.randn(20_000, 2, 2, generator=generator)
    near = directions[:, :1] + 0.1 * directions  # half of the pairs nearly have the same direction
    vectors = lengths * torch.cat([directions, near])[::2]
    weights = basic_self_attention(vectors)[1]
    prefers = weights[:, [0, 1], [1, 0]] > weights[:, [0, 1], [0, 1]]
    return "One of them can, but never both" if set(prefers.sum(dim=1).tolist()) == {0, 1} else ""


NUMBERS = {
    "2.2": lambda: [
        example()["basic"][SAT, THE], 0, 1 / 4, round(float(example()["basic"][SAT, THE]), 2),
        1 / (X[SAT] @ X[1:].T).exp().sum(),
        (X[SAT] @ X.T * math.log(2)).softmax(dim=0)[THE], example()["basic"][SAT, CAT],
    ],
}  # fmt: skip
CHOICES = {
    "2.1": largest_scores,
    "2.3": reordered,
    "2.4": preferring,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    one, two = torch.tensor([[1, 0], [2, 0]])
    return {
        "2.2": [f"{X[SAT].mul(X).sum(dim=1).exp().sum():.2f}"],
        "2.4": [
            f"score of {one @ one} with itself and of {one @ two} with",
            f"score of {two @ two} with itself and only",
        ],
    }
