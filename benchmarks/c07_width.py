"""Train the GPT of chapter 07 at two widths with four learning rates, to see that a wider one wants a smaller rate.

Usage: python benchmarks/c07_width.py [SEED ...]      (0 1 2 if none is named; about 4 minutes on one core)

Four blocks with four heads, as in the chapter, and its recipe for 100 updates. Only width and
learning rate differ.

Writes `width`: nats, the loss on the validation split at the end, in nats per character.
"""

from dataclasses import replace
from itertools import product

import common
import torch
from c07_student_gpt import config_of
from table import Table, run, seeds

from lecture21.course.exercises.registry import find
from lecture21.training import evaluate, train

WINDOW, STEPS, WARMUP = 32, 100, 25
SETTING = {"weight_decay": 0.3, "beta2": 0.95, "warmup": WARMUP}
WIDTHS = (16, 64)
RATES = (0.008, 0.032, 0.128, 0.512)
WIDTH = Table("width", key=("d_model", "learning_rate", "seed"))


def measured(d_model: int, learning_rate: float, seed: int) -> dict[str, float]:
    """Train a GPT of some width; return its loss, infinity if the run diverged."""
    tokenizer, tokens, val = common.encoded_plays()
    torch.manual_seed(seed)
    model = find("7.8").solution(tokenizer.vocab_size, WINDOW, d_model, 4, 4)
    config = replace(config_of(SETTING | {"learning_rate": learning_rate}, seed, STEPS), steps=STEPS)
    try:
        train(model, tokens, config)
    except ValueError:
        return {"nats": float("inf")}
    return {"nats": round(evaluate(model, val, WINDOW), 4)}


def main() -> None:
    """Train each width with each rate and each seed."""
    for d_model, learning_rate, seed in product(WIDTHS, RATES, seeds(3)):
        WIDTH.row(measured, d_model=d_model, learning_rate=learning_rate, seed=seed)


if __name__ == "__main__":
    run(main)
