"""The block that a transformer is stacked from: attention, then feed-forward, each with a norm and added.

A GPT's block, an encoder's and a decoder's are the same `Block`: they differ in their mask, and in whether there is a
second attention that reads the encoder.
"""

from collections.abc import Callable

from jaxtyping import Bool, Float
from torch import Tensor, nn

from lecture21.layers.cache import KVCache

NORMS: dict[str, Callable[..., nn.Module]] = {"layernorm": nn.LayerNorm, "rmsnorm": nn.RMSNorm}
"""Every kind of norm, made of a width and `eps`."""


def pre_norm(x: Tensor, norm: nn.Module, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """Read a normalised copy and add to the stream itself (Radford et al. 2019)."""
    return x + layer(norm(x))


def post_norm(x: Tensor, norm: nn.Module, layer: Callable[[Tensor], Tensor]) -> Tensor:
    """Add to the stream and normalise the sum (Vaswani et al. 2017; Radford et al. 2018)."""
    return norm(x + layer(x))


RESIDUALS: dict[str, Callable[[Tensor, nn.Module, Callable[[Tensor], Tensor]], Tensor]] = {
    "pre": pre_norm,
    "post": post_norm,
}


class Block(nn.Module):
    """Attention, then feed-forward, each with a norm and added to what came in; a decoder asks a memory between them.

    Args:
        d_model: width C, for the norms.
        attention: mixes positions; called with `(x, cache, mask=..., prefix=...)`.
        feed_forward: transforms each position; called with `x`.
        cross_attention: asks a memory; called with `(x, cache, memory=..., mask=...)`.
        norm: a key of `NORMS`.
        norm_position: a key of `RESIDUALS`.
        norm_eps: what keeps the norms from dividing by 0.
    """

    def __init__(
        self,
        d_model: int,
        attention: nn.Module,
        feed_forward: nn.Module,
        *,
        cross_attention: nn.Module | None = None,
        norm: str = "layernorm",
        norm_position: str = "pre",
        norm_eps: float = 1e-5,
    ):
        super().__init__()
        for name, value, allowed in (("norm", norm, NORMS), ("norm_position", norm_position, RESIDUALS)):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
        self.residual = RESIDUALS[norm_position]
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
        prefix: int = 0,
        memory: Float[Tensor, "B S C"] | None = None,
        memory_mask: Bool[Tensor, "..."] | None = None,
        memory_cache: KVCache | None = None,
    ) -> Float[Tensor, "B T C"]:
        """Return the residual stream after this block; all but `x` as in `MultiHeadAttention.forward`."""
        x = self.residual(x, self.norm_attention, lambda x: self.attention(x, cache, mask=mask, prefix=prefix))
        if self.cross_attention is not None:
            x = self.residual(
                x,
                self.norm_cross_attention,
                lambda x: self.cross_attention(x, memory_cache, memory=memory, mask=memory_mask),
            )
        return self.residual(x, self.norm_feed_forward, self.feed_forward)
