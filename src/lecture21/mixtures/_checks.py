"""What all fits require of their data; each error names the value, its row, and what is allowed."""

from typing import Annotated

from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import NOT_EMPTY, checked

Points = Annotated[Float[Tensor, "N D"], NOT_EMPTY]
Targets = Float[Tensor, " N"] | Int[Tensor, " N"]


def require_points(x: Points, y: Targets, weights: Float[Tensor, " N"] | None = None) -> None:
    """Raise ValueError unless all points are finite, and the weights too, and not all 0."""
    for name, values in (("x", x), ("y", y)):
        wrong = ~values.isfinite().view(len(x), -1).all(dim=1)
        if wrong.any():
            row = wrong.nonzero()[0].item()
            raise ValueError(f"{name} must be finite, got {values[row].tolist()} in row {row}")
    if weights is not None and (not weights.isfinite().all() or weights.min() < 0 or weights.max() <= 0):
        raise ValueError(f"weights must be finite, >= 0, and not all 0, got {weights.min():g} to {weights.max():g}")


def require_classes(y: Int[Tensor, " N"], n_class: int) -> None:
    """Raise ValueError unless y holds labels in 0..K-1."""
    if y.numel() and not 0 <= y.min() <= y.max() < n_class:
        raise ValueError(f"y must be class labels in 0..{n_class - 1}, got {y.min()}..{y.max()}")


@checked
def apply_network(network: nn.Module, x: Float[Tensor, "N D"]) -> Float[Tensor, "N K"]:
    """Return network(x), or raise ValueError if x does not match the width and precision of its first layer."""
    weight = next(network.parameters(), None)
    if weight is not None and (x.shape[1] != weight.shape[-1] or x.dtype != weight.dtype):
        wanted = f"{weight.dtype} of shape (N, {weight.shape[-1]}), as the network's weights"
        raise ValueError(f"x must be {wanted}, got {x.dtype} of shape {tuple(x.shape)}")
    return network(x)
