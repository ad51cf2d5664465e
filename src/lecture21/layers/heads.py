"""Multi-head attention, computed in two ways from the same weights.

`forward` uses torch's fused kernel, which never stores the attention weights, and windowed attention where there is a
window. `explicit` is the formula of `lecture21.layers.attention` and returns the weights. The tests prove them equal.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lecture21._support.contract import Count, Rate, checked
from lecture21._support.tensors import at_least_float32, require_mask, require_width
from lecture21._support.validation import require_heads
from lecture21.layers.attention import attention, causal_mask, windowed_attention
from lecture21.layers.cache import KVCache
from lecture21.layers.dropout import Dropout
from lecture21.layers.positions import Rotary


class MultiHeadAttention(nn.Module):
    """H attention heads of width D, concatenated and mapped by an output projection (slide 19).

    The H query matrices are one weight, and so are the keys and the values. With G < H key/value heads, each serves a
    group of H / G query heads.

    Args:
        d_model: width C of the model.
        n_head: number of query heads H; divides `d_model` if `d_head` is not given.
        n_kv_head: number of key/value heads G, which divides H; H if not given.
        d_head: width D of a head; C / H if not given.
        qkv_bias: whether the query, key and value maps have a bias.
        bias: whether the output projection has one.
        dropout: probability of dropping an attention weight, and an output, in training.
        attention_dropout: that of an attention weight, if it is another. At 0 torch can use its fused kernel on a CPU.
        causal: whether a query attends only to its own and earlier positions.
        window: number of positions that a query of causal self-attention attends to, its own included; all earlier
            ones if not given.
        rotary: rotates queries and keys by their positions.
        query_norm: norm of width D for the queries (QK-norm; Dehghani et al. 2023).
        key_norm: the same for the keys.

    Source: Vaswani et al. 2017, section 3.2.2; Ainslie et al. 2023 for grouped heads.
    """

    BLOCKED = 4
    """Number of windows from which a sequence is computed in blocks; below, copying costs more than it saves."""

    @checked
    def __init__(
        self,
        d_model: Count,
        n_head: Count,
        *,
        n_kv_head: Count | None = None,
        d_head: Count | None = None,
        qkv_bias: bool = False,
        bias: bool = True,
        dropout: Rate = 0.0,
        attention_dropout: Rate | None = None,
        causal: bool = True,
        window: Count | None = None,
        rotary: Rotary | None = None,
        query_norm: nn.Module | None = None,
        key_norm: nn.Module | None = None,
    ):
        super().__init__()
        n_kv_head = n_head if n_kv_head is None else n_kv_head
        require_heads(d_model, n_head, n_kv_head, d_head)
        if window is not None and not causal:
            raise ValueError(f"window={window} needs causal=True")
        self.d_head = d_model // n_head if d_head is None else d_head
        self.group = n_head // n_kv_head
        self.dropout = Dropout(dropout)
        self.attention_dropout = dropout if attention_dropout is None else attention_dropout
        self.causal = causal
        self.window = window
        self.rotary = rotary
        self.query = nn.Linear(d_model, n_head * self.d_head, bias=qkv_bias)
        self.key = nn.Linear(d_model, n_kv_head * self.d_head, bias=qkv_bias)
        self.value = nn.Linear(d_model, n_kv_head * self.d_head, bias=qkv_bias)
        self.query_norm = query_norm
        self.key_norm = key_norm
        self.output = nn.Linear(n_head * self.d_head, d_model, bias=bias)

    def _split(
        self, x: Float[Tensor, "B T HD"], norm: nn.Module | None = None, start: int | None = None
    ) -> Float[Tensor, "B H T D"]:
        """Split into heads, normalize, and rotate by the positions from `start` on, where this layer does so."""
        heads = x.unflatten(-1, (-1, self.d_head))  # (B, T, H, D)
        heads = heads if norm is None else norm(heads)
        heads = heads.transpose(1, 2)
        return heads if self.rotary is None or start is None else self.rotary(heads, start)

    def _project(
        self, x: Float[Tensor, "B T C"], memory: Float[Tensor, "B S C"] | None, cache: KVCache | None
    ) -> tuple[Float[Tensor, "B H T D"], Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Return queries of `x`, and keys and values of the memory, or of the cache and `x`."""
        if memory is not None and len(memory) != len(x):
            raise ValueError(f"memory must have as many rows as x, {len(x)}, got {len(memory)}")
        start = None if memory is not None else len(cache) if cache is not None else 0
        q = self._split(self.query(x), self.query_norm, start)
        if memory is not None and cache is not None and len(cache):
            if memory is not cache.memory and not torch.equal(memory, cache.memory):
                raise ValueError("this cache holds the keys of another memory: each source needs a new cache")
            k, v = cache.k, cache.v
        else:
            source = x if memory is None else memory
            k, v = self._split(self.key(source), self.key_norm, start), self._split(self.value(source))
            if cache is not None:
                k, v = cache.append(k, v)
                cache.memory = memory
        if self.group > 1:
            k, v = k.repeat_interleave(self.group, dim=1), v.repeat_interleave(self.group, dim=1)
        return q, k, v

    def _mask(
        self, x: Tensor, n_key: int, memory: Tensor | None, mask: Tensor | None, n_prefix: int
    ) -> Bool[Tensor, "*B T S"] | None:
        """Combine the caller's mask with the causal one in causal self-attention; None = every key is allowed."""
        n_query, allowed = x.shape[1], None
        # A single query is the last position, which may attend to every key that the cache returns.
        if self.causal and memory is None and n_query > 1:
            allowed = causal_mask(n_query, n_key, window=self.window, n_prefix=n_prefix, device=x.device)
        if mask is None:
            return allowed
        require_mask(mask, rows=False)
        shape = (len(x), self.query.out_features // self.d_head, n_query, n_key)
        if mask.dim() > 4 or any(m not in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1], strict=False)):
            raise ValueError(f"mask must broadcast to (B, H, T, S) = {shape}, got {tuple(mask.shape)}")
        mask = mask if allowed is None else mask & allowed
        if mask.device.type == "cpu":  # elsewhere the check would wait for the device
            require_mask(mask)
        return mask.expand(torch.broadcast_shapes(mask.shape, (n_query, n_key)))

    def _join(self, heads: Float[Tensor, "B H T D"]) -> Float[Tensor, "B T C"]:
        return self.output(heads.transpose(1, 2).flatten(2))

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        cache: KVCache | None = None,
        *,
        memory: Float[Tensor, "B S C"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        n_prefix: int = 0,
    ) -> Float[Tensor, "B T C"]:
        """Attend, to `x` or to a memory.

        Causal self-attention without a cache, a prefix and a mask of the caller sets the kernel's `is_causal`, and
        builds no mask. Other calls, `windowed_attention` and `explicit` build one with `causal_mask`.

        Args:
            x: inputs of the queries. With a cache, only the new positions, which are added to it.
            cache: earlier keys and values; in cross-attention those of the memory, which are computed once.
            memory: inputs of the keys and values in cross-attention; `x` if not given.
            mask: True = may attend, of a shape that broadcasts to (B, H, T, S); combined with the causal mask.
            n_prefix: in causal self-attention, number of first positions that attend to each other.

        Raises:
            ValueError: if the mask is not boolean, does not fit, or leaves a query no key (checked on the CPU), or the
                cache holds other keys. The cache is then unchanged.
        """
        require_width("x", x, self.query.in_features)
        if memory is not None:
            require_width("memory", memory, self.query.in_features)
        dropout = self.attention_dropout if self.training else 0.0
        n_query = x.shape[1]
        n_key = n_query + (0 if cache is None or cache.k is None else cache.k.shape[-2])
        if memory is not None:
            n_key = memory.shape[1]
        plain = mask is None and self.causal and memory is None and n_query == n_key and not n_prefix
        if plain and (self.window is None or self.window >= n_key):
            q, k, v = self._project(x, memory, cache)
            heads = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        elif plain and n_key >= self.BLOCKED * self.window:
            q, k, v = self._project(x, memory, cache)
            heads = windowed_attention(q, k, v, self.window, dropout=dropout)
        else:
            # is_causal would align the mask with the first keys; cached queries are the last positions.
            mask = self._mask(x, n_key, memory, mask, n_prefix)
            q, k, v = self._project(x, memory, cache)
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return self.dropout(self._join(heads))

    def explicit(
        self,
        x: Float[Tensor, "B T C"],
        *,
        memory: Float[Tensor, "B S C"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        n_prefix: int = 0,
    ) -> tuple[Float[Tensor, "B T C"], Float[Tensor, "B H T S"]]:
        """Compute the same output step by step, without dropout, and return the attention weights with it."""
        mask = self._mask(x, (x if memory is None else memory).shape[1], memory, mask, n_prefix)
        q, k, v = self._project(x, memory, None)
        # As the fused kernel: the scores of half precision would overflow.
        heads, weights = attention(*map(at_least_float32, (q, k, v)), mask)  # (B, H, T, D), (B, H, T, S)
        return self._join(heads.to(q.dtype)), weights.to(q.dtype)
