"""Answers of chapter 03."""

import functools

import jaxtyping
import pytest
import torch
from worked_example import CAT, example

from lecture21.attention import attention
from lecture21.course.chapters import results
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


def searches() -> list[float]:
    """The rank of a form with two searches, the most with one, and the number of features that take part."""
    form = torch.zeros(4, 4)
    form[3, 0] = form[2, 1] = 1
    return [torch.linalg.matrix_rank(form).item(), 1, (form.any(dim=0).sum() + form.any(dim=1).sum()).item()]


def share_at_100_words() -> str:
    table = results.load("subject").query("distance == 100 and seed < 100").groupby("arm").score
    offered = {"about 1/2, as a coin does": 1 / 2, "about 3/4": 3 / 4, "over 0.9": 0.95}
    assert table.mean()["basic self-attention"] < table.mean()["learned head"] - 0.1
    return min(offered, key=lambda choice: abs(offered[choice] - table.mean()["learned head"]))


def named_right() -> list[float]:
    """The share of cases in which two digits are named in the right order if only the set of the two is known."""
    pairs = torch.cartesian_prod(torch.arange(10), torch.arange(10))
    equal = (pairs[:, 0] == pairs[:, 1]).double().mean().item()
    return [equal + (1 - equal) / 2, 1 / 2, 1 / 10, 1]


NUMBERS = {
    "3.3": searches,
    "3.5": lambda: [derivative(1) / derivative(8), 8, derivative(1), derivative(8) / derivative(1)],
    "3.6": lambda: [largest_weight(64)[1], largest_weight(8)[1], largest_weight(64)[1] ** 2, largest_weight(1)[1]],
    "3.8": named_right,
}
CHOICES = {
    "3.1": lambda: "1/4 for each token" if example()["unmasked"][CAT].tolist() == [0.25] * 4 else "",
    "3.2": widths_that_must_agree,
    "3.4": share_at_100_words,
    "3.7": doubled_with_8_heads,
}
IN_CHAPTER = set()


def explained() -> dict[str, list[str]]:
    return {
        "3.5": [f"{derivative(1):.3f}", f"{derivative(8):.6f}"],
        "3.6": [f"{largest_weight(64)[0]:.2f}"],
        "3.7": [
            f"4 · 64² = {heads(8)[0]:,} parameters",
            f"8 · 32² = {heads(8)[1]:,} in place of {heads(4)[1]:,}",
            f"{heads(8)[2]} wide in place of {heads(4)[2]}",
            f"at most {heads(8)[2]}",
        ],
    }
