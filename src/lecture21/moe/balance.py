"""Load balancing: an auxiliary loss, a selection bias, and a loss that keeps router logits small."""

from collections.abc import Callable
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import NOT_EMPTY, NonNegative, checked
from lecture21.moe.config import Gates


def _require_experts(experts: Int[Tensor, "..."], n_expert: int) -> None:
    """Raise ValueError unless these are experts 0 ... E - 1; on the CPU, not to wait for another device."""
    if experts.device.type == "cpu" and experts.numel() and not 0 <= experts.min() <= experts.max() < n_expert:
        raise ValueError(f"experts must be in 0..{n_expert - 1}, got {experts.min()}..{experts.max()}")


def _load(
    experts: Int[Tensor, "..."], n_expert: int, sum_over_processes: Callable[[Tensor], Tensor] | None = None
) -> Float[Tensor, " E"]:
    """Return the share of all assignments that each expert receives; the shares sum to 1.

    Counts are summed over processes, not shares, so that the result is exactly that of one process.
    """
    counts = experts.flatten().bincount(minlength=n_expert)
    if sum_over_processes is not None:
        counts = sum_over_processes(counts)
    return counts / counts.sum()


@checked
def probabilities_of(logits: Float[Tensor, "*N E"], gates: Gates = "softmax") -> Float[Tensor, "*N E"]:
    """Return each expert's part of a token's scores, which sum to 1: the softmax, or the sigmoids over their sum."""
    return F.normalize(logits.sigmoid(), p=1, dim=-1) if gates == "sigmoid" else logits.softmax(-1)


@checked
def balance_loss(
    probabilities: Float[Tensor, "*N E"],
    experts: Annotated[Int[Tensor, "*N k"], NOT_EMPTY],
    load: Float[Tensor, " E"] | None = None,
) -> Float[Tensor, ""]:
    """Return E sum_e f_e P_e: 1 if load or probability is uniform, E if one expert has all of both.

    f_e is the share of the assignments of expert e, P_e its mean probability. Counts have no gradient: it flows through
    P, and lowers the probability of the experts with more than their share.

    Args:
        probabilities: the router's over all experts (`probabilities_of`), of one layer. Pooled over layers, collapsed
            layers could cancel each other out.
        experts: the selected experts.
        load: f, if these tokens are only a part of the batch; by default that of `experts`.

    Source: Fedus et al. 2022, equations 4 to 6, for k = 1; here f is divided by k as well, so that balance is 1 for
    every k.
    """
    n_expert = probabilities.shape[-1]
    _require_experts(experts, n_expert)
    load = _load(experts, n_expert) if load is None else load
    return n_expert * (load.to(probabilities.dtype) * probabilities.flatten(0, -2).mean(0)).sum()


def _z_loss(logits: Float[Tensor, "*N E"]) -> Float[Tensor, ""]:
    """Return the mean square of the log-sum-exp of the logits, which keeps them small; it does not balance the load.

    Source: Zoph et al. 2022 (ST-MoE), equation 5.
    """
    return logits.logsumexp(-1).square().mean()


@checked
@torch.no_grad()
def rebalanced(
    bias: Float[Tensor, " E"], experts: Int[Tensor, "*N k"], rate: NonNegative, load: Float[Tensor, " E"] | None = None
) -> Float[Tensor, " E"]:
    """Return the biases after one step: increased by `rate` below the mean load, decreased by it above.

    Args:
        bias: added to the scores in the selection.
        experts: the selected experts.
        rate: step size.
        load: of each expert, if these tokens are only a part of the batch; by default that of `experts`.

    Source: Wang et al. 2024 (arXiv 2408.15664), algorithm 1.
    """
    _require_experts(experts, len(bias))
    load = _load(experts, len(bias)) if load is None else load
    return bias + rate * (load.mean() - load).sign()
