"""Small synthetic data sets for mixtures, bagging and boosting, each with the score of the best possible prediction.

Each function draws n points from a seed and leaves the global random state unchanged. x is in float64, of shape (n, 1)
or (n, 2), uniform between -1 and 1. The true mean of a regression is a function of its own.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import Count, Seed, checked

_NOISE = 0.15  # standard deviation of y in each regression; its square, 0.0225, is the smallest possible MSE
_BORDERS = (-0.4, 0.3)  # the values of x at which the rules of `three_regimes` and `three_bands` change
_FLIPPED = 0.05  # fraction of flipped labels in `three_bands`; the best accuracy is 0.95


@checked
def _uniform(n: Count, d: int, seed: Seed) -> tuple[Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1, generator


def _noise(n: int, generator: torch.Generator) -> Tensor:
    return _NOISE * torch.randn(n, generator=generator, dtype=torch.float64)


def _three_regimes_mean(x: Float[Tensor, "N 1"]) -> Float[Tensor, " N"]:
    """Return the true mean of `three_regimes`: three linear pieces, with a jump at each of `_BORDERS`."""
    t = x[:, 0]
    return torch.where(t < _BORDERS[0], 2 + 1.5 * t, torch.where(t < _BORDERS[1], -0.5 - 2 * t, 1.8 - t))


def three_regimes(n: int, seed: int) -> tuple[Float[Tensor, "n 1"], Float[Tensor, " n"]]:
    """Draw a regression whose rule changes twice; being piecewise, it favors a mixture of experts.

    The best mean squared error is 0.0225.
    """
    x, generator = _uniform(n, 1, seed)
    return x, _three_regimes_mean(x) + _noise(n, generator)


def _smooth_mean(x: Float[Tensor, "N 1"]) -> Float[Tensor, " N"]:
    """Return the true mean of `smooth`: sin(3 x)."""
    return (3 * x[:, 0]).sin()


def smooth(n: int, seed: int) -> tuple[Float[Tensor, "n 1"], Float[Tensor, " n"]]:
    """Draw a regression with one rule everywhere, with no regions that a mixture of experts could divide.

    The best mean squared error is 0.0225.
    """
    x, generator = _uniform(n, 1, seed)
    return x, _smooth_mean(x) + _noise(n, generator)


_SOFT_SLOPE = 8.0  # the log odds of the second line of `soft_gate` are 8 x


def soft_gate(n: int, seed: int) -> tuple[Float[Tensor, "n 1"], Float[Tensor, " n"]]:
    """Draw each y around one of two lines, 1 + x / 2 or -x / 2, the second with probability sigmoid(8 x).

    Two `LinearGaussian` and a `LinearGate` are the true model here. Near 0 both lines occur at one x.
    """
    x, generator = _uniform(n, 1, seed)
    t = x[:, 0]
    second = torch.rand(n, generator=generator, dtype=torch.float64) < (_SOFT_SLOPE * t).sigmoid()
    return x, torch.where(second, -t / 2, 1 + t / 2) + _noise(n, generator)


def three_bands(n: int, seed: int) -> tuple[Float[Tensor, "n 2"], Int[Tensor, " n"]]:
    """Draw points of a square in three vertical bands, each with its own rule for class 0 or 1.

    Left, class 1 is above a falling line; in the middle, below a rising line; right, above 0. 5 % of the labels are
    flipped, so that the best accuracy is 0.95. Being piecewise, the task favors a mixture of experts.
    """
    x, generator = _uniform(n, 2, seed)
    t, u = x.unbind(1)
    left, middle, right = u > -0.7 - t, u < 2 * t, u > 0
    label = torch.where(t < _BORDERS[0], left, torch.where(t < _BORDERS[1], middle, right))
    flipped = torch.rand(n, generator=generator, dtype=torch.float64) < _FLIPPED
    return x, (label ^ flipped).long()
