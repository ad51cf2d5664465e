"""Fit a mixture by gradient: for the likelihood, where members compete, or for the squared error of their blend.

Under the likelihood each member is pulled to y in proportion to its responsibility for the point; under the squared
error of the blend each is pulled to what the others have left over, so that members far from y may cancel.
"""

import math
import sys
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from lecture21._support.validation import require_choice, require_number, require_whole
from lecture21.mixtures.formula import Mixture


def competitive_loss(
    mixture: Mixture, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """Return the mean of -log sum_m g_m P_m(y|x), in nats for each point.

    Source: Jacobs et al. 1991, equation 1.3, for normal members of one fixed variance.
    """
    return -mixture.log_prob(x, y).mean()


def cooperative_loss(
    mixture: Mixture, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]
) -> Float[Tensor, ""]:
    """Return the mean squared error of f-bar; for classes the Brier score, summed over the classes.

    No variance enters, so those of normal members stay where they are.

    Source: Jacobs et al. 1991, equation 1.1, the loss that they replace.
    """
    mean = mixture.mean(x)
    target = y if mean.dim() == 1 else F.one_hot(y.long(), mean.shape[1])
    if target.shape != mean.shape:
        raise ValueError(f"y must have the shape {tuple(mean.shape[:1])}, one for each x, got {tuple(y.shape)}")
    return (mean - target).square().sum() / len(mean)


LOSSES: dict[str, Callable[[Mixture, Tensor, Tensor], Tensor]] = {
    "competitive": competitive_loss,
    "cooperative": cooperative_loss,
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
    """Fit in place with Adam on all points at once, the step size falling to 0 along half a cosine.

    Nothing is random: the outcome follows from the parameters at the start.

    Args:
        mixture: fitted in place.
        x: the inputs.
        y: what followed them.
        loss: a key of `LOSSES`.
        steps: number of updates.
        learning_rate: of the first update.

    Returns:
        The loss before each update, and after the last: steps + 1 numbers.

    Raises:
        ValueError: if an argument is out of range, the mixture has nothing to fit, or the loss is no longer finite.
    """
    require_choice("loss", loss, LOSSES)
    require_whole("steps", steps, least=0)
    require_number("learning_rate", learning_rate, "a positive number", lambda rate: 0 < rate < math.inf)
    fitted = [p for p in mixture.parameters() if p.requires_grad]
    if not fitted:
        raise ValueError("the mixture has no parameter to fit")
    optimizer = torch.optim.Adam(fitted, lr=learning_rate, fused=x.device.type in ("cpu", "cuda"))
    losses = []
    for step in tqdm(range(steps + 1), unit="step", dynamic_ncols=True, disable=not sys.stderr.isatty()):
        value = LOSSES[loss](mixture, x, y)
        losses.append(value.item())
        if not math.isfinite(losses[-1]):
            advice = f"try a learning_rate below {learning_rate}" if step else "x, y and the parameters must be finite"
            raise ValueError(f"the loss before step {step} is {losses[-1]}: {advice}")
        if step == steps:
            break
        optimizer.param_groups[0]["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return losses


@torch.no_grad()
def gate_logit_gradient(
    mixture: Mixture, x: Float[Tensor, "N D"], y: Float[Tensor, " N"] | Int[Tensor, " N"]
) -> Float[Tensor, "N M"]:
    """Return d log P(y|x) / d logit_m of a softmax gate: the responsibility less the gate's probability.

    What the gate believed before y is moved to what is believed after it, point by point. For a `LinearGate` with
    weight V this gives d log-likelihood / dV = (R - G)^T X.

    Source: Jordan & Jacobs 1994.
    """
    return mixture.responsibilities(x, y) - mixture.gate_probabilities(x)
