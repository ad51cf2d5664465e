"""Checks of token ids, and the precision in which a softmax over a vocabulary is computed."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def at_least_float32(x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Convert half precision to float32, since a softmax over a vocabulary loses too much in it; keep float64."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def require_integer(ids: Tensor, name: str = "token ids") -> None:
    """Raise ValueError unless the tensor has an integer type; booleans do not count as integers."""
    if ids.dtype == torch.bool or ids.is_floating_point() or ids.is_complex():
        raise ValueError(f"{name} must be integers, got {ids.dtype}")


def require_batch(ids: Tensor, name: str = "ids") -> None:
    """Raise ValueError unless the tensor has the shape (B, T)."""
    if ids.dim() != 2:
        raise ValueError(f"{name} must have the shape (B, T), got {tuple(ids.shape)}")


def require_vocabulary(ids: Int[Tensor, "*S"], vocab_size: int) -> None:
    """Raise ValueError unless the ids are integers in 0 ... vocab_size - 1.

    The range is checked on the CPU only: elsewhere the check would wait for the device at every step.
    """
    require_integer(ids)
    if ids.device.type == "cpu" and ids.numel() and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(f"token ids {ids.min()}..{ids.max()} are outside the vocabulary 0..{vocab_size - 1}")


def require_mask(mask: Tensor, *, rows: bool = True) -> None:
    """Raise ValueError unless the mask is boolean and, if `rows` is true, leaves each query at least one key.

    The softmax of a row of -inf is NaN, and a mask of zeros and ones would be added to the scores.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be boolean, True = may attend; got {mask.dtype}")
    empty = ~mask.any(dim=-1) if rows else None
    if rows and empty.any():
        query = ", ".join(str(int(i)) for i in empty.nonzero()[0])
        raise ValueError(f"the mask leaves query {query} no key; each query needs at least one True in its row")
