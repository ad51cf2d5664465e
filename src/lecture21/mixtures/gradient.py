"""Fit a mixture by gradient: to the likelihood, where members compete, or to the squared error of its mean.

Under the likelihood each member is moved toward y in proportion to its responsibility for the point; under the squared
error each is moved toward the residual of the others, so members whose predictions are far from y may cancel.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.validation import require_choice, require_number, require_whole
from lecture21.mixtures._checks import require_one_per_point, require_points
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
    require_one_per_point("y", y, len(mean))
    target = y if mean.dim() == 1 else F.one_hot(y.long(), mean.shape[1])
    return (mean - target).square().sum() / len(mean)


_LOSSES: dict[str, Callable[[Mixture, Tensor, Tensor], Tensor]] = {
    "competitive": _competitive_loss,
    "cooperative": _cooperative_loss,
}


def fit_gradient(
    mixture: Mixture,
    x: Float[Tensor, "N D"],
    y: Float[Tensor, " N"] | Int[Tensor, " N"],
    *,
    loss: str = "competitive",
    steps: int = 1500,
    learning_rate: float = 0.03,
) -> list[float]:
    """Fit in place with Adam on all points at once; the learning rate decreases to 0 along half a cosine.

    The fit is deterministic: it depends on the data and the initial parameters only.

    Args:
        mixture: fitted in place.
        x: inputs.
        y: targets.
        loss: "competitive", the negative log-likelihood, or "cooperative", the squared error of the mean.
        steps: number of updates.
        learning_rate: of the first update.

    Returns:
        The steps + 1 values of the loss, before each update and after the last.

    Raises:
        ValueError: if the loss is no longer finite; a smaller learning rate may help.
    """
    require_choice("loss", loss, _LOSSES)
    require_whole("steps", steps, least=0)
    require_number("learning_rate", learning_rate, "a positive number", lambda rate: 0 < rate < math.inf)
    require_points(x, y)
    function = _LOSSES[loss]

    def value(_: torch.Generator | None = None) -> Tensor:
        return function(mixture, x, y)

    losses = minimize(mixture, value, TrainConfig(steps, learning_rate=learning_rate, schedule="cosine"))
    with torch.no_grad():
        last = value().item()
    if not math.isfinite(last):
        raise ValueError(f"the loss after step {steps} is {last}: try a learning_rate below {learning_rate}")
    return [*losses.tolist(), last]
