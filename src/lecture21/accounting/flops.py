"""The arithmetic of a GPT: of one token, of a whole training run, and the days that it takes."""

import math
from dataclasses import dataclass

from lecture21.accounting.parameters import active_parameters
from lecture21.config import GPTConfig
from lecture21.layers.feed_forward import ACTIVATIONS
from lecture21.layers.heads import BLOCKED

DEVICES: dict[str, float] = {"T4": 65e12, "V100": 125e12, "A100": 312e12, "H100": 989e12}
"""Most FLOPs in a second at 16 bits, as the vendor states them: dense tensor cores, the SXM board of each.

Source: NVIDIA's data sheets of the four. Those of A100 and H100 also print a figure twice as high, which holds for
weights of which half are zero.
"""


@dataclass(frozen=True)
class Flops:
    """Floating-point operations, of one token or of a sequence that is read at once."""

    linear: int
    """Forward, in the products of a vector with a weight matrix: two for every weight and token."""
    attention: int
    """Forward, in scores and weighted values: 4 L H D for each key that a query is multiplied with."""
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
    """Count the FLOPs of one token whose queries meet `context` keys, or those of them that lie in the window.

    So it is the cost of the next token when `context` tokens, itself included, were read, and without a window also the
    mean over a sequence of that length read at once. It equals `torch.utils.flop_counter.FlopCounterMode` exactly. Of a
    sparse layer it counts the experts that a token meets, and none dropped. With a window a sequence read at once takes
    more, as some products are masked: see `sequence_flops`.

    Args:
        config: the shape.
        context: number of keys S; the block size if not given.
        recompute: count the backward pass of a fused kernel (flash attention): it keeps no scores, and computes them a
            second time, so that attention's backward pass is 5/2 of its forward pass and not 2.

    Raises:
        ValueError: if the context is not between 1 and the block size.
    """
    context = require_context(config, context)
    inner, keys = config.n_head * config.d_head, config.n_kv_head * config.d_head
    matrices = 3 if ACTIVATIONS[config.activation].gated else 2
    hidden, router = config.d_ff, 0
    if config.moe is not None:
        hidden, router = (config.moe.top_k + config.moe.n_shared) * config.d_ff, config.moe.n_expert
    block = config.d_model * (2 * (inner + keys) + matrices * hidden + router)
    weights = config.n_layer * block + config.vocab_size * config.d_model  # the head multiplies, tied or not
    seen = min(context, config.window or context)
    return Flops(2 * weights, 4 * config.n_layer * inner * seen, recompute)


def sequence_flops(config: GPTConfig, context: int | None = None, *, recompute: bool = False) -> Flops:
    """Count the FLOPs of a whole sequence that is read at once, as `MultiHeadAttention.forward` reads it.

    Without a window that is `context` times `flops_per_token`. In a window W each block of W queries is multiplied with
    2 W keys, the first with W; a text of less than four windows is multiplied whole, and masked.

    Args:
        config: the shape.
        context: length of the sequence; the block size if not given.
        recompute: as in `flops_per_token`.

    Raises:
        ValueError: if the context is not between 1 and the block size.
    """
    context = require_context(config, context)
    of_one = flops_per_token(config, context)
    of_a_key = 4 * config.n_layer * config.n_head * config.d_head
    if blocked(config, context):
        products = (2 * math.ceil(context / config.window) - 1) * config.window**2
    else:
        products = context**2
    return Flops(context * of_one.linear, of_a_key * products, recompute)


def blocked(config: GPTConfig, context: int) -> bool:
    """Return whether a sequence of that length is read block by block."""
    return config.window is not None and context >= BLOCKED * config.window


def training_flops(config: GPTConfig, tokens: int) -> int:
    """Return 6 N D, the usual estimate: six FLOPs for each of N parameters and D training tokens.

    N is all of the parameters, but of the experts of a sparse layer only those that a token meets.

    It counts tables and norms, which multiply nothing, and leaves out attention's share, which grows with the context;
    `flops_per_token(config).training * tokens` is the exact number.

    Source: Kaplan et al. 2020, section 2.1, who leave the embeddings out of N; Brown et al. 2020, appendix D.
    """
    require_positive("tokens", tokens)
    return 6 * active_parameters(config).total * tokens


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
    require_positive("n_devices", n_devices)
    if not 0 < utilisation <= 1:
        raise ValueError(f"utilisation must be in (0, 1], got {utilisation}")
    return flops / (DEVICES[device] * n_devices * utilisation) / 86400


def require_context(config: GPTConfig, context: int | None) -> int:
    """Return the context, which is the block size if not given; raises ValueError if it does not fit the block."""
    context = config.block_size if context is None else context
    if not 1 <= context <= config.block_size:
        raise ValueError(f"context must be between 1 and the block size, {config.block_size}, got {context}")
    return context


def require_positive(name: str, value: int) -> None:
    """Raise ValueError unless the value is a finite number >= 1."""
    if not 1 <= value < math.inf:  # NaN is not
        raise ValueError(f"{name} must be >= 1, got {value}")
