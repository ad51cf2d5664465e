"""What a GPT costs: its parameters by part, its arithmetic, its memory, and the days that training takes.

Everything follows from a `GPTConfig`; no weight is ever made, so GPT-3 is counted as fast as GPT-0. Three conventions
decide what the numbers mean, and are the same throughout:

- a tied head has no parameters of its own; its matrix is counted once, among the embeddings, and multiplied once more;
- FLOPs are those of matrix products, a multiplication and an addition each counted as one, as torch's
  `FlopCounterMode` counts them; norms, nonlinearities and softmaxes are left out, as there;
- the causal mask saves no FLOPs: every query is multiplied with every key, and half of the products are then masked.
"""

import math
from dataclasses import astuple, dataclass

import torch
from torch import nn

from lecture21.config import GPTConfig
from lecture21.feed_forward import ACTIVATIONS
from lecture21.gpt import GPT

# Which part a parameter belongs to: the first of these words that its name contains.
WORDS = {
    "norm": "norms",
    "token": "embeddings",
    "position": "positions",
    "attention": "attention",
    "feed_forward": "feed_forward",
    "head": "head",
}
BITS = {"fp32": 32, "bf16": 16, "fp16": 16, "fp8": 8, "int8": 8, "int4": 4}
DEVICES: dict[str, float] = {"T4": 65e12, "V100": 125e12, "A100": 312e12, "H100": 989e12}
"""Most FLOPs in a second at 16 bits, as the vendor states them: dense tensor cores, the SXM board of each.

Source: NVIDIA's data sheets of the four. Those of A100 and H100 also print a figure twice as high, which holds for
weights of which half are zero.
"""


@dataclass(frozen=True)
class Parameters:
    """Number of parameters of a model, by part."""

    embeddings: int = 0
    """The table of tokens."""
    positions: int = 0
    """The table of positions, where they are learned."""
    attention: int = 0
    """Query, key, value and output maps of all layers."""
    feed_forward: int = 0
    """The matrices of all feed-forward layers."""
    norms: int = 0
    """Gains and shifts of all norms."""
    head: int = 0
    """The output layer; 0 where it is the table of tokens."""

    @property
    def total(self) -> int:
        """All parameters, each counted once."""
        return sum(astuple(self))

    @property
    def non_embedding(self) -> int:
        """What the blocks and the norms hold: all but the two tables and the head."""
        return self.attention + self.feed_forward + self.norms


def parameters_of(model: nn.Module) -> Parameters:
    """Count the parameters of a model, on any device, by the names that our layers give them.

    Raises:
        ValueError: naming the first parameter that belongs to no part.
    """
    counts = dict.fromkeys(WORDS.values(), 0)
    for name, parameter in model.named_parameters():  # a shared one comes once
        part = next((part for word, part in WORDS.items() if word in name), None)
        if part is None:
            raise ValueError(f"parameter {name} belongs to no part; its name should contain one of {', '.join(WORDS)}")
        counts[part] += parameter.numel()
    return Parameters(**counts)


def parameters(config: GPTConfig) -> Parameters:
    """Count the parameters of a GPT by building it on the meta device, where tensors have a shape and no memory."""
    with torch.device("meta"):
        return parameters_of(GPT(config))


def parameters_by_formula(config: GPTConfig) -> Parameters:
    """Count the parameters of a GPT on paper: what `parameters` counts, as a sum of products of the config's fields.

    With the defaults of GPT-2 (keys as wide as the model, d_ff = 4 C, biases) a block holds 12 C^2 + 13 C.
    """
    width, inner, keys = config.d_model, config.n_head * config.d_head, config.n_kv_head * config.d_head
    projections = inner + 2 * keys  # outputs of the query, key and value maps together
    attention = width * projections + inner * width + config.qkv_bias * projections + config.bias * width

    into = 2 if ACTIVATIONS[config.activation].gated else 1  # matrices that lead into the hidden layer: up, and gate
    feed_forward = (into + 1) * width * config.d_ff + config.bias * (into * config.d_ff + width)

    of_a_norm = 2 if config.norm == "layernorm" else 1  # gain and shift, or a gain alone
    norms = of_a_norm * (2 * width + config.qk_norm * 2 * config.d_head)

    return Parameters(
        embeddings=config.vocab_size * width,
        positions=config.block_size * width if config.position == "learned" else 0,
        attention=config.n_layer * attention,
        feed_forward=config.n_layer * feed_forward,
        norms=config.n_layer * norms + config.final_norm * of_a_norm * width,
        head=0 if config.tied_head else config.vocab_size * (width + config.bias),
    )


