"""The keys and values that were computed before, so that each token is read once."""

import torch
from jaxtyping import Float
from torch import Tensor


class KVCache:
    """The keys and values that one attention layer has already computed, so that each token is read once.

    Its length is the number of positions that it has read. With a window it keeps of them only what the next query can
    still see besides itself, so that its memory stops growing.

    Args:
        window: how many positions a query sees, itself included; all of them if not given.
    """

    def __init__(self, window: int | None = None) -> None:
        self.window = window
        self.k: Tensor | None = None
        self.v: Tensor | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(
        self, k: Float[Tensor, "B G T D"], v: Float[Tensor, "B G T D"]
    ) -> tuple[Float[Tensor, "B G S D"], Float[Tensor, "B G S D"]]:
        """Add the keys and values of T new positions; return them, after all S - T that were kept from before."""
        self._length += k.shape[-2]
        k = k if self.k is None else torch.cat([self.k, k], dim=-2)
        v = v if self.v is None else torch.cat([self.v, v], dim=-2)
        first = 0 if self.window is None else max(k.shape[-2] - self.window + 1, 0)
        # A slice would keep the memory of all it was cut from.
        self.k, self.v = (k[..., first:, :].clone(), v[..., first:, :].clone()) if first else (k, v)
        return k, v
