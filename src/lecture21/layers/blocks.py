"""The transformer block: attention, then feed-forward, each with a norm and a residual connection.

A GPT's block, an encoder's and a decoder's are the same `Block`: they differ in their mask, and in whether there is
cross-attention.
"""

from collections.abc import Callable
from typing import Annotated

from jaxtyping import Bool, Float
from torch import Tensor, nn

from lecture21._support.contract import Count, Positive, checked
from lecture21._support.tensors import require_width
from lecture21._support.validation import one_of
from lecture21.layers.cache import KVCache


class _RMSNorm(nn.RMSNorm):
    """RMSNorm as a plain formula: on a CPU, torch's own takes three times as long with its gradient."""

    def forward(self, x: Float[Tensor, "*N C"]) -> Float[Tensor, "*N C"]:
        """Divide each vector by the root of its mean square, and multiply by the gain."""
        return x * (x * x).mean(-1, keepdim=True).add(self.eps).rsqrt() * self.weight


NORMS: dict[str, Callable[..., nn.Module]] = {"layernorm": nn.LayerNorm, "rmsnorm": _RMSNorm}
"""The norms by name; each is constructed with a width and `eps`."""


NORM_POSITIONS = ("pre", "post")


class Block(nn.Module):
    """Attention and feed-forward with residual connections; a decoder has cross-attention between them.

    Args:
        d_model: width C, for the norms.
        attention: mixes positions; called with `(x, cache, mask=..., n_prefix=...)`.
        feed_forward: transforms each position; called with `x`.
        cross_attention: attends to the memory; called with `(x, cache, memory=..., mask=...)`.
        norm: "layernorm" or "rmsnorm".
        norm_position: pre, before each layer (Radford et al. 2019), or post, after each sum (Vaswani et al. 2017).
        norm_eps: added to the variance in the norms.
    """

    @checked
    def __init__(
        self,
        d_model: Count,
        attention: nn.Module,
        feed_forward: nn.Module,
        *,
        cross_attention: nn.Module | None = None,
        norm: Annotated[str, one_of(NORMS)] = "layernorm",
        norm_position: Annotated[str, one_of(NORM_POSITIONS)] = "pre",
        norm_eps: Positive = 1e-5,
    ):
        super().__init__()
        self.d_model = d_model
        self.pre_norm = norm_position == "pre"
        self.norm_attention = NORMS[norm](d_model, eps=norm_eps)
        self.attention = attention
        self.norm_cross_attention = NORMS[norm](d_model, eps=norm_eps) if cross_attention else None
        self.cross_attention = cross_attention
        self.norm_feed_forward = NORMS[norm](d_model, eps=norm_eps)
        self.feed_forward = feed_forward

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        cache: KVCache | None = None,
        *,
        mask: Bool[Tensor, "..."] | None = None,
        n_prefix: int = 0,
        memory: Float[Tensor, "B S C"] | None = None,
        memory_mask: Bool[Tensor, "..."] | None = None,
        memory_cache: KVCache | None = None,
    ) -> Float[Tensor, "B T C"]:
        """Return the residual stream after this block; all arguments but `x` as in `MultiHeadAttention.forward`."""
        require_width("x", x, self.d_model)
        if self.pre_norm:
            x = x + self.attention(self.norm_attention(x), cache, mask=mask, n_prefix=n_prefix)
            if self.cross_attention is not None:
                x = x + self._cross_attend(self.norm_cross_attention(x), memory_cache, memory, memory_mask)
            x = x + self.feed_forward(self.norm_feed_forward(x))
        else:
            x = self.norm_attention(x + self.attention(x, cache, mask=mask, n_prefix=n_prefix))
            if self.cross_attention is not None:
                x = self.norm_cross_attention(x + self._cross_attend(x, memory_cache, memory, memory_mask))
            x = self.norm_feed_forward(x + self.feed_forward(x))
        return x

    def _cross_attend(self, x: Tensor, cache: KVCache | None, memory: Tensor | None, mask: Tensor | None) -> Tensor:
        if memory is None:
            raise ValueError("a block with cross-attention needs a memory to attend to")
        return self.cross_attention(x, cache, memory=memory, mask=mask)
