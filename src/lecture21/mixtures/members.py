"""Members of a mixture: a network that says where y lies, and a distribution around it."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.validation import require_number, require_whole

LEAST_SD = 0.05
"""By default no member's standard deviation is below this one. Without a floor, a member that passes through a single
point can shrink around it, and the likelihood grows without bound."""


def _mlp(d_in: int, d_hidden: int, d_out: int) -> nn.Sequential:
    for name, value in (("d_in", d_in), ("d_hidden", d_hidden)):
        require_whole(name, value)
    return nn.Sequential(nn.Linear(d_in, d_hidden), nn.Tanh(), nn.Linear(d_hidden, d_out))


class Gaussian(nn.Module):
    """y is normal around what a network says, with one standard deviation everywhere, which is learned.

    The variance is least_sd^2 + exp(2 log_sd). Adding the floor, instead of cutting off at it, leaves the parameter
    `log_sd` a gradient wherever it is.

    Args:
        network: maps x (N, D) to (N, 1).
        least_sd: the floor, in the unit of y; a standard deviation starts at (least_sd^2 + 1)^(1/2).

    Raises:
        ValueError: if the floor is not positive.
    """

    def __init__(self, network: nn.Module, *, least_sd: float = LEAST_SD):
        super().__init__()
        require_number("least_sd", least_sd, "a positive number", lambda sd: 0 < sd < math.inf)
        self.network = network
        self.log_sd = nn.Parameter(torch.zeros(()))
        self.least_sd = least_sd

    @property
    def variance(self) -> Float[Tensor, ""]:
        """The square of the standard deviation."""
        return self.least_sd**2 + (2 * self.log_sd).exp()

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, " N"]:
        """Return what the network expects of y."""
        return self.network(x).squeeze(-1)

    def log_prob(self, x: Float[Tensor, "N D"], y: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the logarithm of the density at y.

        Raises:
            ValueError: if y is not one number for each x.
        """
        mean = self.mean(x)
        if y.shape != mean.shape or not y.is_floating_point():
            wanted = f"floating-point numbers of shape {tuple(mean.shape)}, one for each x"
            raise ValueError(f"y must be {wanted}, got {y.dtype} of shape {tuple(y.shape)}")
        variance = self.variance
        return -0.5 * ((y - mean) ** 2 / variance + (2 * math.pi * variance).log())


class LinearGaussian(Gaussian):
    """y is normal around w x + b: linear regression, as a distribution.

    Raises:
        ValueError: if the number of inputs `d_in` is below 1, or the floor is not positive.
    """

    def __init__(self, d_in: int, *, least_sd: float = LEAST_SD):
        require_whole("d_in", d_in)
        super().__init__(nn.Linear(d_in, 1), least_sd=least_sd)


class MLPGaussian(Gaussian):
    """y is normal around a network with one hidden layer of tanh.

    Raises:
        ValueError: if the number of inputs `d_in` or of hidden units `d_hidden` is below 1, or the floor not positive.
    """

    def __init__(self, d_in: int, d_hidden: int, *, least_sd: float = LEAST_SD):
        super().__init__(_mlp(d_in, d_hidden, 1), least_sd=least_sd)


class Classifier(nn.Module):
    """y is one of K classes, with the softmax of what a network says.

    Args:
        network: maps x (N, D) to logits (N, K).
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def mean(self, x: Float[Tensor, "N D"]) -> Float[Tensor, "N K"]:
        """Return the probability of each class."""
        return self.network(x).softmax(dim=-1)

    def log_prob(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
        """Return the logarithm of the probability of class y.

        Raises:
            ValueError: if y is not one class 0 ... K-1 for each x.
        """
        logs = self.network(x).log_softmax(dim=-1)
        if y.shape != logs.shape[:1] or y.is_floating_point():
            wanted = f"whole numbers of shape {tuple(logs.shape[:1])}, one for each x"
            raise ValueError(f"y must be {wanted}, got {y.dtype} of shape {tuple(y.shape)}")
        if y.numel() and not 0 <= y.min() <= y.max() < logs.shape[-1]:
            raise ValueError(f"classes must be in 0..{logs.shape[-1] - 1}, got {y.min()}..{y.max()}")
        return logs.gather(-1, y[:, None].long())[:, 0]


class LinearClassifier(Classifier):
    """The logit of each class is linear in x: logistic regression.

    Raises:
        ValueError: if the number of inputs `d_in` is below 1, or that of classes `n_class` below 2.
    """

    def __init__(self, d_in: int, n_class: int):
        require_whole("d_in", d_in)
        require_whole("n_class", n_class, least=2)
        super().__init__(nn.Linear(d_in, n_class))


class MLPClassifier(Classifier):
    """The logits come from a network with one hidden layer of tanh.

    Raises:
        ValueError: if the number of inputs `d_in` or of hidden units `d_hidden` is below 1, or of classes below 2.
    """

    def __init__(self, d_in: int, d_hidden: int, n_class: int):
        require_whole("n_class", n_class, least=2)
        super().__init__(_mlp(d_in, d_hidden, n_class))
