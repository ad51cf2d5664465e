"""Answers of chapter 03."""

import jaxtyping
import pytest
import torch
from worked_example import CAT, example

from lecture21.attention import attention
from lecture21.course.chapters import results
from lecture21.layers import MultiHeadAttention


def heads(n_head: int) -> tuple[int, int, int]:
    """The parameters of a layer of width 64, its attention weights for 32 tokens, and the width of a head."""
    layer = MultiHeadAttention(64, n_head, bias=False, causal=False)
    _, weights = layer.explicit(torch.zeros(1, 32, 64))
    return sum(p.numel() for p in layer.parameters()), weights.numel(), layer.query.out_features // n_head


def doubled_with_8_heads() -> str:
    (parameters, weights, _), (parameters_8, weights_8, _) = heads(4), heads(8)
    doubled = parameters_8 == 2 * parameters, weights_8 == 2 * weights
    return {
        (True, True): "the parameters and the attention weights",
        (True, False): "the parameters only",
        (False, True): "the attention weights only",
    }.get(doubled, "neither")


def widths_that_must_agree() -> str:
    attention(torch.ones(4, 8), torch.ones(4, 8), torch.ones(4, 3))
    with pytest.raises((ValueError, jaxtyping.TypeCheckError)):
        attention(torch.ones(4, 8), torch.ones(4, 3), torch.ones(4, 8))
    return "only queries and keys"


def derivative(score: float) -> float:
    """The derivative of the larger of two weights with respect to its score, the other score being 0."""
    score = torch.tensor(score, dtype=torch.float64, requires_grad=True)
    torch.stack([score, torch.zeros_like(score)]).softmax(dim=0)[0].backward()
    return score.grad.item()


def share_at_100_words() -> str:
    rows = results.load("agreement").query("trained == '1-40' and distance == 100 and chosen").set_index("arm")
    share = rows[[f"s{seed}" for seed in range(10)]].mean(axis=1)
    offered = {"about 1/2, as a coin does": 1 / 2, "about 3/4": 3 / 4, "over 0.9": 0.95}
    assert share["basic"] < share["head"] - 0.1
    return min(offered, key=lambda choice: abs(offered[choice] - share["head"]))


NUMBERS = {
    "3.2": lambda: [derivative(1) / derivative(8), 8, derivative(1), derivative(8) / derivative(1)],
}
CHOICES = {
    "3.1": lambda: "1/4 for each token" if example()["unmasked"][CAT].tolist() == [0.25] * 4 else "",
    "3.3": widths_that_must_agree,
    "3.4": doubled_with_8_heads,
    "3.5": share_at_100_words,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {
        "3.2": [f"{derivative(1):.3f}", f"{derivative(8):.6f}"],
        "3.4": [
            f"4 · 64² = {heads(8)[0]:,} parameters",
            f"8 · 32² = {heads(8)[1]:,} in place of {heads(4)[1]:,}",
            f"{heads(8)[2]} wide in place of {heads(4)[2]}",
            f"at most {heads(8)[2]}",
        ],
    }
