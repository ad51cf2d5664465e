"""Fit a mixture by expectation-maximization: responsibilities first, then each part fitted to its weighted points.

Linear members are fitted in closed form by weighted least squares; the gate, a softmax, by Newton's method, with each
step halved until it does not decrease its objective. So no step of `fit_em` decreases the likelihood.
"""

import math
import sys

import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from lecture21._support.contract import Count, Natural, NonNegative, checked
from lecture21.mixtures._checks import Points, Targets, require_points
from lecture21.mixtures._units import units_of_order_one
from lecture21.mixtures.formula import Mixture
from lecture21.mixtures.gates import LinearGate
from lecture21.mixtures.members import LinearClassifier, LinearGaussian

# Added to the diagonal of the Hessian, which is singular: a softmax is invariant to a constant added to all its logits.
# It changes the step, and not the optimum.
_RIDGE = 1e-6
_HALVINGS = 60  # after this many halvings a step is below rounding error, and is not taken
_LEAST_WEIGHT = 1e-12  # a member responsible for less than this fraction of one point keeps its parameters
_NO_POINT = 1e-6  # a member responsible for less than this part of one point
_FLAT = 1e-3  # nats per point that a step of 1 in a parameter would gain


def _with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (N, D+1)


@torch.no_grad()
def _fit_linear_gaussian(
    member: LinearGaussian, x: Float[Tensor, "N D"], y: Float[Tensor, " N"], weight: Float[Tensor, " N"]
) -> None:
    """Set a member to the maximum of sum_n weight_n log P(y_n|x_n): weighted least squares and weighted variance.

    The variance is that of the residuals or the member's floor, whichever is larger, which maximizes the likelihood
    among the allowed variances.
    """
    inputs, root = _with_ones(x), weight.sqrt()
    solution = torch.linalg.lstsq(inputs * root[:, None], (y * root)[:, None], driver="gelsd").solution[:, 0]
    member.network.weight.copy_(solution[None, :-1])
    member.network.bias.copy_(solution[-1:])
    variance = (weight * (y - inputs @ solution) ** 2).sum() / weight.sum()
    # exp(-50) is negligible beside any floor: the variance is then the floor itself.
    member.log_sd.copy_(0.5 * (variance - member.least_sd**2).clamp(min=math.exp(-50)).log())


@torch.no_grad()
def _fit_softmax(
    linear: nn.Linear,
    x: Float[Tensor, "N D"],
    share: Float[Tensor, "N K"],
    *,
    damped: bool = True,
    newton_steps: int = 1,
) -> None:
    """Increase Q = sum_nk share_nk log softmax(linear(x_n))_k by Newton steps (iteratively reweighted least squares).

    Args:
        linear: K outputs, changed in place.
        x: inputs.
        share: soft targets, the weight of each output at each point; a row may have any sum.
        damped: halve a step until it does not decrease Q; otherwise take the full step.
        newton_steps: number of steps.

    Source: Jordan & Jacobs 1994.
    """
    inputs = _with_ones(x)  # (N, P)
    total = share.sum(dim=1)  # (N)
    current = torch.cat([linear.weight, linear.bias[:, None]], dim=1)  # (K, P)
    size = current.numel()

    def q(parameters: Tensor) -> float:
        return (share * (inputs @ parameters.T).log_softmax(dim=1)).sum().item()

    for _ in range(newton_steps):
        g = (inputs @ current.T).softmax(dim=1)
        gradient = (share - total[:, None] * g).T @ inputs  # (K, P)
        covariance = torch.diag_embed(g) - g[:, :, None] * g[:, None, :]  # (N, K, K), of the softmax
        hessian = torch.einsum("n,nkl,np,nq->kplq", total, covariance, inputs, inputs).reshape(size, size)
        ridge = _RIDGE * torch.eye(size, dtype=current.dtype, device=current.device)
        step = torch.linalg.solve(hessian + ridge, gradient.flatten()).view_as(current)
        if damped:
            before = q(current)
            factor = next((0.5**k for k in range(_HALVINGS) if q(current + 0.5**k * step) >= before), 0.0)
            step = factor * step
        current = current + step
    linear.weight.copy_(current[:, :-1])
    linear.bias.copy_(current[:, -1])


