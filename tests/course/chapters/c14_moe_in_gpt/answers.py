"""Answers of chapter 14."""

import torch

from lecture21.accounting import distinct_experts
from lecture21.course.chapters import results
from lecture21.moe import balance_loss, route

FACTORS = torch.tensor([7.0, 14.0, -7.0])
SCORES = torch.tensor([1.0, 2.0, 5.0]).log()


def factor_of(top_k: int, *, renormalize: bool = True) -> float:
    """The factor by which the worked example's layer multiplies token 2."""
    experts, weights = route(SCORES, top_k, renormalize=renormalize)
    return (weights * FACTORS[experts]).sum().item()


def with_other_experts() -> float:
    """The factor with experts 1 and 2, those of token 1."""
    weights = SCORES.softmax(-1)[:2]
    return (weights * FACTORS[:2]).sum().item() / weights.sum().item()


def without_sign() -> float:
    """The factor if expert 3 multiplied by 7."""
    experts, weights = route(SCORES, 2)
    return (weights * FACTORS.abs()[experts]).sum().item()


def order_of_reroutes() -> str:
    table = results.load("reroute").query("model == 'modern-moe' and text == 'validation plays' and layer.isna()")
    nats = table.set_index("choice")["nats"]
    names = {"usual": "usual", "none": "none", "other": "another"}
    shown = nats[["learned", *names]].round(2).tolist()
    assert shown == [1.53, 1.70, 2.48, 2.89]  # as the explanation says
    return ", ".join(names[choice] for choice in nats[list(names)].sort_values().index)


def collapsed_loss(probability: float) -> float:
    rest = (1 - probability) / 7
    probabilities = torch.tensor([[probability, *[rest] * 7]]).expand(5, 8)
    return balance_loss(probabilities, torch.zeros(5, 1, dtype=torch.long)).item()


def gradient_of_a_single_weight() -> str:
    scores = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    _, weights = route(scores, 1)
    (weights * torch.arange(5.0)[:, None]).sum().backward()
    return "0" if scores.grad.abs().max() < 1e-6 else ""


NUMBERS = {
    "14.1": lambda: [
        factor_of(2), factor_of(2, renormalize=False), factor_of(3), factor_of(1),
        with_other_experts(), without_sign(),
    ],
    "14.3": lambda: [collapsed_loss(0.4), collapsed_loss(1.0), collapsed_loss(0.4) / 8, collapsed_loss(1 / 8)],
    "14.5": lambda: [
        distinct_experts(8, 2, 8), distinct_experts(8, 2, 1), 8, 8 - distinct_experts(8, 2, 8),
        distinct_experts(8, 1, 8), distinct_experts(8, 2, 8) / 8,
    ],
}  # fmt: skip
CHOICES = {
    "14.2": order_of_reroutes,
    "14.4": gradient_of_a_single_weight,
}
IN_CHAPTER = set()
