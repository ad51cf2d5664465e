"""Fit a mixture by gradient: to the likelihood, where members compete, or to the squared error of its mean.

Under the likelihood each member is moved toward y in proportion to its responsibility for the point; under the squared
error each is moved toward the residual of the others, so members whose predictions are far from y may cancel.
"""

import math
from collections.abc import Callable
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import Natural, Positive, checked
from lecture21._support.validation import one_of
from lecture21.mixtures._checks import Points, Targets, require_points
from lecture21.mixtures._units import units_of_order_one
from lecture21.mixtures.formula import Mixture
from lecture21.training.config import TrainConfig
from lecture21.training.tasks import minimize


def _competitive_loss(
    mixture: Mixture, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """Return the mean of -log sum_m g_m P_m(y|x), in nats per point.

    Source: Jacobs et al. 1991, equation 1.3, for normal members of one fixed variance.
    """
    return -mixture.log_prob(x, y).mean()


def _cooperative_loss(
    mixture: Mixture, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """Return the mean squared error of f-bar; for classes the Brier score, summed over the classes.

    The loss does not depend on the variances of normal members, so they keep their initial values.

    Source: Jacobs et al. 1991, equation 1.1, the loss that they replace.
    """
    mean = mixture.mean(x)
    target = y if mean.dim() == 1 else F.one_hot(y.long(), mean.shape[1])
    return (mean - target).square().sum() / len(mean)


_LOSSES: dict[str, Callable[[Mixture, Tensor, Tensor], Tensor]] = {
    "competitive": _competitive_loss,
    "cooperative": _cooperative_loss,
}


@checked
def fit_gradient(
    mixture: Mixture,
    x: Points,
    y: Targets,
    *,
    loss: Annotated[str, one_of(_LOSSES)] = "competitive",
    steps: Natural = 1500,
    learning_rate: Positive = 0.03,
) -> list[float]:
    """Fit in place with Adam on all points at once; the learning rate decreases to 0 along half a cosine.

    The fit is deterministic: it depends on the data and the initial parameters only.

    Args:
        mixture: fitted in place.
        x: inputs, in any unit, as for `fit_em`.
        y: targets.
        loss: "competitive", the negative log-likelihood, or "cooperative", the squared error of the mean.
        steps: number of updates.
        learning_rate: of the first update.

    Returns:
        The steps + 1 values of the loss, before each update and after the last.

    Raises:
        ValueError: if the loss is no longer finite; a smaller learning rate may help.
    """
    require_points(x, y)
    function = _LOSSES[loss]
    with units_of_order_one(mixture, x, y) as (x, y, log_unit):

        def value(_: torch.Generator | None = None) -> Tensor:
            own = function(mixture, x, y)
            return own + log_unit if loss == "competitive" else own * math.exp(2 * log_unit)

        losses = minimize(mixture, value, TrainConfig(steps, learning_rate=learning_rate, schedule="cosine"))
        with torch.no_grad():
            last = value().item()
    if not math.isfinite(last):
        raise ValueError(f"the loss after step {steps} is {last}: try a learning_rate below {learning_rate}")
    return [*losses.tolist(), last]
