"""The memory of a GPT, in bytes: weights, training state, activations, and the cache of keys and values."""

import math

from lecture21.accounting.flops import blocked, require_context, require_positive
from lecture21.accounting.parameters import parameters_by_formula
from lecture21.config import GPTConfig

BITS = {"fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "int4": 4}


def _bits(dtype: str) -> int:
    if dtype not in BITS:
        raise ValueError(f"dtype must be one of {', '.join(BITS)}, got {dtype!r}")
    return BITS[dtype]


def weight_bytes(config: GPTConfig, dtype: str = "bf16") -> int:
    """Return the memory of the weights; `dtype` is a key of `BITS`, and unknown ones are refused by ValueError."""
    return parameters_by_formula(config).total * _bits(dtype) // 8


def training_bytes(config: GPTConfig) -> int:
    """Return the memory of weights, gradients and Adam's state while training: 16 bytes for each parameter.

    In mixed precision these are 2 for the weight and 2 for its gradient at 16 bits, and at 32 bits 4 for the master
    copy and 4 for each of Adam's two averages. All in 32 bits they are 4 + 4 + 4 + 4, and 16 too. Activations come
    on top.

    Source: Rajbhandari et al. 2020 (ZeRO), section 3.1.
    """
    return 16 * parameters_by_formula(config).total


def kv_cache_bytes(config: GPTConfig, context: int | None = None, batch: int = 1, dtype: str = "bf16") -> int:
    """Return the memory of the keys and values that the newest token meets: one pair per layer, token, key/value head.

    With a window no more than that many tokens are kept, the newest one included; once it is read, the oldest goes.

    Args:
        config: the shape.
        context: tokens that were read, the newest included; the block size if not given.
        batch: sequences that are generated side by side.
        dtype: a key of `BITS`.

    Raises:
        ValueError: naming a context, batch or dtype that does not fit.
    """
    require_positive("batch", batch)
    numbers = 2 * config.n_layer * config.n_kv_head * config.d_head  # for one token
    context = require_context(config, context)
    return numbers * min(context, config.window or context) * batch * _bits(dtype) // 8


def activations_per_token(config: GPTConfig, context: int | None = None, *, fused: bool = True) -> int:
    """Count the numbers that the forward pass keeps for the backward pass, for each token.

    A block with layer norms keeps 4 C + 4 (input and output of both norms, mean and deviation), 4 H D (queries, keys,
    values, and what attention makes of them; keys and values already repeated for their groups), H (the logarithm of
    each softmax's sum), and the hidden layer once for relu, twice for another activation, four times with a gate.
    After the blocks come the head's input, with its norm, and the V log-probabilities of the loss. It equals what
    torch saves on a CPU in float32 without dropout; token ids and masks are not counted.

    Args:
        config: the shape.
        context: number of keys; the block size if not given. It matters only without a fused kernel.
        fused: whether attention is torch's fused kernel. If not, all H S weights of each query are kept.

    Raises:
        ValueError: if the context is not between 1 and the block size, or is read block by block in a window: what is
            kept is then no whole number for each token; `sequence_activations` counts it.
    """
    context = require_context(config, context)
    if fused and blocked(config, context):
        raise ValueError(
            f"a context of {context} tokens is read block by block in a window of {config.window}, which keeps some "
            "keys twice: count it whole, by sequence_activations"
        )
    return _activations_per_token(config, context, fused)


def sequence_activations(config: GPTConfig, context: int | None = None, *, fused: bool = True) -> int:
    """Count the numbers that the forward pass of a whole sequence keeps for the backward pass.

    That is `context` times `activations_per_token`, but for a sequence that is read block by block in a window: there
    every block but the first has a copy of the keys and values of the block before, the last block is filled up to its
    end, and what attention gives is put together in a copy.

    Args:
        config: the shape.
        context: length of the sequence; the block size if not given.
        fused: as in `activations_per_token`.

    Raises:
        ValueError: if the context is not between 1 and the block size.
    """
    context = require_context(config, context)
    kept = context * _activations_per_token(config, context, fused)
    if not (fused and blocked(config, context)):
        return kept
    inner, copied = config.n_head * config.d_head, config.qk_norm or config.position == "rotary"
    whole = math.ceil(context / config.window) * config.window
    plain = context * (inner * (5 if copied else 4) + config.n_head)
    # Queries, keys, values and results, filled up; pairs of blocks of keys and values; the results put together.
    in_blocks = whole * (4 * inner + config.n_head) + 4 * (whole - config.window) * inner + context * inner
    return kept + config.n_layer * (in_blocks - plain)


def _activations_per_token(config: GPTConfig, context: int, fused: bool) -> int:
    width, inner, keys = config.d_model, config.n_head * config.d_head, config.n_kv_head * config.d_head
    # A layer norm keeps what it reads, and two numbers; torch's rms norm also keeps what it made before the gain.
    per_number, per_row = (1, 2) if config.norm == "layernorm" else (2, 1)
    norm = per_number * width + per_row
    hidden = {"relu": 1, "swiglu": 4}.get(config.activation, 2) * config.d_ff
    if config.moe is not None:
        k = config.moe.top_k
        weights = 2 * k + 1 if config.moe.normalises and config.moe.softmax == "before" else k
        # Each expert's row, and what it made of it before it was weighed; the router's softmax, and the weights.
        hidden = (k + config.moe.n_shared) * hidden + 2 * k * width + config.moe.n_expert + weights
    attention = 4 * inner + config.n_head * (1 if fused else context)
    if config.qk_norm:
        attention += per_number * (inner + keys) + per_row * (config.n_head + config.n_kv_head)
    if fused and (config.qk_norm or config.position == "rotary"):
        attention += inner  # queries that were changed lie head by head, and so does the result: joining it is a copy
    block = 2 * (norm + width) + attention + hidden
    last = norm + width if config.final_norm else width
    return config.n_layer * block + last + config.vocab_size


def activation_bytes(
    config: GPTConfig, context: int | None = None, batch: int = 1, dtype: str = "fp32", *, fused: bool = True
) -> int:
    """Return the memory of `sequence_activations` for a batch of sequences; with 16 bits an estimate.

    (There torch keeps the norms' statistics and the log-probabilities at 32 bits all the same.)
    """
    require_positive("batch", batch)
    return sequence_activations(config, context, fused=fused) * batch * _bits(dtype) // 8
