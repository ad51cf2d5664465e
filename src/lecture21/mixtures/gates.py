"""Gates of a mixture: how much each member counts at x. Learned, the same for all (bagging), or given (boosting)."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.validation import require_whole


class SoftmaxGate(nn.Module):
    """A gate that a network learns: g(x) is the softmax of what it says.

    Args:
        network: maps x (N, D) to logits (N, M).
        n_member: M.
    """

    def __init__(self, network: nn.Module, n_member: int):
        super().__init__()
        require_whole("n_member", n_member)
        self.network = network
        self.n_member = n_member

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return log g_m(x)."""
        return self.network(x).log_softmax(dim=-1)


class LinearGate(SoftmaxGate):
    """The logits are linear in x, so that two members change places at a straight line.

    Raises:
        ValueError: if the number of inputs `d_in` or of members `n_member` is below 1.
    """

    def __init__(self, d_in: int, n_member: int):
        for name, value in (("d_in", d_in), ("n_member", n_member)):
            require_whole(name, value)
        super().__init__(nn.Linear(d_in, n_member), n_member)


class MLPGate(SoftmaxGate):
    """The logits come from a network with one hidden layer of tanh, so that members may change places anywhere.

    Raises:
        ValueError: if the number of inputs `d_in`, of hidden units `d_hidden` or of members `n_member` is below 1.
    """

    def __init__(self, d_in: int, d_hidden: int, n_member: int):
        for name, value in (("d_in", d_in), ("d_hidden", d_hidden), ("n_member", n_member)):
            require_whole(name, value)
        network = nn.Sequential(nn.Linear(d_in, d_hidden), nn.Tanh(), nn.Linear(d_hidden, n_member))
        super().__init__(network, n_member)


class ConstantGate(nn.Module):
    """Given numbers that do not look at x; of boosting, `normalised(alphas)`.

    Args:
        weights: one for each member, not negative, and of sum 1 to within 1e-6.

    Raises:
        ValueError: if a weight is negative or not finite, or they do not sum to 1.
    """

    def __init__(self, weights: Float[Tensor, " M"] | Sequence[float]):
        super().__init__()
        weights = torch.as_tensor(weights, dtype=torch.float64)
        if weights.dim() != 1 or not len(weights):
            raise ValueError(f"weights must be one number for each member, got the shape {tuple(weights.shape)}")
        if not weights.isfinite().all() or weights.min() < 0:
            raise ValueError(f"weights must be finite and >= 0, got {weights.tolist()}")
        if abs(weights.sum().item() - 1) > 1e-6:
            raise ValueError(f"weights must sum to 1, got {weights.tolist()} of sum {weights.sum().item():.6g}")
        self.register_buffer("log_weights", weights.log())
        self.n_member = len(weights)

    def forward(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N M"]:
        """Return log g_m, the same row for each x; of a weight 0 it is minus infinity."""
        return self.log_weights.to(x.dtype).expand(len(x), -1)


class UniformGate(ConstantGate):
    """Every member counts the same, 1 / M: bagging (slide 31).

    Raises:
        ValueError: if the number of members `n_member` is below 1.
    """

    def __init__(self, n_member: int):
        require_whole("n_member", n_member)
        super().__init__([1 / n_member] * n_member)


def normalised(alphas: Float[Tensor, " M"] | Sequence[float]) -> Float[Tensor, " M"]:
    """Return alpha_m / sum_k alpha_k, boosting's votes as the weights of a `ConstantGate` (slide 31).

    AdaBoost's own alpha_m = 1/2 ln((1 - error_m) / error_m) have any sum. Dividing by it keeps every decision, because
    the sign of sum_m alpha_m h_m(x) has no scale. It does not make the share of the votes a probability: the calibrated
    one is sigmoid(2 sum_m alpha_m h_m(x)), which does depend on the scale.

    Raises:
        ValueError: if an alpha is negative (its member is worse than chance: turn the member round) or not finite, or
            all are 0.

    Source: Freund & Schapire 1997, figure 2, for alpha; Friedman et al. 2000, section 4, for the sigmoid.
    """
    alphas = torch.as_tensor(alphas, dtype=torch.float64)
    total = alphas.sum().item()
    if alphas.dim() != 1 or not alphas.isfinite().all() or (alphas < 0).any() or not 0 < total < math.inf:
        raise ValueError(f"alphas must be finite, >= 0, and not all 0, got {alphas.tolist()}")
    return alphas / total
