"""Checks of the data that all fits share; each error names the value, its row, and what is allowed."""

import torch
from torch import Tensor, nn


def require_points(x: Tensor, y: Tensor, weights: Tensor | None = None) -> None:
    """Raise ValueError unless x is a finite (N, D) table and y has a finite target for each row; same for weights."""
    if x.dim() != 2 or not x.numel() or not x.is_floating_point():
        wanted = "floating-point numbers of shape (N, D) with at least one point"
        raise ValueError(f"x must be {wanted}, got {x.dtype} of shape {tuple(x.shape)}")
    require_one_per_point("y", y, len(x))
    if y.is_complex() or y.dtype == torch.bool:
        raise ValueError(f"y must be floating-point numbers or integer classes, got {y.dtype}")
    for name, values in (("x", x), ("y", y)):
        wrong = ~values.isfinite().view(len(x), -1).all(dim=1)
        if wrong.any():
            row = wrong.nonzero()[0].item()
            raise ValueError(f"{name} must be finite, got {values[row].tolist()} in row {row}")
    if weights is None:
        return
    require_one_per_point("weights", weights, len(x))
    if not weights.isfinite().all() or weights.min() < 0 or weights.max() <= 0:
        raise ValueError(f"weights must be finite, >= 0, and not all 0, got {weights.min():g} to {weights.max():g}")


def require_one_per_point(name: str, values: Tensor, n_point: int) -> None:
    """Raise ValueError unless there is one value for each of N points; a column (N, 1) would broadcast."""
    if values.shape != (n_point,):
        raise ValueError(f"{name} must have the shape {(n_point,)}, one for each x, got {tuple(values.shape)}")


def require_classes(y: Tensor, n_point: int, n_class: int) -> None:
    """Raise ValueError unless y holds an integer label in 0..K-1 for each point."""
    if y.shape != (n_point,) or y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        wanted = f"integers of shape {(n_point,)}, one for each x"
        raise ValueError(f"y must be {wanted}, got {y.dtype} of shape {tuple(y.shape)}")
    if n_point and not 0 <= y.min() <= y.max() < n_class:
        raise ValueError(f"class labels must be in 0..{n_class - 1}, got {y.min()}..{y.max()}")


def apply_network(network: nn.Module, x: Tensor) -> Tensor:
    """Return network(x), or raise ValueError if x does not match the width and precision of its first layer."""
    weight = next(network.parameters(), None)
    if weight is not None and (x.dim() != 2 or x.shape[1] != weight.shape[-1] or x.dtype != weight.dtype):
        wanted = f"{weight.dtype} of shape (N, {weight.shape[-1]}), as the network's weights"
        raise ValueError(f"x must be {wanted}, got {x.dtype} of shape {tuple(x.shape)}")
    return network(x)
