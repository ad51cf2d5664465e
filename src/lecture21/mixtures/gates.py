"""Gates of a mixture: the weight of each member at x. Learned, uniform (bagging), or given (boosting)."""

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import NOT_EMPTY, Count, NonNegative, checked
from lecture21.mixtures._checks import apply_network
from lecture21.mixtures.members import _mlp


class _SoftmaxGate(nn.Module):
    """g(x) is the softmax of a network's output.

    Args:
        network: maps x (N, D) to logits (N, M).
        n_member: number of members M.
    """

    def __init__(self, network: nn.Module, n_member: int):
        super().__init__()
        self.network = network
        self.n_member = n_member

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return log g_m(x)."""
        return apply_network(self.network, x).log_softmax(dim=-1)


class LinearGate(_SoftmaxGate):
    """A softmax gate whose logits are linear in x: the border between two members is a straight line."""

    @checked
    def __init__(self, d_in: Count, n_member: Count):
        super().__init__(nn.Linear(d_in, n_member), n_member)


class MLPGate(_SoftmaxGate):
    """A softmax gate whose logits come from one hidden layer of `d_hidden` tanh units: the borders can be curved."""

    @checked
    def __init__(self, d_in: Count, d_hidden: Count, n_member: Count):
        super().__init__(_mlp(d_in, d_hidden, n_member), n_member)


class ConstantGate(nn.Module):
    """A gate with given weights that do not depend on x.

    Args:
        weights: one for each member, >= 0, with a sum of 1 to within 1e-6.
    """

    @checked
    def __init__(self, weights: Annotated[Float[Tensor, " M"] | Sequence[NonNegative], NOT_EMPTY]):
        super().__init__()
        weights = torch.as_tensor(weights, dtype=torch.float64)
        if not weights.isfinite().all() or weights.min() < 0:
            raise ValueError(f"weights must be finite and >= 0, got {weights.tolist()}")
        if abs(weights.sum().item() - 1) > 1e-6:
            raise ValueError(f"weights must sum to 1, got {weights.tolist()} of sum {weights.sum().item():.6g}")
        self.register_buffer("log_weights", weights.log())
        self.n_member = len(weights)

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return log g_m, the same row for each x; minus infinity for a weight of 0."""
        return self.log_weights.to(x.dtype).expand(len(x), -1)


class UniformGate(ConstantGate):
    """A gate that gives each of `n_member` members the weight 1 / M: bagging (slide 31)."""

    @checked
    def __init__(self, n_member: Count):
        super().__init__([1 / n_member] * n_member)


def _normalize(alphas: Float[Tensor, " M"] | Sequence[float]) -> Float[Tensor, " M"]:
    """Return alpha_m / sum_k alpha_k, boosting's votes as the weights of a `ConstantGate` (slide 31).

    AdaBoost's alpha_m = 1/2 ln((1 - error_m) / error_m) sum to any number. Dividing by the sum keeps every decision,
    because the sign of sum_m alpha_m h_m(x) is invariant to scale. The fraction of the votes is not a calibrated
    probability; that is sigmoid(2 sum_m alpha_m h_m(x)), which does depend on the scale.

    Source: Freund & Schapire 1997, figure 2, for alpha; Friedman et al. 2000, section 4, for the sigmoid.
    """
    alphas = torch.as_tensor(alphas, dtype=torch.float64)
    total = alphas.sum().item()
    if alphas.dim() != 1 or not alphas.isfinite().all() or (alphas < 0).any() or not 0 < total < math.inf:
        raise ValueError(f"alphas must be finite, >= 0, and not all 0, got {alphas.tolist()}")
    return alphas / total
