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
are scored on the whole validation split.

Writes, after every run, and skips the runs that are there already:
    block_parts: part (search, run, n-gram), arm, n_layer, learning_rate, seed, parameters, nats (of the tuning text in
        a search, else of the validation split), train_nats (mean loss of the last 50 updates).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import common
import torch
from torch import Tensor, nn

from lecture21 import GPT, evaluate, presets
from lecture21.baselines import NGram
from lecture21.layers import Block
from lecture21.training import TrainConfig, minimize, sample_windows

RUNS = "block_parts"
DEPTHS = (4, 2)
WIDTH, STEPS, WARMUP = 64, 400, 40
RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1)
FIRST, SEARCH_SEED = (2e-3, 5e-3, 1e-2), 100


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
}
NORMS = {
    "no final norm": Arm({"final_norm": False}),
    "one final scale": Arm(final=OneScale),
    "final gain of 4": Arm(final=lambda: gained(4.0)),
}
"""What is it about the norm before the output layer that makes four blocks worse?"""


def build(arm: str, n_layer: int, seed: int, vocab_size: int) -> GPT:
    """Return an untrained model of one arm; arms of the same seed share the weights of their common parts."""
    torch.manual_seed(seed)
    change = (ARMS | NORMS)[arm]
    model = GPT(presets.get("gpt0", vocab_size=vocab_size, n_layer=n_layer, **change.config))
    if change.formula is not None:
        for block in model.blocks:
            for part in change.unused:
                setattr(block, part, None)
        model.blocks = nn.ModuleList(Rewired(block, change.formula) for block in model.blocks)
    if change.final is not None:
        model.norm = change.final()
    return model


def fit(model: GPT, tokens: Tensor, rate: float, seed: int) -> float:
    """Train a model, and return the mean loss of its last 50 updates, NaN if it diverged."""
    config = TrainConfig(steps=STEPS, learning_rate=rate, warmup=WARMUP, schedule="linear", seed=seed)
    try:
        losses = minimize(model, lambda g: model.loss(*sample_windows(tokens, model.block_size, 16, g)), config)
    except ValueError as error:
        if "diverged" not in str(error):
            raise
        return math.nan
    return losses[-50:].mean().item()


class Table:
    """The result table, saved after every run."""

    def __init__(self) -> None:
        self.runs = common.stored(RUNS)

    def row_of(self, **key: object) -> dict[str, object] | None:
        """Return the stored run with these values, None if there is none."""
        return next((row for row in self.runs if all(row[name] == value for name, value in key.items())), None)

    def add(self, row: dict[str, object]) -> None:
        """Store a run."""
        print(*row.values(), sep="  ", flush=True)
        self.runs.append(row)
        common.save(RUNS, self.runs, arguments=False)


def run(table: Table, part: str, arm: str, n_layer: int, rate: float, seed: int, data: tuple[Tensor, ...]) -> float:
    """Train one model unless it is stored, and return its loss on the second text; infinite if it diverged."""
    key = {"part": part, "arm": arm, "n_layer": n_layer, "learning_rate": rate, "seed": seed}
    row = table.row_of(**key)
    if row is None:
        tokens, test, vocab_size = data
        model = build(arm, n_layer, seed, vocab_size)
        train_nats = fit(model, tokens, rate, seed)
        nats = evaluate(model, test) if math.isfinite(train_nats) else math.nan
        row = {**key, "parameters": model.num_parameters(), "nats": round(nats, 5), "train_nats": round(train_nats, 5)}
        table.add(row)
    return math.inf if math.isnan(row["nats"]) else row["nats"]


def tuned_rate(table: Table, arm: str, n_layer: int, data: tuple[Tensor, ...]) -> float:
    """Return the best learning rate, extending the grid while the best is at its edge."""

    def score(rate: float) -> float:
        return run(table, "search", arm, n_layer, rate, SEARCH_SEED, data)

    return next(iter(common.tune(score, FIRST, RATES)))


def main() -> None:
    """Tune and run every arm at every depth, and write the tables."""
    seeds = common.start(3)
    tokenizer, train, val = common.encoded_plays()
    vocab_size, cut = tokenizer.vocab_size, len(train) * 9 // 10
    search, final = (train[:cut], train[cut : cut + 20_000], vocab_size), (train, val, vocab_size)
    table = Table()
    empty = {"n_layer": 0, "learning_rate": 0.0, "seed": 0, "parameters": 0}
    for order in (1, 2, 3, 5):
        key = {"part": "n-gram", "arm": f"{order}-gram"}
        if table.row_of(**key) is None:
            nats = evaluate(NGram(order, vocab_size).fit(train), val, 32)
            table.add({**key, **empty, "nats": round(nats, 5), "train_nats": math.nan})
    for n_layer in DEPTHS:
        for arm in {**NORMS, **ARMS} if n_layer == 4 else ARMS:
            rate = tuned_rate(table, arm, n_layer, search)
            for seed in seeds:
                run(table, "run", arm, n_layer, rate, seed, final)


if __name__ == "__main__":
    main()
