"""The parts a transformer is stacked from: multi-head attention with its cache, feed-forward, block.

`MultiHeadAttention` has two paths through the same weights. `forward` uses torch's fused kernel and never holds the
attention weights; `explicit` is the formula of `lecture21.attention`, and returns them. The tests prove them equal.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21.attention import attention, causal_mask


class KVCache:
    """The keys and values that one attention layer has already computed, so that each token is read once."""

    def __init__(self) -> None:
        self.k: Tensor | None = None
        self.v: Tensor | None = None

    def __len__(self) -> int:
        return 0 if self.k is None else self.k.shape[-2]

    def append(
        self, k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
    ) -> tuple[Float[Tensor, "B H S D"], Float[Tensor, "B H S D"]]:
        """Add the keys and values of T new positions; return those of all S positions so far."""
        self.k = k if self.k is None else torch.cat([self.k, k], dim=-2)
        self.v = v if self.v is None else torch.cat([self.v, v], dim=-2)
        return self.k, self.v


class MultiHeadAttention(nn.Module):
    """Causal self-attention in H heads side by side, joined by an output projection (slide 19).

    Each head is a `SelfAttention` of width C/H; the H query matrices stand in one (C, C) weight, and so do the keys
    and the values.

    Args:
        d_model: width C of the model, a multiple of `n_head`.
        n_head: number of heads H.
        qkv_bias: whether the query, key and value maps have a bias.
        dropout: probability of dropping an attention weight, and an output, while training.

    Raises:
        ValueError: if the heads do not divide the width.

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, d_model: int, n_head: int, *, qkv_bias: bool = False, dropout: float = 0.0):
        super().__init__()
        if n_head < 1 or d_model % n_head:
            raise ValueError(f"n_head must divide d_model, got d_model={d_model} and n_head={n_head}")
        self.n_head = n_head
        self.dropout = dropout
        self.query = nn.Linear(d_model, d_model, bias=qkv_bias)
        self.key = nn.Linear(d_model, d_model, bias=qkv_bias)
        self.value = nn.Linear(d_model, d_model, bias=qkv_bias)
        self.output = nn.Linear(d_model, d_model)

    def _split(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B H T D"]:
        return x.unflatten(-1, (self.n_head, -1)).transpose(1, 2)

    def _join(self, heads: Float[Tensor, "B H T D"]) -> Float[Tensor, "B T C"]:
        return self.output(heads.transpose(1, 2).flatten(2))

    def forward(self, x: Float[Tensor, "B T C"], cache: KVCache | None = None) -> Float[Tensor, "B T C"]:
        """Mix each position with itself and what came before.

        With a cache, `x` holds only the new positions, and the cache grows by them.
        """
        q, k, v = (
            self._split(self.query(x)),
            self._split(self.key(x)),
            self._split(self.value(x)),
        )  # (B, H, T, D)
        if cache is not None:
            k, v = cache.append(k, v)  # (B, H, S, D)
        n_query, n_key = q.shape[-2], k.shape[-2]
        dropout = self.dropout if self.training else 0.0
        if n_query == n_key:
            heads = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        else:
            # is_causal would align the mask with the first keys; cached queries are the last positions.
            mask = causal_mask(n_query, n_key, device=x.device)
            heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        return F.dropout(self._join(heads), dropout)

    def explicit(self, x: Float[Tensor, "B T C"]) -> tuple[Float[Tensor, "B T C"], Float[Tensor, "B H T T"]]:
        """Compute the same output step by step, without dropout, and return the attention weights beside it."""
        q, k, v = self._split(self.query(x)), self._split(self.key(x)), self._split(self.value(x))
        heads, weights = attention(q, k, v, causal_mask(x.shape[1], device=x.device))
        return self._join(heads), weights


# Activations by the names that papers and libraries use; gelu_tanh is GPT-1's and GPT-2's approximation.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
}


class FeedForward(nn.Module):
    """Two linear maps with a nonlinearity between them, applied to each position alone.

    Args:
        d_model: width C.
        d_hidden: width between the two maps; 4 C in every GPT of the lecture.
        activation: a key of `ACTIVATIONS`.
        dropout: probability of dropping an output while training.

    Source: Vaswani et al. 2017, section 3.3.
    """

    def __init__(self, d_model: int, d_hidden: int, *, activation: str = "relu", dropout: float = 0.0):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}; choose from {', '.join(ACTIVATIONS)}")
        self.up = nn.Linear(d_model, d_hidden)
        self.down = nn.Linear(d_hidden, d_model)
        self.activation = ACTIVATIONS[activation]
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """Transform each position by itself."""
        return self.dropout(self.down(self.activation(self.up(x))))


class Block(nn.Module):
    """Attention, then feed-forward, each added to what came in, each reading a normalised copy (pre-norm).

    Args:
        d_model: width C, for the two layer norms.
        attention: mixes positions; called with `(x, cache)`.
        feed_forward: transforms each position; called with `x`.
    """

    def __init__(self, d_model: int, attention: nn.Module, feed_forward: nn.Module):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x: Float[Tensor, "B T C"], cache: KVCache | None = None) -> Float[Tensor, "B T C"]:
        """Return the residual stream after this block."""
        x = x + self.attention(self.norm_attention(x), cache)
        return x + self.feed_forward(self.norm_feed_forward(x))


@torch.no_grad()
def attention_weights(model: nn.Module, ids: Int[Tensor, "B T"]) -> Float[Tensor, "layer B H T S"]:
    """Return the attention map of every layer and head for one batch of token ids.

    The model runs as usual; a hook keeps what goes into each attention layer, and the explicit path is then computed
    from that. So `forward` stays free of a flag, and the maps are those of the very pass that gave the logits.

    Args:
        model: a model whose attention layers are `MultiHeadAttention`.
        ids: token ids.

    Returns:
        Weights with rows = query, columns = key; dropout is off, and the model's mode is left as it was.

    Raises:
        ValueError: if the model has no `MultiHeadAttention`.
    """
    layers = [module for module in model.modules() if isinstance(module, MultiHeadAttention)]
    if not layers:
        raise ValueError(f"{type(model).__name__} has no MultiHeadAttention layer to look into")
    maps: list[Tensor] = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, args: maps.append(layer.explicit(args[0])[1])) for layer in layers
    ]
    was_training = model.training
    try:
        model.eval()(ids)
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return torch.stack(maps)
