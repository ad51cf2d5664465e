"""Fit a mixture by expectation and maximisation: who is responsible, then each one fitted to its own share of the data.

The members are fitted in closed form by weighted least squares; the gate, a softmax, by Newton's method, each step of
which is halved until it does not lower what it is to raise. So no step of `fit_em` ever lowers the likelihood.
"""

import math
import sys

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from tqdm import tqdm

from lecture21._support.validation import require_number, require_whole
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import LinearGate
from lecture21.mixtures.members import LinearClassifier, LinearGaussian

RIDGE = 1e-6
"""Added to the diagonal of Newton's matrix, which is singular: a softmax does not see what is added to all its logits.
It bends the step and not the goal."""
HALVINGS = 60
"""After so many halvings a step is lost in rounding, and is not taken."""
LEAST_WEIGHT = 1e-12
"""A member responsible for less than this share of one point is left as it is: nothing there says what it should be."""


def _with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (N, D+1)


@torch.no_grad()
def fit_linear_gaussian(
    member: LinearGaussian, x: Float[Tensor, "N D"], y: Float[Tensor, " N"], weight: Float[Tensor, " N"]
) -> None:
    """Set a member to the maximum of sum_n weight_n log P(y_n|x_n): weighted least squares, and weighted variance.

    The variance is that of the residuals or the member's floor, whichever is larger: among the variances that are
    allowed this one is the likeliest.
    """
    inputs, root = _with_ones(x), weight.sqrt()
    solution = torch.linalg.lstsq(inputs * root[:, None], (y * root)[:, None], driver="gelsd").solution[:, 0]
    member.network.weight.copy_(solution[None, :-1])
    member.network.bias.copy_(solution[-1:])
    variance = (weight * (y - inputs @ solution) ** 2).sum() / weight.sum()
    # exp(-50) is lost beside any floor: the variance is then the floor itself.
    member.log_sd.copy_(0.5 * (variance - member.least_sd**2).clamp(min=math.exp(-50)).log())


@torch.no_grad()
def fit_softmax(
    linear: nn.Linear,
    x: Float[Tensor, "N D"],
    share: Float[Tensor, "N K"],
    *,
    damped: bool = True,
    newton_steps: int = 1,
) -> None:
    """Raise Q = sum_nk share_nk log softmax(linear(x_n))_k by Newton steps (iteratively reweighted least squares).

    Args:
        linear: K outputs, changed in place.
        x: the inputs.
        share: how much of each point belongs to each output; a row may have any sum.
        damped: halve a step until it does not lower Q; otherwise take it whole.
        newton_steps: number of steps.

    Source: Jordan & Jacobs 1994.
    """
    inputs = _with_ones(x)  # (N, P)
    total = share.sum(dim=1)  # (N)
    now = torch.cat([linear.weight, linear.bias[:, None]], dim=1)  # (K, P)
    size = now.numel()

    def q(parameters: Tensor) -> float:
        return (share * (inputs @ parameters.T).log_softmax(dim=1)).sum().item()

    for _ in range(newton_steps):
        g = (inputs @ now.T).softmax(dim=1)
        gradient = (share - total[:, None] * g).T @ inputs  # (K, P)
        spread = torch.diag_embed(g) - g[:, :, None] * g[:, None, :]  # (N, K, K), the covariance of the softmax
        curvature = torch.einsum("n,nkl,np,nq->kplq", total, spread, inputs, inputs).reshape(size, size)
        ridge = RIDGE * torch.eye(size, dtype=now.dtype, device=now.device)
        step = torch.linalg.solve(curvature + ridge, gradient.flatten()).view_as(now)
        if damped:
            before = q(now)
            factor = next((0.5**k for k in range(HALVINGS) if q(now + 0.5**k * step) >= before), 0.0)
            step = factor * step
        now = now + step
    linear.weight.copy_(now[:, :-1])
    linear.bias.copy_(now[:, -1])


