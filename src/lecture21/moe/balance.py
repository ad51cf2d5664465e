"""What keeps all experts at work: an auxiliary loss, a bias that only selects, and a loss that keeps logits small."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def load(experts: Int[Tensor, "..."], n_expert: int) -> Float[Tensor, " E"]:
    """Return the share of all assignments that each expert gets; they sum to 1."""
    return experts.flatten().bincount(minlength=n_expert) / experts.numel()


def balance_loss(probabilities: Float[Tensor, "*N E"], experts: Int[Tensor, "*N k"]) -> Float[Tensor, ""]:
    """Return E sum_i f_i P_i: 1 when load or probability is spread equally, E when one expert has both.

    f_i is the share of the assignments that expert i gets, P_i its mean probability. Counts have no gradient: it flows
    through P, and pushes down the probability of those that have more than their share.

    Args:
        probabilities: the router's softmax over all experts, of one layer. Several layers together could hide each
            other's collapse.
        experts: those chosen.

    Source: Fedus et al. 2022, equations 4 to 6, for k = 1; f is divided by k as well here, so that balance is 1 for
    every k.
    """
    n_expert = probabilities.shape[-1]
    share = load(experts, n_expert).to(probabilities.dtype)
    return n_expert * (share * probabilities.flatten(0, -2).mean(0)).sum()


def z_loss(logits: Float[Tensor, "*N E"]) -> Float[Tensor, ""]:
    """Return the mean square of the log-sum-exp of the logits, which keeps them small; it balances nothing.

    Source: Zoph et al. 2022 (ST-MoE), equation 5.
    """
    return logits.logsumexp(-1).square().mean()


@torch.no_grad()
def rebalanced(bias: Float[Tensor, " E"], experts: Int[Tensor, "*N k"], rate: float) -> Float[Tensor, " E"]:
    """Return the biases after one step: up by `rate` below the mean load, down by as much above it.

    Source: Wang et al. 2024 (arXiv 2408.15664), algorithm 1.
    """
    counts = load(experts, len(bias))
    return bias + rate * (counts.mean() - counts).sign()
