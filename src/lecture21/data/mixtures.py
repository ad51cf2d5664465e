"""Small data sets on which mixtures can be seen at work, and what the best possible prediction of each one scores.

Each function draws n points with a seed, and leaves the global random state alone; x is in float64, of shape (n, 1) or
(n, 2), uniform between -1 and 1. The truth behind a regression is a function of its own, for plots.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.validation import require_whole

NOISE = 0.15
"""The standard deviation of y around its mean in each regression here; its square, 0.0225, is the floor of the MSE."""
BORDERS = (-0.4, 0.3)
"""Where the rules of `three_regimes` and of `three_bands` change."""
FLIPPED = 0.05
"""The share of labels of `three_bands` that are turned round: no classifier is right more often than 0.95."""


def _uniform(n: int, d: int, seed: int) -> tuple[Tensor, torch.Generator]:
    require_whole("n", n)
    require_whole("seed", seed, least=0)
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(n, d, generator=generator, dtype=torch.float64) - 1, generator


def _noise(n: int, generator: torch.Generator) -> Tensor:
    return NOISE * torch.randn(n, generator=generator, dtype=torch.float64)


def three_regimes_mean(x: Float[Tensor, "N 1"]) -> Float[Tensor, " N"]:
    """Return the truth of `three_regimes`: three straight pieces, with a jump at each of `BORDERS`."""
    t = x[:, 0]
    return torch.where(t < BORDERS[0], 2 + 1.5 * t, torch.where(t < BORDERS[1], -0.5 - 2 * t, 1.8 - t))


def three_regimes(n: int, seed: int) -> tuple[Float[Tensor, "n 1"], Float[Tensor, " n"]]:
    """Draw a regression whose rule changes twice; it is built in pieces, and so favours a mixture of experts.

    The best mean squared error is 0.0225.
    """
    x, generator = _uniform(n, 1, seed)
    return x, three_regimes_mean(x) + _noise(n, generator)


def smooth_mean(x: Float[Tensor, "N 1"]) -> Float[Tensor, " N"]:
    """Return the truth of `smooth`: sin(3 x)."""
    return (3 * x[:, 0]).sin()


def smooth(n: int, seed: int) -> tuple[Float[Tensor, "n 1"], Float[Tensor, " n"]]:
    """Draw a regression with one rule everywhere, on which a mixture of experts has nothing to divide.

    The best mean squared error is 0.0225.
    """
    x, generator = _uniform(n, 1, seed)
    return x, smooth_mean(x) + _noise(n, generator)


SOFT_SLOPE = 8.0
"""How fast `soft_gate` changes from one line to the other: the log odds of the second line are 8 x."""


def soft_gate(n: int, seed: int) -> tuple[Float[Tensor, "n 1"], Float[Tensor, " n"]]:
    """Draw each y around one of two lines, 1 + x / 2 or -x / 2, the second with probability sigmoid(8 x).

    Two `LinearGaussian` and a `LinearGate` are the true model here. Near 0 both lines occur at one x.
    """
    x, generator = _uniform(n, 1, seed)
    t = x[:, 0]
    second = torch.rand(n, generator=generator, dtype=torch.float64) < (SOFT_SLOPE * t).sigmoid()
    return x, torch.where(second, -t / 2, 1 + t / 2) + _noise(n, generator)


def three_bands(n: int, seed: int) -> tuple[Float[Tensor, "n 2"], Int[Tensor, " n"]]:
    """Draw points of the square in three vertical bands, each with a rule of its own for class 0 or 1.

    Left, class 1 is above the falling diagonal; in the middle, below a rising line; right, above 0. Of the labels, 5 %
    are turned round, so that the best accuracy is 0.95. It is built in pieces, and so favours a mixture of experts.
    """
    x, generator = _uniform(n, 2, seed)
    t, u = x.unbind(1)
    left, middle, right = u > -0.7 - t, u < 2 * t, u > 0
    label = torch.where(t < BORDERS[0], left, torch.where(t < BORDERS[1], middle, right))
    flipped = torch.rand(n, generator=generator, dtype=torch.float64) < FLIPPED
    return x, (label ^ flipped).long()
