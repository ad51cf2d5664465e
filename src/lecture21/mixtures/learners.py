"""Learners fit one member to weighted points; bagging and boosting call them with other weights or other targets."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.validation import require_number, require_whole
from lecture21.mixtures._checks import require_points
from lecture21.training.config import TrainConfig
from lecture21.training.tasks import minimize

_Learner = Callable[[Tensor, Tensor, Tensor], nn.Module]  # x (N, D), y (N,), weights (N,) >= 0 -> a new, fitted member


def likelihood_learner(make: Callable[[], nn.Module], *, steps: int = 600, learning_rate: float = 0.03) -> _Learner:
    """Return a learner that makes a member and maximizes its weighted mean log-likelihood.

    The optimizer is Adam on all points at once; the learning rate decreases to 0 along a cosine. A point of weight 2
    counts as two points.

    Args:
        make: returns a new member, drawn from torch's global generator; call `torch.manual_seed` to reproduce it.
        steps: number of updates.
        learning_rate: at the first update.
    """
    require_whole("steps", steps)
    require_number("learning_rate", learning_rate, "a positive number", lambda rate: 0 < rate < math.inf)
    config = TrainConfig(steps, learning_rate=learning_rate, schedule="cosine")

    def learn(
        x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"], weights: Float[Tensor, " N"]
    ) -> nn.Module:
        require_points(x, y, weights)
        shares = (weights / weights.sum()).to(x.dtype)
        member = make().to(x.dtype)

        def loss(_: torch.Generator) -> Float[Tensor, ""]:
            return -(shares * member.log_prob(x, y)).sum()

        minimize(member, loss, config)
        return member.requires_grad_(False)

    return learn
