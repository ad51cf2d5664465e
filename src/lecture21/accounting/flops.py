"""The floating-point operations of one token, of a sequence and of a training run, and the days a run takes."""

import math
from dataclasses import dataclass
from typing import Annotated

from lecture21._support.contract import Count, NonNegative, Share, checked
from lecture21._support.validation import WHOLE, one_of, require
from lecture21.accounting.counting import parameters
from lecture21.accounting.shapes import Shape
from lecture21.gpt.config import GPTConfig
from lecture21.layers import MultiHeadAttention

DEVICES: dict[str, float] = {"T4": 65e12, "V100": 125e12, "A100": 312e12, "H100": 989e12}
"""Peak FLOP/s at 16 bits, as stated by the vendor: dense tensor cores, SXM board where there is one.

Source: NVIDIA's data sheets. Those of A100 and H100 also print a figure twice as high, for sparse weights.
"""


@dataclass(frozen=True)
class Flops:
    """Floating-point operations of one token, or of a sequence processed at once."""

    linear: int
    """Forward, in products with weight matrices: two per weight and token."""
    attention: int
    """Forward, in scores and weighted values: 4 L H D for each key that a query is multiplied with."""

    @property
    def forward(self) -> int:
        """One forward pass."""
        return self.linear + self.attention

    @property
    def backward(self) -> int:
        """One backward pass: each product has two factors, so two gradients that cost as much as the product."""
        return 2 * self.forward

    @property
    def training(self) -> int:
        """Forward and backward pass: six per weight, plus attention."""
        return self.forward + self.backward


@checked
def flops_per_token(model: GPTConfig | Shape, context: Count | None = None) -> Flops:
    """Count the FLOPs of one token whose queries attend to `context` keys, or to those of them inside the window.

    This is the cost of the next token after `context` tokens, itself included. Without a window it is also the mean
    over a sequence of that length that is processed at once; with a window, see `sequence_flops`. It equals the count
    of `torch.utils.flop_counter.FlopCounterMode`. In a sparse layer, k experts process the token, and none drops it.
    In an encoder-decoder one token is counted in each stack, with `context` tokens in both.

    Args:
        model: a configuration or shape.
        context: number of keys S; the block size of a `GPTConfig` if None.
    """
    shape, context = Shape.of(model), _require_context(model, context)
    counts = parameters(shape)
    # Every active weight matrix multiplies once, and a tied embedding does as the output layer.
    added = counts.norms + counts.biases + shape.n_sparse * shape.top_k * shape.expert_biases
    looked_up = counts.positions + (0 if shape.tied_head else counts.embeddings)
    keys = _visible_keys(shape, context) + (shape.n_encoder_layer + shape.n_cross) * context
    return Flops(2 * (counts.active - added - looked_up), keys * shape.attention.flops_per_key)


@checked
def sequence_flops(config: GPTConfig, context: Count | None = None) -> Flops:
    """Count the FLOPs of a whole sequence that a GPT of this package processes at once.

    Without a window this is `context` times `flops_per_token`. With a window W, `MultiHeadAttention` multiplies each
    block of W queries with 2 W keys, the first block with W; a sequence shorter than four windows is multiplied in
    full and masked.

    Args:
        config: the configuration.
        context: length of the sequence; the block size if None.
    """
    context = _require_context(config, context)
    per_key = config.n_layer * Shape.of(config).attention.flops_per_key
    if _is_blocked(config, context):
        products = (2 * math.ceil(context / config.window) - 1) * config.window**2
    else:
        products = context**2
    return Flops(context * flops_per_token(config, context).linear, per_key * products)


@checked
def training_flops(model: GPTConfig | Shape, tokens: Count) -> int:
    """Return 6 N D, the usual estimate: six FLOPs per active parameter (N) and training token (D).

    The estimate counts embeddings and norms, which multiply nothing, and omits attention, which grows with the
    context; `flops_per_token(model).training * tokens` is the exact number.

    Source: Kaplan et al. 2020, section 2.1, who exclude the embeddings from N; Brown et al. 2020, appendix D.
    """
    return 6 * parameters(model).active * tokens


@checked
def training_days(
    flops: NonNegative, device: Annotated[str, one_of(DEVICES)], n_devices: Count = 1, utilization: Share = 0.4
) -> float:
    """Return the days that a computation takes.

    Args:
        flops: the total, for example from `training_flops`.
        device: a key of `DEVICES`.
        n_devices: number of devices.
        utilization: fraction of the peak that is reached, in (0, 1].
    """
    return flops / (DEVICES[device] * n_devices * utilization) / 86400


def _require_context(model: GPTConfig | Shape, context: int | None) -> int:
    """Return the context, which must fit the block of a `GPTConfig` and defaults to it."""
    if isinstance(model, GPTConfig):
        context = model.block_size if context is None else context
        if context > model.block_size:
            raise ValueError(f"context must be at most the block size, {model.block_size}, got {context}")
    require("context", context, WHOLE)  # a shape has none of its own
    return context


def _visible_keys(shape: Shape, context: int) -> int:
    """Return the number of keys that a query attends to, summed over the decoder's self-attentions."""
    attention = shape.attention
    if attention.window is None:
        return shape.n_layer * context
    windowed = math.ceil(shape.n_layer / attention.window_every)
    return windowed * min(context, attention.window) + (shape.n_layer - windowed) * context


def _is_blocked(config: GPTConfig, context: int) -> bool:
    """Return whether a sequence of that length is processed block by block."""
    return config.window is not None and context >= MultiHeadAttention.BLOCKED * config.window
