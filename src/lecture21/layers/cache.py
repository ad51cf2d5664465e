"""The key/value cache: keys and values that were computed before, so that each token is processed once."""

import torch
from jaxtyping import Float
from torch import Tensor

from lecture21._support.contract import Count, checked


class KVCache:
    """The keys and values that one attention layer has already computed.

    Its length is the number of positions processed so far. With a window it keeps only the keys that the next query can
    attend to besides its own, so that its memory stops growing.

    Args:
        window: number of positions that a query attends to, its own included; all earlier ones if not given.
    """

    @checked
    def __init__(self, window: Count | None = None) -> None:
        self.window = window
        self.k: Tensor | None = None
        self.v: Tensor | None = None
        self.memory: Tensor | None = None
        """In cross-attention, the vectors that the keys and values were computed from."""
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(
        self, k: Float[Tensor, "B G T D"], v: Float[Tensor, "B G T D"]
    ) -> tuple[Float[Tensor, "B G S D"], Float[Tensor, "B G S D"]]:
        """Add the keys and values of T new positions; return them, preceded by the S - T that were kept.

        Raises:
            ValueError: if their shape or dtype does not match what the cache holds, which is then unchanged.
        """
        if self.k is None:
            keys, values = k, v
        else:
            self._require_match(k)
            keys, values = torch.cat([self.k, k], dim=-2), torch.cat([self.v, v], dim=-2)
        first = 0 if self.window is None else max(keys.shape[-2] - self.window + 1, 0)
        # A slice would keep the memory of the tensor that it was cut from.
        kept = (keys[..., first:, :].clone(), values[..., first:, :].clone()) if first else (keys, values)
        self.k, self.v = kept
        self._length += k.shape[-2]
        return keys, values

    def _require_match(self, k: Tensor) -> None:
        batch, n_head, _, width = self.k.shape
        if (*k.shape[:2], k.shape[3]) != (batch, n_head, width) or k.dtype != self.k.dtype:
            expected, actual = f"({batch}, {n_head}, T, {width}) and {self.k.dtype}", f"{tuple(k.shape)} and {k.dtype}"
            raise ValueError(f"new keys do not match the cache: it holds {expected}, got {actual}")
