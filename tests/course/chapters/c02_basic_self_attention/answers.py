"""Answers of chapter 02."""

import math

import torch
from worked_example import CAT, SAT, THE, example

from lecture21.attention import basic_self_attention
from lecture21.data.worked_example import TOKENS, X


def self_weight(width: int, std: float = 1.0) -> float:
    """The weight that one of eight random vectors gives itself."""
    x = std * torch.randn(2000, 8, width, generator=torch.Generator().manual_seed(0))
    return basic_self_attention(x)[1].diagonal(dim1=1, dim2=2).mean().item()


def orthogonal(length: float) -> float:
    """The weight that one of eight orthogonal vectors gives itself."""
    return basic_self_attention(length * torch.eye(8))[1][0, 0].item()


def largest_scores() -> str:
    scores = X @ X.T
    return " and ".join(f"*{TOKENS[j]}*" for j in range(4) if scores[SAT, j] == scores[SAT].max())


def reordered() -> str:
    order = torch.tensor([3, 1, 0, 2])
    out, weights = basic_self_attention(X[order])
    basic = example()["basic"]
    moved = torch.allclose(weights, basic[order][:, order]) and torch.allclose(out, (basic @ X)[order])
    return "The rows and columns of the weights move" if moved else ""


NUMBERS = {
    "2.2": lambda: [
        example()["basic"][SAT, THE], 0, 1 / 4, round(float(example()["basic"][SAT, THE]), 2),
        1 / (X[SAT] @ X[1:].T).exp().sum(),
        (X[SAT] @ X.T * math.log(2)).softmax(dim=0)[THE], example()["basic"][SAT, CAT],
    ],
    "2.4": lambda: [
        orthogonal(2.0), 1 / 8, orthogonal(2**0.5), 4 / (4 + 7), math.exp(4) / (math.exp(4) + 1), 1.0,
    ],
    "2.5": lambda: [self_weight(64, 0.02), self_weight(64)],
}  # fmt: skip
CHOICES = {
    "2.1": largest_scores,
    "2.3": reordered,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {
        "2.2": [f"{X[SAT].mul(X).sum(dim=1).exp().sum():.2f}"],
        "2.4": [f"{math.exp(4):.1f}/({math.exp(4):.1f} + 7) = {orthogonal(2.0):.3f}", f"{orthogonal(4.0):.3f}"],
        "2.5": [f"{64 * 0.02**2:.3f}", f"{math.exp(64 * 0.02**2):.3f}"],
    }
