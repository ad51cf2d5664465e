"""Layers whose results change by known amounts: the tests that readers write are tested on these."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Probe:
    """A layer that returns `share` times its input, plus `change` once one number of the input has another value.

    The change has the same size whatever the other value is, so a test that overlooks it never passes by chance.
    """

    watched: tuple[int, int]
    """Row and column of the number."""
    kept: int | float
    """The value for which nothing is added."""
    change: Tensor
    """What is added, of shape (T, C)."""
    hint: str
    """What is said of a test that is wrong about this layer."""
    share: int | float = 1.0
    slope: int | float = 1.0
    """The derivative of a growing number with respect to the watched one, for tests that look at gradients."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the result for `x` of shape (T, C), or for its first tokens."""
        number, change = x[self.watched], self.change[: len(x)]
        passes = self.slope * (number - number.detach())  # 0, but it has a gradient
        return self.share * x + change * (number != self.kept) + change.sign() * passes


def watching(x: Tensor, row: int, column: int, change: Tensor, hint: str, **options: int | float) -> Probe:
    """Return a probe that adds `change` to every input in which this number is not that of `x`."""
    return Probe((row, column), x[row, column].item(), change, hint, **options)


def at(x: Tensor, row: int, column: int, amount: int | float = 1.0) -> Tensor:
    """Return a change of one number: a tensor like `x` with `amount` at one place and zeros elsewhere."""
    change = x.new_zeros(x.shape)
    change[row, column] = amount
    return change


def hint_of(layer: object) -> str:
    """Return the hint of a probe, and nothing for another layer."""
    return layer.hint if isinstance(layer, Probe) else ""
