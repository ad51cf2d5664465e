"""Learning rates and warm-up at 16,384 tokens an update, a batch that keeps a GPU busy.

Usage: python benchmarks/c10_large_batch.py [SEED ...]    (0 to 2 by default; 6 minutes on one core)

The learning rates of the modern recipe were tuned at 768 tokens an update. The lab on a GPU uses 16,384 for its larger
model. Here a small model with the same parts, one block of width 64 with windows of 64 characters, reads 1.6 million
characters of the plays in 100 such updates. All learning rates of the recipe are multiplied by one factor, with a
linear warm-up or without. The factors are searched on the last tenth of the training text with a seed of its own; with
the best one, warm-up or none is scored on the validation text with the seeds that are reported. Not tested: wider and
deeper models, and longer runs.

Writes the result `large_batch`.
"""

import torch
from common import encoded_plays, texts
from table import Table, run, seeds

from lecture21 import GPT, presets
from lecture21.training import evaluate, recipe, train

SHAPE = {"n_layer": 1, "n_head": 2, "d_model": 64, "block_size": 64, "dropout": 0.0}
BATCH, UPDATES = 256, 100
FACTORS = (2, 4)
WARMUPS = (0, 25)
TUNING = 100
RESULT = Table("large_batch", key=("text", "warmup", "factor", "seed"))


def measure(text: str, warmup: int, factor: float, seed: int) -> dict[str, float]:
    """Train one model, and return its loss on the text to score on."""
    tokens, scored = texts(text)
    torch.manual_seed(seed)
    model = GPT(presets.get("modern-laptop", vocab_size=encoded_plays()[0].vocab_size, **SHAPE))
    settings = {"batch_size": BATCH, "steps": UPDATES, "eval_every": UPDATES, "warmup": warmup, "seed": seed}
    plain = recipe("modern-laptop", **settings)
    rates = ("learning_rate", "embedding_learning_rate", "muon_learning_rate")
    train(model, tokens, recipe("modern-laptop", **settings, **{name: factor * getattr(plain, name) for name in rates}))
    return {"nats": round(evaluate(model, scored), 5)}


def main() -> None:
    """Search the factor with and without warm-up, and score both with the best one."""
    for warmup in WARMUPS:
        key = {"text": "search", "warmup": warmup}
        factor = RESULT.tune(measure, "factor", FACTORS, by="nats", seeds=[TUNING], reported=seeds(3), **key)
        for seed in seeds(3):
            RESULT.row(measure, text="validation", warmup=warmup, factor=factor, seed=seed)


if __name__ == "__main__":
    run(main)
