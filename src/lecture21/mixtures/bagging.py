"""Bagging: the same learner on M bootstrap samples, and a gate that gives every member the same weight (slide 31)."""

import torch
from jaxtyping import Int
from torch import Tensor

from lecture21._support.contract import Count, Seed, checked
from lecture21.mixtures._checks import Points, Targets, require_points
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import UniformGate
from lecture21.mixtures.learners import _Learner


def _bootstrap_counts(n_point: int, n_member: int, *, seed: int = 0) -> Int[Tensor, "M N"]:
    """Return how often each of N points occurs in each of M samples of N points, drawn with replacement.

    A sample contains about 1 - 1/e = 63 % of the points.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(n_point, (n_member, n_point), generator=generator)
    return torch.zeros(n_member, n_point, dtype=torch.long).scatter_add_(1, drawn, torch.ones_like(drawn))


@checked
def bag(
    learner: _Learner,
    x: Points,
    y: Targets,
    *,
    n_member: Count = 8,
    seed: Seed = 0,
    counts: Int[Tensor, "M N"] | None = None,
) -> Mixture:
    """Fit each member to its own bootstrap sample; the result is their `Mixture` with a `UniformGate`.

    Its `mean` is the average of the members' means, which is Breiman's bagged predictor. The density of `log_prob` is
    wider than the members': its variance is their mean variance plus the variance of their means (the ambiguity).

    Args:
        learner: fits one member to weighted points; a point that was drawn twice has weight 2.
        x: inputs.
        y: one target, number or class, for each input.
        n_member: number of members M.
        seed: seed of the samples.
        counts: how often each point occurs in each member's sample, instead of a random draw.

    Source: slide 31; Breiman 1996.
    """
    require_points(x, y)
    if counts is None:
        counts = _bootstrap_counts(len(x), n_member, seed=seed)
    if counts.shape != (n_member, len(x)) or counts.min() < 0:
        given = f"{tuple(counts.shape)} with {counts.min()}"
        raise ValueError(f"counts must be numbers >= 0 of shape {(n_member, len(x))}, got {given}")
    return Mixture([learner(x, y, row.to(x.dtype)) for row in counts], UniformGate(n_member))