def _require_fittable(module: nn.Module) -> None:
    """Raise ValueError unless this module, and all below it, is one that an M-step here knows or need not know."""
    if isinstance(module, Mixture):
        if any(True for _ in module.gate.parameters()) and not isinstance(module.gate, LinearGate):
            known = "LinearGate and gates without parameters"
            raise ValueError(f"EM here fits {known}, not {type(module.gate).__name__}: use fit_gradient")
        for member in module.members:
            _require_fittable(member)
    elif not isinstance(module, LinearGaussian | LinearClassifier) and any(True for _ in module.parameters()):
        known = "LinearGaussian, LinearClassifier, members without parameters and mixtures of these"
        raise ValueError(f"EM here fits {known}, not {type(module).__name__}: use fit_gradient")


def _step(module: nn.Module, x: Tensor, y: Tensor, weight: Tensor, damped: bool, newton_steps: int) -> None:
    """Raise sum_n weight_n log P(y_n|x_n), by one step of EM where the module is a mixture, and else at once."""
    if weight.sum() < LEAST_WEIGHT:
        return
    if isinstance(module, Mixture):
        share = weight[:, None] * module.responsibilities(x, y)  # all of the E-step comes before any of the M-step
        for member, its_share in zip(module.members, share.unbind(1), strict=True):
            _step(member, x, y, its_share, damped, newton_steps)
        if isinstance(module.gate, LinearGate):
            fit_softmax(module.gate.network, x, share, damped=damped, newton_steps=newton_steps)
    elif isinstance(module, LinearGaussian):
        fit_linear_gaussian(module, x, y, weight)
    elif isinstance(module, LinearClassifier):
        share = weight[:, None] * nn.functional.one_hot(y.long(), module.network.out_features)
        fit_softmax(module.network, x, share, damped=damped, newton_steps=newton_steps)


@torch.no_grad()
def fit_em(
    mixture: Mixture,
    x: Float[Tensor, "N D"],
    y: Float[Tensor, " N"] | Int[Tensor, " N"],
    *,
    steps: int = 200,
    tolerance: float = 1e-6,
    damped: bool = True,
    newton_steps: int = 1,
) -> list[float]:
    """Fit in place by EM; from any start the log-likelihood never falls, unless `damped` is false.

    The E-step asks each member how responsible it is for each point. The M-step fits a `LinearGaussian` by weighted
    least squares, and a `LinearGate` (or `LinearClassifier`) by Newton's method; a mixture among the members takes a
    step of its own with its share as weights. Whatever has no parameters stays. Use float64: in float32, rounding alone
    lowers the sum by more than EM raises it near the end.

    Args:
        mixture: fitted in place.
        x: the inputs.
        y: what followed them.
        steps: the largest number of steps.
        tolerance: in nats; EM stops after a step that changes the log-likelihood by less.
        damped: halve each Newton step until it does not lower what it is to raise. Undamped, it overshoots where the
            gate is nearly sure, and the likelihood may fall.
        newton_steps: Newton steps in each M-step; one is enough for the likelihood to rise.

    Returns:
        The sum of log P(y|x) over all points, in nats, before the first step and after each.

    Raises:
        ValueError: if an argument is out of range, a member or gate is of a class that cannot be fitted here (nothing
            is changed then), or the log-likelihood is not finite, before the first step or after an undamped one.

    Source: Jordan & Jacobs 1994; Dempster et al. 1977 for why it rises.
    """
    require_whole("steps", steps, least=0)
    require_whole("newton_steps", newton_steps)
    require_number("tolerance", tolerance, "a number >= 0", lambda nats: 0 <= nats < math.inf)
    _require_fittable(mixture)
    values = [mixture.log_prob(x, y).sum().item()]
    if not math.isfinite(values[0]):
        raise ValueError(
            f"x, y and the parameters must be finite; the log-likelihood before the first step is {values[0]}"
        )
    for step in tqdm(range(steps), unit="step", dynamic_ncols=True, disable=not sys.stderr.isatty()):
        _step(mixture, x, y, torch.ones_like(x[:, 0]), damped, newton_steps)
        values.append(mixture.log_prob(x, y).sum().item())
        if not math.isfinite(values[-1]):
            raise ValueError(f"the log-likelihood after step {step + 1} is {values[-1]}, with damped={damped}")
        if abs(values[-1] - values[-2]) < tolerance:
            break
    return values
