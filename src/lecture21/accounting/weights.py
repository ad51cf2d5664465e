"""What a model with sparse layers costs by its shape: weights in all and for one token, arithmetic, and the cache.

Conventions beside those of the package: *active* is what one token is computed with, so of E routed experts the k that
it is sent to. An encoder-decoder is counted for a pair of tokens, one that is read and one that is written.
"""

import math
from dataclasses import astuple, dataclass

from lecture21._support.validation import require_choice, require_whole
from lecture21.accounting.flops import Flops
from lecture21.accounting.memory import BITS
from lecture21.accounting.shapes import Shape, shape_of
from lecture21.config import GPTConfig

PRECISIONS: dict[str, int | float] = {**BITS, "mxfp4": 4.25}
"""Bits of a weight. mxfp4 is for routed experts alone, and leaves all other weights at 16 bits, as gpt-oss does.

In mxfp4 a weight has 4 bits, and each block of 32 weights a shared scale of 8 bits more.
Source: OpenAI 2025, section 2.1; Open Compute Project 2023.
"""


@dataclass(frozen=True)
class Weights:
    """Number of parameters of a model, by part."""

    embeddings: int
    """The table of tokens."""
    positions: int
    """Learned positions, absolute or relative."""
    attention: int
    """The matrices of all attentions."""
    dense: int
    """The matrices of dense layers and of shared experts."""
    routers: int
    """The matrices of all routers."""
    active_experts: int
    """Of the routed experts, those that one token is sent to, with their biases."""
    idle_experts: int
    """Of the routed experts, all others."""
    vectors: int
    """Norms, sinks, and the biases of everything but routed experts."""
    head: int
    """The output layer; 0 where it is the table of tokens."""

    @property
    def experts(self) -> int:
        """All routed experts."""
        return self.active_experts + self.idle_experts

    @property
    def total(self) -> int:
        """All parameters, each counted once."""
        return sum(astuple(self))

    @property
    def active(self) -> int:
        """What one token is computed with, the table of tokens included."""
        return self.total - self.idle_experts

    @property
    def active_without_embedding(self) -> int:
        """The same without the table of tokens, of which a token reads one row.

        So a tied table is left out too, although the output layer multiplies with it.
        """
        return self.active - self.embeddings


def feed_forward_sizes(d_model: int, d_hidden: int, gated: bool, bias: bool) -> tuple[int, int]:
    """Return the number of weights and of biases of a dense layer or of an expert."""
    into = 2 if gated else 1
    return (into + 1) * d_model * d_hidden, bias * (into * d_hidden + d_model)


def expert_sizes(model: Shape | GPTConfig) -> tuple[int, int]:
    """Return the number of weights and of biases of one routed expert, 0 where there is none."""
    shape = shape_of(model)
    return feed_forward_sizes(shape.d_model, shape.d_expert, shape.gated, shape.bias) if shape.n_sparse else (0, 0)


def weights(model: Shape | GPTConfig) -> Weights:
    """Count the parameters of a model by part, from its shape alone."""
    shape = shape_of(model)
    width, of_a_norm = shape.d_model, 2 if shape.layernorm else 1
    layers = shape.n_layer + shape.n_encoder_layer
    crossing = shape.n_layer if shape.n_encoder_layer else 0  # attentions from decoder to encoder
    stacks = 2 if shape.n_encoder_layer else 1

    dense = [0, 0]
    if shape.n_dense:
        sizes = feed_forward_sizes(width, shape.d_ff, shape.gated_dense, shape.bias)
        dense = [shape.n_dense * size for size in sizes]
    if shape.n_sparse and shape.n_shared:
        sizes = feed_forward_sizes(width, shape.n_shared * shape.d_expert, shape.gated, shape.bias)
        dense = [sum(pair) for pair in zip(dense, (shape.n_sparse * size for size in sizes), strict=True)]

    norms = of_a_norm * width * (2 * layers + crossing + stacks * shape.final_norm)
    routed = shape.n_sparse * sum(expert_sizes(shape))  # one expert of each sparse layer
    attentions = (layers + crossing) * shape.attention.vectors(width, of_a_norm)
    biases = shape.router_bias * shape.n_sparse * shape.n_expert + shape.head_bias * shape.vocab_size
    return Weights(
        embeddings=shape.vocab_size * width,
        positions=shape.positions * width + stacks * shape.relative_buckets * shape.attention.n_head,
        attention=(layers + crossing) * shape.attention.matrices(width),
        dense=dense[0],
        routers=shape.n_sparse * shape.n_expert * width,
        active_experts=shape.top_k * routed,
        idle_experts=(shape.n_expert - shape.top_k) * routed,
        vectors=norms + attentions + biases + dense[1],
        head=0 if shape.tied_head else shape.vocab_size * width,
    )


