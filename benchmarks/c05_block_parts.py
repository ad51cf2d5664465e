"""What each part of the transformer block is for: remove it, and measure the loss.

Usage: python benchmarks/c05_block_parts.py [SEED ...]  (0 1 2 if none is named; about 12 minutes on one core in all)

GPT-0 (width 64, 4 heads, windows of 32, torch's initialization) with 2 and 4 blocks, trained on the plays for 400
updates of 16 windows (204,800 characters) by Adam, with a warm-up of 40 updates and a linear decay to 0, in every arm.
The arms are the complete pre-norm block, post-norm, and the pre-norm block without its residual connections, norms,
feed-forward layers, attention or positions. With 4 blocks, three more arms (NORMS, stored with the seeds 0 to 4) have
the norms in the branches and change only the one before the output layer: it is missing, divides the vectors of all
tokens by one number, or starts with a gain of 4. A diverged run has no loss.

The learning rate is tuned for every arm and depth: on the first nine tenths of the training text with seed 100, scored
on 20,000 characters of the last tenth. The grid is RATES, tried from 0.002, 0.005 and 0.01 outwards until the best rate
has a worse neighbor on both sides. The three runs with the best rate use the whole training text and
are scored on the whole validation split: see the result `block_parts`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import common
import torch
from table import Table, each, run, seeds
from torch import Tensor, nn

from lecture21 import GPT, evaluate, presets
from lecture21.layers import Block
from lecture21.training import TrainConfig, minimize, sample_windows

RUNS = Table("block_parts", key=("part", "arm", "n_layer", "learning_rate", "seed"))
DEPTHS = (4, 2)
WIDTH, STEPS, WARMUP = 64, 400, 40
RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1)
FIRST, SEARCH_SEED, HELD_OUT, WINDOW = (2e-3, 5e-3, 1e-2), 100, 20_000, 32


def no_residual(block: Block, x: Tensor) -> Tensor:
    """Pass on only what a layer computes, without what it was given."""
    x = block.attention(block.norm_attention(x))
    return block.feed_forward(block.norm_feed_forward(x))


def no_norm(block: Block, x: Tensor) -> Tensor:
    """Give each layer the residual stream as it is."""
    x = x + block.attention(x)
    return x + block.feed_forward(x)


def no_feed_forward(block: Block, x: Tensor) -> Tensor:
    """Mix positions only."""
    return x + block.attention(block.norm_attention(x))


def no_attention(block: Block, x: Tensor) -> Tensor:
    """Transform each position by itself only."""
    return x + block.feed_forward(block.norm_feed_forward(x))


class Rewired(nn.Module):
    """The parts of a block, connected by another formula."""

    def __init__(self, block: Block, formula: Callable[[Block, Tensor], Tensor]):
        super().__init__()
        self.block = block
        self.formula = formula

    def forward(self, x: Tensor, cache: None = None, *, n_prefix: int = 0) -> Tensor:
        """Return the residual stream after this block."""
        return self.formula(self.block, x)


class OneScale(nn.Module):
    """A final norm that divides the vectors of all tokens by one number, the root mean square of them all."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))
        self.bias = nn.Parameter(torch.zeros(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors at a mean square of 1 over all tokens of the batch."""
        return x / x.square().mean().sqrt() * self.weight + self.bias


def gained(gain: float) -> nn.LayerNorm:
    """Return a norm whose gain begins at a number other than 1."""
    norm = nn.LayerNorm(WIDTH)
    nn.init.constant_(norm.weight, gain)
    return norm


@dataclass(frozen=True)
class Arm:
    """How a model differs from GPT-0."""

    config: dict[str, object] = field(default_factory=dict)
    formula: Callable[[Block, Tensor], Tensor] | None = None
    unused: tuple[str, ...] = ()
    """Parts of each block that the formula does not use."""
    final: Callable[[], nn.Module] | None = None
    """Makes what is in the place of the final norm."""


ARMS = {
    "complete": Arm(),
    "post-norm": Arm({"norm_position": "post", "final_norm": False}),
    "no residual": Arm(formula=no_residual),
    "no norm": Arm({"final_norm": False}, no_norm, ("norm_attention", "norm_feed_forward")),
    "no feed-forward": Arm({}, no_feed_forward, ("norm_feed_forward", "feed_forward")),
    "no attention": Arm({}, no_attention, ("norm_attention", "attention")),
    "no positions": Arm({"position": "none"}),
    "no final norm": Arm({"final_norm": False}),
    "one final scale": Arm(final=OneScale),
    "final gain of 4": Arm(final=lambda: gained(4.0)),
}
NORMS = ("no final norm", "one final scale", "final gain of 4")
"""What is it about the norm before the output layer that makes four blocks worse? With 4 blocks and five seeds."""


def build(arm: str, n_layer: int, seed: int, vocab_size: int) -> GPT:
    """Return an untrained model of one arm; arms of the same seed share the weights of their common parts."""
    torch.manual_seed(seed)
    change = ARMS[arm]
    model = GPT(presets.get("gpt0", vocab_size=vocab_size, n_layer=n_layer, **change.config))
    if change.formula is not None:
        for block in model.blocks:
            for part in change.unused:
                setattr(block, part, None)
        model.blocks = nn.ModuleList(Rewired(block, change.formula) for block in model.blocks)
    if change.final is not None:
        model.norm = change.final()
    return model


def fit(model: GPT, tokens: Tensor, rate: float, seed: int) -> bool:
    """Train a model, and return whether it did not diverge."""
    config = TrainConfig(steps=STEPS, learning_rate=rate, warmup=WARMUP, schedule="linear", seed=seed)
    try:
        minimize(model, lambda g: model.loss(*sample_windows(tokens, model.block_size, 16, g)), config)
    except ValueError as error:
        if "diverged" not in str(error):
            raise
        return False
    return True


@cache
def texts(part: str) -> tuple[int, Tensor, Tensor]:
    """Return the number of symbols, the text to train on, and the text to score on: of a search, its end."""
    tokenizer, train, val = common.encoded_plays()
    cut = len(train) * 9 // 10
    return tokenizer.vocab_size, *((train[:cut], train[cut : cut + HELD_OUT]) if part == "search" else (train, val))


def measure(part: str, arm: str, n_layer: int, learning_rate: float, seed: int) -> dict[str, float]:
    """Train a model, and return its loss, NaN if it diverged."""
    size, tokens, test = texts(part)
    model = build(arm, n_layer, seed, size)
    nats = evaluate(model, test) if fit(model, tokens, learning_rate, seed) else math.nan
    return {"parameters": model.num_parameters(), "nats": round(nats, 5)}


def count(part: str, arm: str, n_layer: int, learning_rate: float, seed: int) -> dict[str, float]:
    """Score an n-gram model, which has none of this."""
    return {"parameters": 0, "nats": common.ngram_loss(int(arm[0]), WINDOW)}


def compare(key: tuple[int, str]) -> None:
    """Tune an arm at a depth, and run it with every seed."""
    where = dict(zip(("n_layer", "arm"), key, strict=True))
    runs = seeds(5 if where["arm"] in NORMS else 3)
    search = {"by": "nats", "seeds": (SEARCH_SEED,), "reported": runs}
    rate = RUNS.tune(measure, "learning_rate", FIRST, RATES, **search, part="search", **where)
    for seed in runs:
        RUNS.row(measure, part="run", **where, learning_rate=rate, seed=seed)


def main() -> None:
    """Count, and compare all arms at every depth."""
    for order in (1, 2, 3, 5):
        RUNS.row(count, part="n-gram", arm=f"{order}-gram", n_layer=0, learning_rate=0.0, seed=0)
    each(compare, [key for key in product(DEPTHS, ARMS) if key[0] == 4 or key[1] not in NORMS])


if __name__ == "__main__":
    run(main)