def _require_fittable(module: nn.Module) -> None:
    """Raise ValueError unless the M-step can fit this module and its members, or they have no parameters."""
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
    """Increase sum_n weight_n log P(y_n|x_n): one step of EM for a mixture, the maximum in one step for a member."""
    if weight.sum() < _LEAST_WEIGHT:
        return
    if isinstance(module, Mixture):
        share = weight[:, None] * module.responsibilities(x, y)  # the whole E-step precedes the M-step
        for member, member_weight in zip(module.members, share.unbind(1), strict=True):
            _step(member, x, y, member_weight, damped, newton_steps)
        if isinstance(module.gate, LinearGate):
            _fit_softmax(module.gate.network, x, share, damped=damped, newton_steps=newton_steps)
    elif isinstance(module, LinearGaussian):
        _fit_linear_gaussian(module, x, y, weight)
    elif isinstance(module, LinearClassifier):
        share = weight[:, None] * nn.functional.one_hot(y.long(), module.network.out_features)
        _fit_softmax(module.network, x, share, damped=damped, newton_steps=newton_steps)


class Fit(list[float]):
    """The values of a fit, the first before its first step, and how it ended."""

    ended: str = ""
    """Converged, stalled, or stopped after all its steps; and which members are responsible for no point."""


def _how_it_ended(mixture: Mixture, x: Tensor, y: Tensor, values: list[float], tolerance: float) -> str:
    change = abs(values[-1] - values[-2]) if len(values) > 1 else math.inf
    ended = f"stopped after {len(values) - 1} steps, with a change of {change:.3g} nats"
    if change < tolerance:
        with torch.enable_grad():
            parameters = [p for p in mixture.parameters() if p.requires_grad]
            slopes = torch.autograd.grad(mixture.log_prob(x, y).mean(), parameters, allow_unused=True)
        slope = max((s.abs().max().item() for s in slopes if s is not None), default=0.0)
        ended = "converged" if slope < _FLAT else f"stalled where the slope is {slope:.3g} nats per point"
    empty = (mixture.responsibilities(x, y).sum(0) < _NO_POINT).nonzero().flatten().tolist()
    return ended + "".join(f"; member {m} is responsible for no point" for m in empty)


@checked
@torch.no_grad()
def fit_em(
    mixture: Mixture,
    x: Points,
    y: Targets,
    *,
    steps: Natural = 200,
    tolerance: NonNegative = 1e-6,
    damped: bool = True,
    newton_steps: Count = 1,
) -> Fit:
    """Fit in place by EM; with damping, the log-likelihood never decreases, whatever the initial parameters.

    The E-step computes each member's responsibility for each point. The M-step fits a `LinearGaussian` by weighted
    least squares, and a `LinearGate` or `LinearClassifier` by Newton's method; a mixture among the members takes one
    EM step of its own, weighted by its responsibilities. Parts without parameters do not change. Use float64: in
    float32, rounding near the end decreases the log-likelihood by more than EM increases it.

    Args:
        mixture: fitted in place.
        x: inputs, in any unit: parameters that were drawn for inputs of order 1 are used in units of that order.
        y: targets, in any unit as well.
        steps: the largest number of steps.
        tolerance: in nats; EM stops after a step that changes the log-likelihood by less.
        damped: halve each Newton step until it does not decrease its objective. Without damping a step overshoots
            where the gate is nearly certain, and the likelihood may decrease.
        newton_steps: Newton steps in each M-step; one is enough to increase the likelihood.

    Returns:
        The sum of log P(y|x) over all points, in nats, before the first step and after each: a list whose `ended` says
        how the fit ended.

    Raises:
        ValueError: if a member or gate cannot be fitted here (use `fit_gradient`; nothing has changed then), or the
            log-likelihood is not finite.

    Source: Jordan & Jacobs 1994; Dempster et al. 1977 for the monotone likelihood.
    """
    require_points(x, y)
    _require_fittable(mixture)
    with units_of_order_one(mixture, x, y) as (x, y, log_unit):

        def log_likelihood() -> float:
            return mixture.log_prob(x, y).sum().item() - len(x) * log_unit

        values = Fit([log_likelihood()])
        if not math.isfinite(values[0]):
            raise ValueError(f"the log-likelihood of the initial parameters must be finite, got {values[0]}")
        for step in tqdm(range(steps), unit="step", dynamic_ncols=True, disable=not sys.stderr.isatty()):
            _step(mixture, x, y, torch.ones_like(x[:, 0]), damped, newton_steps)
            values.append(log_likelihood())
            if not math.isfinite(values[-1]):
                raise ValueError(f"the log-likelihood after step {step + 1} is {values[-1]}, with damped={damped}")
            if abs(values[-1] - values[-2]) < tolerance:
                break
        values.ended = _how_it_ended(mixture, x, y, values, tolerance)
    return values
