"""Train in PyTorch what the book's page trains, as a curve to compare it with, and score n-gram models beside it.

Usage: python benchmarks/c07_live_curve.py [SEED ...]        (0 1 2 if none is named; about 3 minutes on one core)

The shape is `modern-gpt0`; the settings are those of the figure `live.Train` (live/train/recipe.js) for runs of 300,
1,000 and 3,000 steps of 16 windows, on one thread. Losses are in nats per character. During training they are measured
on the 5,120 characters of the validation split on which the page measures them, in windows of 32.

Writes the result `live_curve`: model (torch, or an n-gram model), seed, steps (of the run), step, nats (on those
characters; of the n-gram models on the whole validation split), whole (on the whole validation split, at the end).
"""

import math

import common
import torch

from lecture21 import GPT, presets
from lecture21.baselines import NGram
from lecture21.live.train.train import BLOCK_SIZE, ORDERS, WINDOWS
from lecture21.training import TrainConfig, evaluate, train

STEPS, EVALUATIONS = (300, 1000, 3000), 32


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


def main() -> None:
    """Score the n-gram models, run the seeds, and write the table."""
    seeds = common.start(3)
    tokenizer, tokens, val = common.encoded_plays()
    start, length = WINDOWS
    part, block_size = val[start : start + length], BLOCK_SIZE
    rows = []

    def add(
        model: str, nats: float, seed: int | str = "", steps: int | str = "", step: int | str = "", whole=""
    ) -> None:
        values = {"model": model, "seed": seed, "steps": steps, "step": step, "nats": round(nats, 5)}
        rows.append(values | {"whole": whole if whole == "" else round(whole, 5)})

    add("uniform", math.log(tokenizer.vocab_size))
    for name, order in ORDERS.items():
        add(name, evaluate(NGram(order, tokenizer.vocab_size).fit(tokens), val, block_size))
    for steps in STEPS:
        for seed in seeds:
            torch.manual_seed(seed)
            model = GPT(presets.get("modern-gpt0"))
            history = train(model, tokens, settings(steps, seed), val=part)
            whole = evaluate(model, val)
            for step, nats in zip(history.step, history.val_loss, strict=True):
                add("torch", nats, seed=seed, steps=steps, step=step, whole=round(whole, 5) if step == steps else "")
            print(f"{steps} steps, seed {seed}: {nats:.4f} on the part, {whole:.4f} on the whole split", flush=True)
    common.save("live_curve", rows)


if __name__ == "__main__":
    main()
