"""Members of a mixture: a network that predicts y, and a distribution around its prediction."""

import math
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, Positive, checked
from lecture21._support.validation import in_range
from lecture21.mixtures._checks import apply_network, require_classes

# Without a floor for the standard deviation, a member that passes through a single point can shrink around it, and the
# likelihood is unbounded.
_LEAST_SD = 0.05
Classes = Annotated[int, in_range(2, whole=True)]


def _mlp(d_in: int, d_hidden: int, d_out: int) -> nn.Sequential:
    """Return a network with one hidden layer of tanh."""
    return nn.Sequential(nn.Linear(d_in, d_hidden), nn.Tanh(), nn.Linear(d_hidden, d_out))


class _Gaussian(nn.Module):
    """y is normal around a network's output, with one learned standard deviation for all x.

    The variance is least_sd^2 + exp(2 log_sd). Because the floor is added, and not clamped, the gradient of `log_sd`
    is never zero.

    Args:
        network: maps x (N, D) to (N, 1).
        least_sd: lower bound of the standard deviation, in the unit of y; its initial value is (least_sd^2 + 1)^(1/2).
    """

    @checked
    def __init__(self, network: nn.Module, *, least_sd: Positive = _LEAST_SD):
        super().__init__()
        self.network = network
        self.log_sd = nn.Parameter(torch.zeros(()))
        self.least_sd = least_sd

    @property
    def variance(self) -> Float[Tensor, ""]:
        """The square of the standard deviation."""
        return self.least_sd**2 + (2 * self.log_sd).exp()

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
        """Return the expected value of y."""
        return apply_network(self.network, x).squeeze(-1)

    @checked
    def log_prob(self, x: Float[Tensor, "N D"], y: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the logarithm of the density at y."""
        mean, variance = self.mean(x), self.variance
        return -0.5 * ((y - mean) ** 2 / variance + (2 * math.pi * variance).log())


class LinearGaussian(_Gaussian):
    """y is normal around w x + b, for `d_in` inputs: linear regression as a distribution.

    The variance is least_sd^2 + exp(2 log_sd).
    """

    @checked
    def __init__(self, d_in: Count, *, least_sd: Positive = _LEAST_SD):
        super().__init__(nn.Linear(d_in, 1), least_sd=least_sd)


class MLPGaussian(_Gaussian):
    """y is normal around the output of a network with one hidden layer of `d_hidden` tanh units.

    The variance is least_sd^2 + exp(2 log_sd).
    """

    @checked
    def __init__(self, d_in: Count, d_hidden: Count, *, least_sd: Positive = _LEAST_SD):
        super().__init__(_mlp(d_in, d_hidden, 1), least_sd=least_sd)


class _Classifier(nn.Module):
    """y is one of K classes, with the softmax of a network's output.

    Args:
        network: maps x (N, D) to logits (N, K).
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N K"]:
        """Return the probability of each class."""
        return apply_network(self.network, x).softmax(dim=-1)

    @checked
    def log_prob(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the logarithm of the probability of class y, an integer in 0..K-1."""
        logs = apply_network(self.network, x).log_softmax(dim=-1)
        require_classes(y, logs.shape[1])
        return logs.gather(-1, y[:, None].long())[:, 0]


class LinearClassifier(_Classifier):
    """The logit of each of `n_class` classes is linear in x: logistic regression."""

    @checked
    def __init__(self, d_in: Count, n_class: Classes):
        super().__init__(nn.Linear(d_in, n_class))


class MLPClassifier(_Classifier):
    """The logits of `n_class` classes are the output of a network with one hidden layer of `d_hidden` tanh units."""

    @checked
    def __init__(self, d_in: Count, d_hidden: Count, n_class: Classes):
        super().__init__(_mlp(d_in, d_hidden, n_class))
