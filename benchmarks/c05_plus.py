"""Does a network without attention need residual connections too?

Usage: python benchmarks/c05_plus.py      (about 5 minutes on one core)

The models, the text, the training and the loss are those of `c05_depth.py`: width 16, 24 blocks, 150 updates. Attention
is left out, so each block is a norm and a feed-forward network, with a residual connection and without. All learning
rates of RATES are reported, so none is chosen. See the result `plus`.
"""

from itertools import product

import c05_depth
import common
from table import Table, each, run

RUNS = Table("plus", key=("arm", "learning_rate"))
ARMS = ("no attention", "no attention, no residual")
RATES = (1e-3, 2e-3, 5e-3, 1e-2, 2e-2)
SEEDS = range(10)


def measure(arm: str, learning_rate: float) -> list[dict[str, float]]:
    """Train the models of all seeds side by side."""
    tokenizer, tokens, _ = common.encoded_plays()
    nats, _ = c05_depth.train(arm, 24, [(learning_rate, seed) for seed in SEEDS], tokens, tokenizer.vocab_size)
    return [{"seed": seed, "nats": round(loss, 5)} for seed, loss in zip(SEEDS, nats, strict=True)]


def main() -> None:
    """Compare both models at every learning rate."""
    each(lambda key: RUNS.rows(measure, **dict(zip(RUNS.key, key, strict=True))), product(ARMS, RATES))


if __name__ == "__main__":
    run(main)
