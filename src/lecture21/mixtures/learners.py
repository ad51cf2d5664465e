"""Learners fit one member to weighted points; bagging and boosting call them with other weights or other targets."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import Count, Positive, checked
from lecture21.mixtures._checks import Points, Targets, require_points
from lecture21.mixtures._units import units_of_order_one
from lecture21.training.config import TrainConfig
from lecture21.training.tasks import minimize

_Learner = Callable[[Tensor, Tensor, Tensor], nn.Module]  # x (N, D), y (N,), weights (N,) >= 0 -> a new, fitted member


@checked
def likelihood_learner(
    make: Callable[[], nn.Module], *, steps: Count = 600, learning_rate: Positive = 0.03
) -> _Learner:
    """Return a learner that makes a member and maximizes its weighted mean log-likelihood.

    The optimizer is Adam on all points at once; the learning rate decreases to 0 along a cosine. A point of weight 2
    counts as two points.

    Args:
        make: returns a new member, drawn from torch's global generator; call `torch.manual_seed` to reproduce it.
        steps: number of updates.
        learning_rate: at the first update.
    """
    config = TrainConfig(steps, learning_rate=learning_rate, schedule="cosine")

    @checked
    def learn(x: Points, y: Targets, weights: Float[Tensor, " N"]) -> nn.Module:
        require_points(x, y, weights)
        shares = (weights / weights.sum()).to(x.dtype)
        member = make().to(x.dtype)

        with units_of_order_one(member, x, y) as (own_x, own_y, _):

            def loss(_: torch.Generator) -> Float[Tensor, ""]:
                return -(shares * member.log_prob(own_x, own_y)).sum()

            minimize(member, loss, config)
        return member.requires_grad_(False)

    return learn
