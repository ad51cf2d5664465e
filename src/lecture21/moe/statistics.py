"""Statistics of the routing: load, dropped tokens, entropy, and how much an expert depends on the token."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import checked
from lecture21._support.modes import evaluating
from lecture21.moe.balance import _load, probabilities_of
from lecture21.moe.config import Gates
from lecture21.moe.routing import Router, Routing

_DEAD = 0.1  # an expert with less than this part of its equal share counts as dead


@dataclass(frozen=True)
class _RouterStatistics:
    """Statistics of one layer on one batch. Load balance and specialization are different properties."""

    load: Float[Tensor, " E"]
    """Share of the assignments of each expert."""
    probability: Float[Tensor, " E"]
    """Mean probability of each expert."""
    load_entropy: float
    """Entropy of the load divided by ln E: 1 if it is uniform, 0 if one expert has all of it."""
    max_violation: float
    """E times the largest load, less 1 (MaxVio; Wang et al. 2024): 0 at balance. With one device for each expert,
    a step takes 1 + this times as long as at balance, since all wait for the busiest."""
    dead: int
    """Number of experts with less than a tenth of their equal share."""
    dropped: float
    """Share of the assignments beyond the capacity."""
    router_entropy: float
    """Mean entropy of a token's probabilities divided by ln E: 0 if the router is certain."""
    logsumexp: float
    """Mean absolute log-sum-exp of the logits."""
    information: float | None
    """Mutual information of token and expert divided by the expert's entropy: 1 if the token determines the expert.
    Estimated from counts, and biased upwards for rare tokens. None without token ids, or with one expert."""


def _entropy(probabilities: Float[Tensor, "*N E"]) -> Float[Tensor, "*N"]:
    return torch.special.entr(probabilities).sum(-1)


@checked
@torch.no_grad()
def describe(routing: Routing, ids: Int[Tensor, "B T"] | None = None, *, gates: Gates = "softmax") -> _RouterStatistics:
    """Return the statistics of one routing; given token ids, also their mutual information with the experts.

    The probabilities are those of the router's `MoEConfig.gates`.
    """
    n_expert = routing.logits.shape[-1]
    if ids is not None and ids.numel() and ids.min() < 0:
        raise ValueError(f"ids must be >= 0, got {ids.min()}")
    if ids is not None and ids.shape != routing.experts.shape[:2]:
        raise ValueError(f"ids must be {tuple(routing.experts.shape[:2])}, one for each token, got {tuple(ids.shape)}")
    share = _load(routing.experts, n_expert)
    probabilities = probabilities_of(routing.logits, gates)
    most = math.log(n_expert) if n_expert > 1 else 1.0
    return _RouterStatistics(
        load=share,
        probability=probabilities.flatten(0, 1).mean(0),
        load_entropy=_entropy(share).item() / most,
        max_violation=n_expert * share.max().item() - 1,
        dead=int((share < _DEAD / n_expert).sum()),
        dropped=1 - routing.kept.float().mean().item(),
        router_entropy=_entropy(probabilities).mean().item() / most,
        logsumexp=routing.logits.logsumexp(-1).abs().mean().item(),
        information=None if ids is None else _information(ids, routing.experts, n_expert),
    )


def _information(ids: Int[Tensor, "B T"], experts: Int[Tensor, "B T k"], n_expert: int) -> float | None:
    pairs = (ids[..., None] * n_expert + experts).cpu()  # (B, T, k); MPS has no float64
    joint = pairs.flatten().bincount(minlength=(int(ids.max()) + 1) * n_expert).view(-1, n_expert).double()
    joint = joint / joint.sum()
    token, expert = joint.sum(1), joint.sum(0)
    if not _entropy(expert):
        return None
    return ((_entropy(token) + _entropy(expert) - _entropy(joint.flatten())) / _entropy(expert)).item()


@contextmanager
def routings(model: nn.Module) -> Iterator[list[tuple[Router, Routing]]]:
    """Collect the routings of all routers of a model during a `with` block, in the order of the layers."""
    collected: list[tuple[Router, Routing]] = []
    routers = [module for module in model.modules() if isinstance(module, Router)]
    hooks = [r.register_forward_hook(lambda router, _, routing: collected.append((router, routing))) for r in routers]
    try:
        yield collected
    finally:
        for hook in hooks:
            hook.remove()


@checked
@torch.no_grad()
def statistics_of(model: nn.Module, ids: Int[Tensor, "B T"]) -> list[_RouterStatistics]:
    """Run a model on token ids, in evaluation mode, and return the statistics of each sparse layer."""
    with evaluating(model), routings(model) as collected:
        model(ids)
    if not collected:
        raise ValueError(f"{type(model).__name__} has no sparse layer")
    return [describe(routing, ids, gates=router.config.gates) for router, routing in collected]
