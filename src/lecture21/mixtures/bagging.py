"""Bagging: the same learner on M bootstrap samples, and a gate that counts every member the same (slide 31)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.validation import require_whole
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import UniformGate
from lecture21.mixtures.learners import Learner, require_weights


def bootstrap_counts(n_point: int, n_member: int, *, seed: int = 0) -> Int[Tensor, "M N"]:
    """Return how often each of N points is in each of M samples of N points, drawn with replacement.

    About 1 - 1/e = 63 % of the points are in a sample at least once.

    Raises:
        ValueError: if the number of points or of members is below 1.
    """
    require_whole("n_point", n_point)
    require_whole("n_member", n_member)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(n_point, (n_member, n_point), generator=generator)
    return torch.zeros(n_member, n_point, dtype=torch.long).scatter_add_(1, drawn, torch.ones_like(drawn))


def bag(
    learner: Learner,
    x: Float[Tensor, "N D"],
    y: Float[Tensor, " N"] | Int[Tensor, " N"],
    *,
    n_member: int = 8,
    seed: int = 0,
    counts: Int[Tensor, "M N"] | None = None,
) -> Mixture:
    """Fit each member to its own bootstrap sample; the result is their `Mixture` with a `UniformGate`.

    Its `mean` is the average of the members' means, which is Breiman's bagged predictor. Its `log_prob` is the density
    of the same mixture, and that is wider than the members': its variance is their mean variance plus the variance of
    their means (the ambiguity). Where members disagree, the density says so.

    Args:
        learner: fits one member to weighted points; a point drawn twice has weight 2.
        x: the points.
        y: one number or class for each.
        n_member: M, how many members.
        seed: draws the samples.
        counts: how often each point is in each member's sample, in place of drawing them: row m may be any subset.

    Raises:
        ValueError: if `n_member` is below 1, there is no point, or `counts` is not one row for each member, or has a
            row without a point.

    Source: slide 31; Breiman 1996.
    """
    require_whole("n_member", n_member)
    require_weights(x, y, torch.ones(y.shape[:1]))
    counts = bootstrap_counts(len(x), n_member, seed=seed) if counts is None else counts
    if counts.shape != (n_member, len(x)):
        raise ValueError(f"counts must have the shape {(n_member, len(x))}, got {tuple(counts.shape)}")
    return Mixture([learner(x, y, row.to(x.dtype)) for row in counts], UniformGate(n_member))
