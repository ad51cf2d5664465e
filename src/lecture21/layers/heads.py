"""Attention in several heads, in two paths through the same weights.

`forward` uses torch's fused kernel and never holds the attention weights, and reads in blocks where there is a window;
`explicit` is the formula of `lecture21.attention`, and returns them. The tests prove them equal.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lecture21.attention import attention, causal_mask, windowed_attention
from lecture21.layers.cache import KVCache
from lecture21.positions import Rotary

BLOCKED = 4
"""From so many windows on, a text is read in blocks; below, the copies that this takes cost more than it saves."""


class MultiHeadAttention(nn.Module):
    """Attention in H heads side by side, joined by an output projection (slide 19).

    Each head is a `SelfAttention` of width D; the H query matrices stand in one weight, and so do the keys and the
    values. With fewer key/value heads than query heads, G, each serves a group of H / G queries.

    Args:
        d_model: width C of the model.
        n_head: number of query heads H; divides `d_model` if `d_head` is not given.
        n_kv_head: number of key/value heads G, which divides H; H if not given.
        d_head: width D of a head; C / H if not given.
        qkv_bias: whether the query, key and value maps have a bias.
        bias: whether the output projection has one.
        dropout: probability of dropping an attention weight, and an output, while training.
        causal: whether a query sees only itself and what came before.
        window: how many positions a query of causal self-attention sees, itself included; all if not given.
        rotary: turns queries and keys by their positions.
        qk_norm: makes a norm of width D, one for queries and one for keys (Dehghani et al. 2023).

    Raises:
        ValueError: if the heads do not divide the width, or the key/value heads the heads, or the window is below 1
            or stands where nothing is causal.

    Source: Vaswani et al. 2017, section 3.2.2; Ainslie et al. 2023 for grouped heads.
    """

    def __init__(
        self,
        d_model: int,
        n_head: int,
        *,
        n_kv_head: int | None = None,
        d_head: int | None = None,
        qkv_bias: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        causal: bool = True,
        window: int | None = None,
        rotary: Rotary | None = None,
        qk_norm: Callable[[int], nn.Module] | None = None,
    ):
        super().__init__()
        n_kv_head = n_head if n_kv_head is None else n_kv_head
        if n_head < 1 or (d_head is None and d_model % n_head):
            raise ValueError(f"n_head must divide d_model, got d_model={d_model} and n_head={n_head}")
        if n_kv_head < 1 or n_head % n_kv_head:
            raise ValueError(f"n_kv_head must divide n_head, got n_head={n_head} and n_kv_head={n_kv_head}")
        if window is not None and (window < 1 or not causal):
            raise ValueError(f"window must be >= 1 and needs causal=True, got window={window} and causal={causal}")
        self.d_head = d_model // n_head if d_head is None else d_head
        self.group = n_head // n_kv_head
        self.dropout = dropout
        self.causal = causal
        self.window = window
        self.rotary = rotary
        self.query = nn.Linear(d_model, n_head * self.d_head, bias=qkv_bias)
        self.key = nn.Linear(d_model, n_kv_head * self.d_head, bias=qkv_bias)
        self.value = nn.Linear(d_model, n_kv_head * self.d_head, bias=qkv_bias)
        self.query_norm, self.key_norm = (qk_norm(self.d_head), qk_norm(self.d_head)) if qk_norm else (None, None)
        self.output = nn.Linear(n_head * self.d_head, d_model, bias=bias)

    def _split(
        self, x: Float[Tensor, "B T HD"], norm: nn.Module | None = None, start: int | None = None
    ) -> Float[Tensor, "B H T D"]:
        """Cut into heads; normalise and turn them where this layer does so."""
        heads = x.unflatten(-1, (-1, self.d_head)).transpose(1, 2)
        heads = heads if norm is None else norm(heads)
        return heads if self.rotary is None or start is None else self.rotary(heads, start)

    def _project(
        self, x: Float[Tensor, "B T C"], memory: Float[Tensor, "B S C"] | None, cache: KVCache | None
    ) -> tuple[Float[Tensor, "B H T D"], Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Return queries of `x`, and keys and values of the memory, or of `x` and everything in the cache."""
        start = None if memory is not None else len(cache) if cache is not None else 0
        q = self._split(self.query(x), self.query_norm, start)
        if memory is not None and cache is not None and len(cache):
            k, v = cache.k, cache.v  # the memory does not change while a decoder writes
        else:
            source = x if memory is None else memory
            k, v = self._split(self.key(source), self.key_norm, start), self._split(self.value(source))
            if cache is not None:
                k, v = cache.append(k, v)
        return q, k.repeat_interleave(self.group, dim=1), v.repeat_interleave(self.group, dim=1)

    def _mask(
        self, n_query: int, n_key: int, memory: Tensor | None, mask: Tensor | None, prefix: int, device: torch.device
    ) -> Bool[Tensor, "*B T S"] | None:
        """Join the caller's mask with the causal one, where this is causal self-attention; None = all may attend."""
        if mask is not None:
            mask = mask.expand(torch.broadcast_shapes(mask.shape, (n_query, n_key)))
        # A single query is the last position, and sees everything that is there.
        if not self.causal or memory is not None or n_query == 1:
            return mask
        causal = causal_mask(n_query, n_key, window=self.window, prefix=prefix, device=device)
        return causal if mask is None else mask & causal

    def _join(self, heads: Float[Tensor, "B H T D"]) -> Float[Tensor, "B T C"]:
        return self.output(heads.transpose(1, 2).flatten(2))

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        cache: KVCache | None = None,
        *,
        memory: Float[Tensor, "B S C"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        prefix: int = 0,
    ) -> Float[Tensor, "B T C"]:
        """Mix positions.

        Args:
            x: what asks. With a cache, only the new positions, and the cache grows by them.
            cache: keys and values so far; of the memory, if there is one, which are then computed once.
            memory: what is asked (cross-attention); `x` itself if not given.
            mask: True = may attend, of a shape that broadcasts to (B, H, T, S); joined with the causal mask.
            prefix: of causal self-attention, the first so many positions see each other: see `causal_mask`.
        """
        q, k, v = self._project(x, memory, cache)
        dropout = self.dropout if self.training else 0.0
        n_query, n_key = q.shape[-2], k.shape[-2]
        plain = mask is None and self.causal and memory is None and n_query == n_key and not prefix
        if plain and (self.window is None or self.window >= n_key):
            heads = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        elif plain and n_key >= BLOCKED * self.window:
            heads = windowed_attention(q, k, v, self.window, dropout=dropout)
        else:
            # is_causal would align the mask with the first keys; cached queries are the last positions.
            mask = self._mask(n_query, n_key, memory, mask, prefix, x.device)
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return F.dropout(self._join(heads), dropout)

    def explicit(
        self,
        x: Float[Tensor, "B T C"],
        *,
        memory: Float[Tensor, "B S C"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        prefix: int = 0,
    ) -> tuple[Float[Tensor, "B T C"], Float[Tensor, "B H T S"]]:
        """Compute the same output step by step, without dropout, and return the attention weights beside it."""
        q, k, v = self._project(x, memory, None)
        heads, weights = attention(q, k, v, self._mask(q.shape[-2], k.shape[-2], memory, mask, prefix, x.device))
        return self._join(heads), weights
