"""Tune AdamW for the GPT that the reader of chapter 07 writes, at the chapter's length, and train it with the result.

Usage: python benchmarks/c07_student_gpt.py [SEED ...]      (0 1 2 if none is named; about 12 minutes on one core)

The model is the solution of the exercise, GPT-0's shape with torch's initialization, trained on the plays for 600 steps
of 32 windows of 32 characters, with a linear decay to 0 and the gradient clipped to a norm of 1. One setting after the
other takes the best of its values in GRID, by the loss on the whole validation split, with seed TUNING. The learning
rate is searched first, and again at the end, by factors of 2, until its best value has a worse one on both sides. The
seeds are trained with all of the best values.

Writes:
    student_recipe: seed, learning_rate, weight_decay, beta2, warmup, nats.
    student_gpt: seed, step, train_loss, val_loss (nats per character), words (share of the words in 8 texts of 400
        characters, temperature 0.8, that the training text has; at the last step), seconds (processor time of the run).
"""

import re
import time
from functools import cache

import common
import torch
from table import Table, run, seeds

from lecture21.course.exercises.registry import find
from lecture21.data import shakespeare, split
from lecture21.training import History, TrainConfig, train

EXERCISE = "7.8"
TUNING = 100
START = {"learning_rate": 4e-3, "weight_decay": 0.1, "beta2": 0.95, "warmup": 50}
GRID = {"weight_decay": (0.0, 0.1, 0.3, 1.0), "beta2": (0.9, 0.95, 0.99, 0.999), "warmup": (0, 50, 100)}
RECIPE = Table("student_recipe", key=("seed", "learning_rate", "weight_decay", "beta2", "warmup"))
RUNS = Table("student_gpt", key=("seed",))


def config_of(setting: dict[str, object], seed: int, eval_every: int = 600) -> TrainConfig:
    """Return the training settings: warm-up, linear decay to 0, and the gradient clipped to a norm of 1."""
    return TrainConfig(
        steps=600,
        batch_size=32,
        learning_rate=setting["learning_rate"],
        warmup=setting["warmup"],
        schedule="linear",
        betas=(0.9, setting["beta2"]),
        clip=1.0,
        weight_decay=setting["weight_decay"],
        eval_every=eval_every,
        seed=seed,
        device="cpu",
    )


def trained(config: TrainConfig) -> tuple[torch.nn.Module, History]:
    """Train the reader's GPT, and return it with its losses."""
    tokenizer, tokens, val = common.encoded_plays()
    torch.manual_seed(config.seed)
    model = find(EXERCISE).solution(tokenizer.vocab_size, 32, 64, 4, 4)
    return model, train(model, tokens, config, val=val)


def score(learning_rate: float, weight_decay: float, beta2: float, warmup: int, seed: int) -> dict[str, float]:
    """Return the loss on the validation split with some settings, infinity if the run diverged."""
    setting = {"learning_rate": learning_rate, "weight_decay": weight_decay, "beta2": beta2, "warmup": warmup}
    try:
        return {"nats": round(trained(config_of(setting, seed))[1].val_loss[-1], 5)}
    except ValueError:
        return {"nats": float("inf")}


@cache
def tuned() -> dict[str, float]:
    """Return the best settings, one after the other, and the learning rate again at the end."""

    def nats(changes: dict[str, float]) -> float:
        return RECIPE.row(score, **best | changes, seed=TUNING)["nats"]

    best = dict(START)
    for name in ("learning_rate", *GRID, "learning_rate"):
        if name == "learning_rate":
            rate = best[name]
            found = common.tune(lambda value: nats({"learning_rate": value}), (rate / 2, rate, rate * 2))
            best[name] = next(iter(found))
        else:
            best[name] = min(GRID[name], key=lambda value: nats({name: value}))
    return best


def measure(seed: int) -> list[dict[str, object]]:
    """Train with the best settings; return the losses, and at the end the share of known words in texts."""
    tokenizer = common.encoded_plays()[0]
    known = set(re.findall(r"[a-z']+", split(shakespeare())[0].lower()))
    config = config_of(tuned(), seed, eval_every=100)
    start = time.process_time()
    model, history = trained(config)
    seconds = time.process_time() - start
    torch.manual_seed(seed)
    texts = model.generate(torch.tensor([tokenizer.encode("ROMEO:\n")] * 8), 400, temperature=0.8)
    words = [w for text in texts for w in re.findall(r"[a-z']+", tokenizer.decode(text.tolist()).lower())[1:-1]]
    rows: list[dict[str, object]] = [
        {"step": step, "train_loss": round(train_loss, 5), "val_loss": round(val_loss, 5)}
        for step, train_loss, val_loss in zip(history.step, history.train_loss, history.val_loss, strict=True)
    ]
    rows[-1] |= {"words": round(sum(word in known for word in words) / len(words), 4), "seconds": round(seconds, 1)}
    return rows


def main() -> None:
    """Tune, and run the seeds."""
    print("best", tuned(), flush=True)
    for seed in seeds(3):
        RUNS.rows(measure, seed=seed)


if __name__ == "__main__":
    run(main)
