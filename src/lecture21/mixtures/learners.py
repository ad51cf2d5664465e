"""Fit one member to weighted data: what bagging and boosting repeat, each with other weights or other targets."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.validation import require_number, require_whole

Learner = Callable[[Tensor, Tensor, Tensor], nn.Module]
"""A learner takes x (N, D), y (N,) and weights (N,), not negative, and returns a new fitted member. A weight of 2 means
that the point is there twice."""


def likelihood_learner(make: Callable[[], nn.Module], *, steps: int = 600, learning_rate: float = 0.03) -> Learner:
    """Return a learner that makes a member and climbs its weighted mean log-likelihood.

    Adam on all points at once; the learning rate falls to 0 along a cosine.

    Args:
        make: gives a new member each time, drawn from torch's own generator, so that `torch.manual_seed` fixes it.
        steps: how many updates.
        learning_rate: at the first of them.

    Raises:
        ValueError: if `steps` is below 1 or the learning rate not positive; when it learns, if there are no points, or
            x, y and weights differ in length, or the weights are negative, not finite, or all 0.
    """
    require_whole("steps", steps)
    require_number("learning_rate", learning_rate, "a positive number", lambda rate: 0 < rate < float("inf"))

    def learn(
        x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"], weights: Float[Tensor, " N"]
    ) -> nn.Module:
        require_weights(x, y, weights)
        shares = (weights / weights.sum()).to(x.dtype)
        member = make().to(x.dtype)
        optimizer = torch.optim.Adam(member.parameters(), lr=learning_rate, fused=x.device.type in ("cpu", "cuda"))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            optimizer.zero_grad()
            (-(shares * member.log_prob(x, y)).sum()).backward()
            optimizer.step()
            schedule.step()
        return member.requires_grad_(False)

    return learn


def require_weights(x: Tensor, y: Tensor, weights: Tensor) -> None:
    """Raise ValueError unless there is a point, one y and one weight for each, and a weight above 0."""
    if not len(x):
        raise ValueError("a learner needs at least one point, got none")
    if y.shape != x.shape[:1] or weights.shape != x.shape[:1]:
        shapes = f"y of shape {tuple(y.shape)} and weights of shape {tuple(weights.shape)}"
        raise ValueError(f"each of the {len(x)} points needs one y and one weight, got {shapes}")
    if not weights.isfinite().all() or weights.min() < 0 or weights.max() <= 0:
        raise ValueError(f"weights must be finite, >= 0, and not all 0, got {weights.min():g} to {weights.max():g}")
