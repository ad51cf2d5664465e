"""The memory of a model in bytes: weights, training state, activations, and the key/value cache."""

import math
from typing import Annotated

from lecture21._support.contract import Count, checked
from lecture21._support.validation import one_of
from lecture21.accounting.counting import parameters
from lecture21.accounting.flops import _is_blocked, _require_context, _visible_keys
from lecture21.accounting.shapes import Shape
from lecture21.gpt.config import GPTConfig

BITS: dict[str, int | float] = {"fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "int4": 4, "mxfp4": 4.25}
"""Bits per number. mxfp4 is a format of routed experts only; all other weights then have 16 bits, as in gpt-oss.

In mxfp4 a weight has 4 bits, and each block of 32 weights shares a scale of 8 bits.
Source: OpenAI 2025, section 2.1; Open Compute Project 2023.
"""


Format = Annotated[str, one_of(BITS)]
Plain = Annotated[str, one_of(name for name in BITS if name != "mxfp4")]
"""Of numbers that are not the weights of routed experts."""


def _weight_bits(dtype: Format) -> tuple[int | float, int]:
    """Return the bits of a weight of a routed expert, and of any other parameter."""
    return BITS[dtype], BITS["bf16" if dtype == "mxfp4" else dtype]


def _expert_bytes(shape: Shape, dtype: str) -> float:
    """Return the memory of one routed expert; mxfp4 applies to its weights, not to its biases."""
    weight, other = _weight_bits(dtype)
    return (shape.expert_weights * weight + shape.expert_biases * other) / 8


@checked
def weight_bytes(model: GPTConfig | Shape, dtype: Format = "bf16") -> int:
    """Return the memory of all weights; `dtype` is fp32, bf16, fp16, fp8, int8, int4 or mxfp4."""
    shape, counts = Shape.of(model), parameters(model)
    experts = shape.n_sparse * shape.n_expert * _expert_bytes(shape, dtype)
    return math.floor(experts + (counts.total - counts.experts) * _weight_bits(dtype)[1] / 8)


@checked
def training_bytes(model: GPTConfig | Shape) -> int:
    """Return the memory of weights, gradients and Adam's state in training: 16 bytes per parameter.

    In mixed precision these are 2 for the weight and 2 for its gradient at 16 bits, and at 32 bits 4 for the master
    copy and 4 for each of Adam's two moments. In full precision they are 4 + 4 + 4 + 4. Activations come on top.

    Source: Rajbhandari et al. 2020 (ZeRO), section 3.1.
    """
    return 16 * parameters(model).total


@checked
def kv_cache_bytes(
    model: GPTConfig | Shape, context: Count | None = None, batch: Count = 1, dtype: Plain = "bf16"
) -> int:
    """Return the memory of the cached keys and values, or latent vectors, that the newest token attends to.

    A layer with a window caches at most that many tokens, the newest included. In an encoder-decoder, every block of
    the decoder also caches the keys and values of `context` encoder tokens.

    Args:
        model: a configuration or shape.
        context: number of tokens so far, the newest included; the block size of a `GPTConfig` if None.
        batch: number of sequences.
        dtype: fp32, bf16, fp16, fp8, int8 or int4.
    """
    shape, context = Shape.of(model), _require_context(model, context)
    tokens = _visible_keys(shape, context) + shape.n_cross * context
    return tokens * shape.attention.cached * batch * BITS[dtype] // 8


@checked
def activation_bytes(
    config: GPTConfig, context: Count | None = None, batch: Count = 1, dtype: Plain = "fp32", *, fused: bool = True
) -> int:
    """Return the memory of the activations that the forward pass of a GPT stores for the backward pass.

    In float32, without dropout, it equals what torch stores on a CPU; token ids and masks are not counted. At 16 bits
    it is an estimate, since torch keeps the statistics of the norms and the log-probabilities at 32 bits.

    Args:
        config: the configuration.
        context: length of the sequences; the block size if None.
        batch: number of sequences.
        dtype: fp32, bf16, fp16, fp8, int8 or int4.
        fused: whether attention is torch's fused kernel; if not, all H S attention weights of a query are stored.
    """
    context = _require_context(config, context)
    stored = context * _activations_per_token(config, context, fused)
    if fused and _is_blocked(config, context):
        stored += config.n_layer * _extra_in_blocks(config, context)
    return stored * batch * BITS[dtype] // 8


def _activations_per_token(config: GPTConfig, context: int, fused: bool) -> int:
    """Return how many numbers are stored per token.

    A block with layer norms stores 4 C + 4 (input and output of both norms, mean and deviation), 4 H D (queries, keys,
    values and the result of attention; keys and values already repeated for their groups), H (the logarithm of each
    softmax's sum), and the hidden layer once for relu, twice for another activation, four times with a gate. After the
    blocks come the input of the output layer, with its norm, and the V log-probabilities of the loss; a logit cap
    stores its result too.
    """
    width, inner, keys = config.d_model, config.n_head * config.d_head, config.n_kv_head * config.d_head
    # A layer norm stores its input, and two numbers; torch's RMS norm also stores the normalized input.
    per_number, per_row = (1, 2) if config.norm == "layernorm" else (2, 1)
    norm = per_number * width + per_row
    hidden = {"relu": 1, "swiglu": 4}.get(config.activation, 2) * config.d_ff
    if config.moe is not None:
        k = config.moe.top_k
        weights = 2 * k + 1 if config.moe.normalizes and config.moe.softmax == "before" else k
        # The input and unweighted output of each expert; the softmax of the router, and the expert weights.
        hidden = (k + config.moe.n_shared) * hidden + 2 * k * width + config.moe.n_expert + weights
    attention = 4 * inner + config.n_head * (1 if fused else context)
    if config.qk_norm:
        attention += per_number * (inner + keys) + per_row * (config.n_head + config.n_kv_head)
    block = 2 * (norm + width) + attention + hidden
    last = norm + width if config.final_norm else width
    return config.n_layer * block + last + config.vocab_size * (1 if config.logit_cap is None else 2)


def _extra_in_blocks(config: GPTConfig, context: int) -> int:
    """Return how many more numbers a layer stores if a sequence is processed block by block.

    Each block but the first has a copy of the keys and values of the block before, the last block is padded, and the
    results are joined in a copy.
    """
    inner = config.n_head * config.d_head
    padded = math.ceil(context / config.window) * config.window
    plain = context * (4 * inner + config.n_head)
    in_blocks = padded * (4 * inner + config.n_head) + 4 * (padded - config.window) * inner + context * inner
    return in_blocks - plain
