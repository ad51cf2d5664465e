"""Eight masks, seven of them mistakes: how each makes attention weights of scores, and what it lets through."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def allowed(name: str, n: int) -> Bool[Tensor, "T T"]:
    """Return where a mask of this name is True: the keys (columns) that each of n queries (rows) may attend to."""
    everything = torch.ones(n, n, dtype=torch.bool)
    shapes = {
        "none": everything,
        "one too far": everything.tril(1),
        "upside down": everything.triu(),
        "no diagonal": everything.tril(-1),
        "skips one": everything.tril() | everything.triu(2),
    }
    return shapes.get(name, everything.tril())


def masked_softmax(name: str, scores: Float[Tensor, "*B T T"]) -> Float[Tensor, "*B T T"]:
    """Return the attention weights of a mask of this name."""
    mask = allowed(name, scores.shape[-1])
    if name == "after the softmax":
        return scores.softmax(dim=-1) * mask
    return scores.masked_fill(~mask, 0.0 if name == "zeros" else -math.inf).softmax(dim=-1)


MASKS = ("causal", "none", "one too far", "upside down", "no diagonal", "zeros", "after the softmax", "skips one")
"""The causal mask, and what becomes of it by mistake. "zeros" sets masked scores to 0; "skips one" hides the next
token and shows those after it."""


def depends(attend: Callable[[Tensor], Tensor], x: Float[Tensor, "T C"]) -> Bool[Tensor, "T T"]:
    """Return whether output i (row) changes with token j (column), as `leaks` tests it, one token at a time."""
    generator = torch.Generator().manual_seed(0)
    found = torch.zeros(len(x), len(x), dtype=torch.bool)
    for j in range(len(x)):
        changed = x.clone()
        changed[j] += torch.randn(x.shape[1], generator=generator, dtype=x.dtype)  # added: x may be of this seed
        found[:, j] = ~torch.isclose(attend(x), attend(changed), atol=1e-5, equal_nan=True).all(dim=-1)
    return found