def bits(dtype: str) -> tuple[int | float, int | float]:
    """Return the bits of a routed expert's weight and of any other one; raises ValueError for an unknown dtype."""
    require_choice("dtype", dtype, PRECISIONS)
    return PRECISIONS[dtype], BITS.get(dtype, BITS["bf16"])


def expert_memory(model: Shape | GPTConfig, dtype: str = "bf16") -> float:
    """Return the bytes of one routed expert; `dtype` is a key of `PRECISIONS`. Biases are no blocks of weights."""
    of_a_weight, of_a_bias = bits(dtype)
    matrices, biases = expert_sizes(model)
    return (matrices * of_a_weight + biases * of_a_bias) / 8


def weight_memory(model: Shape | GPTConfig, dtype: str = "bf16") -> int:
    """Return the bytes of all weights; `dtype` is a key of `PRECISIONS`, and unknown ones are refused by ValueError."""
    shape, counts = shape_of(model), weights(model)
    routed = shape.n_sparse * shape.n_expert * expert_memory(shape, dtype)
    return math.floor(routed + (counts.total - counts.experts) * bits(dtype)[1] / 8)


def keys_seen(model: Shape | GPTConfig, context: int) -> int:
    """Return how many keys a query meets in all layers of the decoder together, in its attention to itself.

    In a layer with a window it meets at most so many.
    """
    shape, attention = shape_of(model), shape_of(model).attention
    require_whole("context", context)
    windowed = 0 if attention.window is None else math.ceil(shape.n_layer / attention.window_every)
    short = min(context, attention.window or context)
    return windowed * short + (shape.n_layer - windowed) * context


def token_flops(model: Shape | GPTConfig, context: int) -> Flops:
    """Count the FLOPs of one token whose queries meet `context` keys, in the active weights and in attention.

    In the weights they are twice the active parameters without the input embedding, norms and biases: twice as many
    experts cost nothing but the router's rows. An encoder-decoder is counted for one token in each stack, with
    `context` tokens in both.

    Raises:
        ValueError: if the context is not a whole number >= 1.
    """
    shape = shape_of(model)
    counts = weights(shape)
    experts = shape.n_sparse * shape.top_k * expert_sizes(shape)[0]
    head = shape.vocab_size * shape.d_model  # multiplies, tied or not
    multiplied = counts.attention + counts.dense + counts.routers + experts + head
    crossing = shape.n_layer if shape.n_encoder_layer else 0
    keys = keys_seen(shape, context) + (shape.n_encoder_layer + crossing) * context
    return Flops(2 * multiplied, keys * shape.attention.flops_per_key)


def cache_memory(model: Shape | GPTConfig, context: int = 1, batch: int = 1, dtype: str = "bf16") -> int:
    """Return the bytes of keys and values, or of latents, that decoding keeps; for one token if no context is given.

    Experts change nothing here: it is a matter of attention alone. A layer with a window keeps no more than the
    window. With an encoder, each block of the decoder also keeps keys and values of `context` tokens that were read.

    Raises:
        ValueError: naming a context, batch or dtype that does not fit.
    """
    shape = shape_of(model)
    require_whole("batch", batch)
    kept = keys_seen(shape, context) + (shape.n_layer * context if shape.n_encoder_layer else 0)
    return int(kept * shape.attention.cached * batch * bits(dtype)[1]) // 8