@dataclass(frozen=True)
class Flops:
    """Floating-point operations for one token."""

    linear: int
    """Forward, in the products of a vector with a weight matrix: two for every weight."""
    attention: int
    """Forward, in scores and weighted values: 4 L H D for each key."""
    recompute: bool = False
    """Whether the backward pass forms the scores anew, as fused attention kernels do."""

    @property
    def forward(self) -> int:
        """One forward pass."""
        return self.linear + self.attention

    @property
    def backward(self) -> int:
        """One backward pass: each product has two factors, and so two gradients, each as much work as itself."""
        return 2 * self.forward + self.recompute * self.attention // 2

    @property
    def training(self) -> int:
        """Forward and backward together: six for every weight, and attention's share."""
        return self.forward + self.backward


def flops_per_token(config: GPTConfig, context: int | None = None, *, recompute: bool = False) -> Flops:
    """Count the FLOPs of one token whose queries meet `context` keys.

    So it is the mean over a sequence of that length read at once, and also the cost of the next token when `context`
    tokens, itself included, are in the cache. It equals `torch.utils.flop_counter.FlopCounterMode` exactly.

    Args:
        config: the shape.
        context: number of keys S; the block size if not given.
        recompute: count the backward pass of a fused kernel (flash attention): it keeps no scores, and computes them a
            second time, so that attention's backward pass is 5/2 of its forward pass and not 2.

    Raises:
        ValueError: if the context is not between 1 and the block size.
    """
    context = _context(config, context)
    inner, keys = config.n_head * config.d_head, config.n_kv_head * config.d_head
    matrices = 3 if ACTIVATIONS[config.activation].gated else 2
    block = 2 * config.d_model * (inner + keys) + matrices * config.d_model * config.d_ff
    weights = config.n_layer * block + config.vocab_size * config.d_model  # the head multiplies, tied or not
    return Flops(2 * weights, 4 * config.n_layer * inner * context, recompute)


def _context(config: GPTConfig, context: int | None) -> int:
    context = config.block_size if context is None else context
    if not 1 <= context <= config.block_size:
        raise ValueError(f"context must be between 1 and the block size, {config.block_size}, got {context}")
    return context


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
    """Return the memory of the keys and values of a full cache: one of each per layer, token and key/value head.

    Args:
        config: the shape.
        context: tokens in the cache; the block size if not given.
        batch: sequences that are generated side by side.
        dtype: a key of `BITS`.

    Raises:
        ValueError: naming a context, batch or dtype that does not fit.
    """
    _positive("batch", batch)
    numbers = 2 * config.n_layer * config.n_kv_head * config.d_head  # for one token
    return numbers * _context(config, context) * batch * _bits(dtype) // 8


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
        ValueError: if the context is not between 1 and the block size.
    """
    context = _context(config, context)
    width, inner, keys = config.d_model, config.n_head * config.d_head, config.n_kv_head * config.d_head
    # A layer norm keeps what it reads, and two numbers; torch's rms norm also keeps what it made before the gain.
    per_number, per_row = (1, 2) if config.norm == "layernorm" else (2, 1)
    norm = per_number * width + per_row
    hidden = {"relu": 1, "swiglu": 4}.get(config.activation, 2) * config.d_ff
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
    """Return the memory of `activations_per_token` for a batch of sequences; with 16 bits an estimate.

    (There torch keeps the norms' statistics and the log-probabilities at 32 bits all the same.)
    """
    _positive("batch", batch)
    tokens = _context(config, context) * batch
    return activations_per_token(config, context, fused=fused) * tokens * _bits(dtype) // 8


def training_flops(config: GPTConfig, tokens: int) -> int:
    """Return 6 N D, the usual estimate: six FLOPs for each of N parameters (all of them) and D training tokens.

    It counts tables and norms, which multiply nothing, and leaves out attention's share, which grows with the context;
    `flops_per_token(config).training * tokens` is the exact number.

    Source: Kaplan et al. 2020, section 2.1, who leave the embeddings out of N; Brown et al. 2020, appendix D.
    """
    _positive("tokens", tokens)
    return 6 * parameters_by_formula(config).total * tokens


def training_days(flops: int | float, device: str, n_devices: int = 1, utilisation: float = 0.4) -> float:
    """Return how long a computation takes.

    Args:
        flops: all of them, such as `training_flops` gives.
        device: a key of `DEVICES`.
        n_devices: number of devices that share the work.
        utilisation: share of the stated peak that is reached, in (0, 1].

    Raises:
        ValueError: naming what does not fit.
    """
    if device not in DEVICES:
        raise ValueError(f"unknown device {device!r}; choose from {', '.join(DEVICES)}")
    if not 0 <= flops < math.inf:
        raise ValueError(f"flops must be a number >= 0, got {flops}")
    _positive("n_devices", n_devices)
    if not 0 < utilisation <= 1:
        raise ValueError(f"utilisation must be in (0, 1], got {utilisation}")
    return flops / (DEVICES[device] * n_devices * utilisation) / 86400


def _positive(name: str, value: int) -> None:
    if not 1 <= value < math.inf:  # NaN is not
        raise ValueError(f"{name} must be >= 1, got {value}")
