"""What is a norm for? GPTs with and without norms, whose first weights are as usual or twice as large.

Usage: python benchmarks/c05_norm.py      (about 12 minutes on one core)

The models, the text, the training and the loss are those of `c05_depth.py`: width 16, 24 blocks, 150 updates. They have
all norms, none, or only the one before the output layer. All weights of attention and feed-forward layers are drawn as
torch draws them, then multiplied by one of SCALES. All learning rates of RATES are reported, so none is chosen. A
diverged run has no loss. See the result `norm_scale`.
"""

from itertools import product

import c05_depth
import common
from table import Table, each, run

RUNS = Table("norm_scale", key=("arm", "scale", "learning_rate"))
ARMS, SCALES, BLOCKS = ("complete", "no norm", "final norm only"), (1, 2), 24
RATES = (1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2)
SEEDS = range(10)


def measure(arm: str, scale: int, learning_rate: float) -> list[dict[str, float]]:
    """Train the models of all seeds side by side."""
    tokenizer, tokens, _ = common.encoded_plays()
    runs = [(learning_rate, seed) for seed in SEEDS]
    nats, _ = c05_depth.train(arm, BLOCKS, runs, tokens, tokenizer.vocab_size, scale)
    return [{"seed": seed, "nats": round(loss, 5)} for seed, loss in zip(SEEDS, nats, strict=True)]


def main() -> None:
    """Compare both models at every scale and learning rate."""
    each(
        lambda key: RUNS.rows(measure, **dict(zip(RUNS.key, key, strict=True))),
        product(ARMS, SCALES, RATES),
    )


if __name__ == "__main__":
    run(main)
