"""Train in PyTorch what the book's page trains, as a curve to compare it with, and score n-gram models beside it.

Usage: python benchmarks/c07_live_curve.py [SEED ...]        (0 1 2 if none is named; about 3 minutes on one core)

The shape is `modern-gpt0`; the settings are those of the figure `live.Train` (live/train/recipe.js) for runs of 300,
1,000 and 3,000 steps of 16 windows, on one thread. Losses are in nats per character. During training they are measured
on the 5,120 characters of the validation split on which the page measures them, in windows of 32.

Writes the result `live_curve`: model (torch, or an n-gram model), seed, steps (of the run), step, nats (on those
characters; of the n-gram models on the whole validation split), whole (on the whole validation split, at the end).
"""

import math
from itertools import product

import common
import torch
from table import Table, each, run, seeds

from lecture21 import GPT, presets
from lecture21.course.live.train.train import BLOCK_SIZE, ORDERS, WINDOWS
from lecture21.training import TrainConfig, evaluate, train

STEPS, EVALUATIONS = (300, 1000, 3000), 32
CURVE = Table("live_curve", key=("model", "seed", "steps"))


def settings(steps: int, seed: int) -> TrainConfig:
    """Return the settings of the page's run of this length."""
    return TrainConfig(
        steps,
        16,
        optimizer="muon",
        learning_rate=3e-3,
        embedding_learning_rate=1e-2,
        muon_learning_rate=0.02 if steps < 1500 else 0.01,
        schedule="linear",
        eval_every=max(1, round(steps / EVALUATIONS)),
        seed=seed,
        device="cpu",
    )


def count(model: str) -> dict[str, float]:
    """Score an n-gram model on the whole validation split."""
    if model == "uniform":
        return {"nats": round(math.log(common.encoded_plays()[0].vocab_size), 5)}
    return {"nats": common.ngram_loss(ORDERS[model], BLOCK_SIZE)}


def measure(model: str, seed: int, steps: int) -> list[dict[str, object]]:
    """Train a model, and return its losses during the run and at the end."""
    _, tokens, val = common.encoded_plays()
    start, length = WINDOWS
    torch.manual_seed(seed)
    gpt = GPT(presets.get("modern-gpt0"))
    history = train(gpt, tokens, settings(steps, seed), val=val[start : start + length])
    whole = round(evaluate(gpt, val), 5)
    return [
        {"step": step, "nats": round(nats, 5), "whole": whole if step == steps else None}
        for step, nats in zip(history.step, history.val_loss, strict=True)
    ]


def main() -> None:
    """Score the n-gram models, and run the seeds."""
    for model in ("uniform", *ORDERS):
        CURVE.row(count, model=model)
    each(lambda key: CURVE.rows(measure, model="torch", steps=key[0], seed=key[1]), product(STEPS, seeds(3)))


if __name__ == "__main__":
    run(main)
