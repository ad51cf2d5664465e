"""Answers of chapter 03."""

import functools

import jaxtyping
import pytest
import torch
from worked_example import CAT, example

from lecture21.attention import attention
from lecture21.layers import MultiHeadAttention


@functools.cache
def random_scores() -> torch.Tensor:
    """Scores of 20,000 random queries with 16 random keys each, width 64, undivided."""
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(20_000, 1, 64, generator=generator), torch.randn(20_000, 16, 64, generator=generator)
    return (q * k).sum(dim=-1)


def largest_weight(divisor: float) -> tuple[float, float]:
    """The largest weight of a random query on average, and the standard deviation of its scores."""
    scores = random_scores() / divisor
    return scores.softmax(dim=-1).amax(dim=-1).mean().item(), scores.std().item()


def grown(t: int) -> int:
    """Parameters of a layer that has processed `t` tokens."""
    layer = MultiHeadAttention(64, 4)
    layer(torch.zeros(1, t, 64))
    return sum(p.numel() for p in layer.parameters())


def widths_that_must_agree() -> str:
    attention(torch.ones(4, 8), torch.ones(4, 8), torch.ones(4, 3))
    with pytest.raises((ValueError, jaxtyping.TypeCheckError)):
        attention(torch.ones(4, 8), torch.ones(4, 3), torch.ones(4, 8))
    return "only queries and keys"


def commonest() -> str:
    digits = torch.randint(10, (20_000, 8), generator=torch.Generator().manual_seed(0))
    share = torch.nn.functional.one_hot(digits, 10).sum(dim=1).amax(dim=1).float().mean() / 8
    return f"near {share:.1f}"


def largest_without_a_division() -> str:
    """The largest weight of a random query, of those that the question offers."""
    offered = {"1/16, as for equal scores": 1 / 16, "about 1/4": 1 / 4, "about 0.85": 0.85, "1, without exception": 1}
    weight = largest_weight(1)[0]
    assert abs(largest_weight(8)[0] - 1 / 4) < 0.01
    return min(offered, key=lambda choice: abs(offered[choice] - weight))


NUMBERS = {
    "3.4": lambda: [largest_weight(64)[1], largest_weight(8)[1], largest_weight(64)[1] ** 2, largest_weight(1)[1]],
    "3.5": lambda: [grown(32) / grown(4), 1024 / 32, (1024 / 32) ** 2],
}
CHOICES = {
    "3.1": lambda: "1/4 for each token" if example()["unmasked"][CAT].tolist() == [0.25] * 4 else "",
    "3.2": widths_that_must_agree,
    "3.3": largest_without_a_division,
    "3.6": commonest,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {"3.4": [f"{largest_weight(64)[0]:.2f}"]}
