"""Checks of what tensors hold, and the precision in which a softmax over a vocabulary is computed."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import describe


def at_least_float32(x: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Convert half precision to float32, since a softmax over a vocabulary loses too much in it; keep float64."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def require_width(name: str, x: Float[Tensor, "B T C"], width: int) -> None:
    """Raise ValueError unless these are sequences of vectors of a width: the annotation of a layer with a size."""
    if not isinstance(x, Tensor) or x.dim() != 3 or x.shape[2] != width or not x.is_floating_point():
        raise ValueError(f"{name} must be floating-point numbers of shape (B, T, {width}), got {describe(x)}")


def require_vocabulary(ids: Int[Tensor, "*S"], vocab_size: int) -> None:
    """Raise ValueError unless the ids are in 0 ... vocab_size - 1.

    They are checked on the CPU only: elsewhere the check would wait for the device at every step.
    """
    if ids.device.type == "cpu" and ids.numel() and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(f"token ids {ids.min()}..{ids.max()} are outside the vocabulary 0..{vocab_size - 1}")


def require_mask(mask: Tensor, *, rows: bool = True) -> None:
    """Raise ValueError unless the mask is boolean and, if `rows` is true, leaves each query at least one key.

    The softmax of a row of -inf is NaN, and a mask of zeros and ones would be added to the scores.
    """
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        raise ValueError(f"mask must be boolean, True = may attend; got {describe(mask)}")
    empty = ~mask.any(dim=-1) if rows else None
    if rows and empty.any():
        query = ", ".join(str(int(i)) for i in empty.nonzero()[0])
        raise ValueError(f"the mask leaves query {query} no key; each query needs at least one True in its row")
