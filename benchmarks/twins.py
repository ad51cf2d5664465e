"""GPT-0 with experts against two dense models: one of equal active parameters, one of equal total parameters.

Usage: python benchmarks/twins.py [SEED ...]        (0 1 2 if none is named; about 8 minutes on one core)

The presets gpt0 (feed-forward width 256), gpt0-wide (1,024) and three mixtures of total width 1,024 and active
width 256: moe-switch (1 of 4 experts), moe (2 of 8) and moe-fine (8 of 32). All are trained on 1,000 batches of 16
windows of 32 characters, by Adam with learning rate 0.004, 100 steps of warm-up, a cosine decay to 0, and gradients
clipped at norm 1. The rate was not tuned for any of them. A seed determines weights and batches.

Writes the result `twins` after every run, and skips the runs that it already contains:
    preset, seed, parameters, active (those used for one character), nats: loss per character on the entire validation
    split in windows of 32; load_entropy: the smallest of the four layers, and max_violation: the largest.
"""

import common
import torch

from lecture21 import GPT, presets
from lecture21.accounting import parameters
from lecture21.moe import statistics_of
from lecture21.training import TrainConfig, evaluate, train

NAME = "twins"
PRESETS = ("gpt0", "gpt0-wide", "moe-switch", "moe", "moe-fine")


def run(preset: str, seed: int, tokens: torch.Tensor, val: torch.Tensor) -> dict[str, object]:
    """Train one preset and score it."""
    torch.manual_seed(seed)
    model = GPT(presets.get(preset))
    recipe = {"learning_rate": 4e-3, "warmup": 100, "schedule": "cosine", "clip": 1.0}
    train(model, tokens, TrainConfig(steps=1000, **recipe, seed=seed, device="cpu"))
    row = {
        "parameters": model.num_parameters(),
        "active": parameters(model.config).active,
        "nats": round(evaluate(model, val), 5),
        "load_entropy": "",
        "max_violation": "",
    }
    if model.config.moe is None:
        return row
    size = model.block_size
    statistics = statistics_of(model, val[: len(val) // size * size].view(-1, size))
    return row | {
        "load_entropy": round(min(s.load_entropy for s in statistics), 4),
        "max_violation": round(max(s.max_violation for s in statistics), 4),
    }


def main() -> None:
    """Run every preset and seed that is missing, and write the table after each."""
    seeds = common.start(3)
    _, tokens, val = common.encoded_plays()
    rows = common.stored(NAME)
    for seed in seeds:
        for preset in PRESETS:
            if any((row["preset"], row["seed"]) == (preset, seed) for row in rows):
                continue
            rows.append({"preset": preset, "seed": seed, **run(preset, seed, tokens, val)})
            print(*rows[-1].values(), sep="  ", flush=True)
            rows.sort(key=lambda row: (PRESETS.index(row["preset"]), row["seed"]))
            common.save(NAME, rows, arguments=False)


if __name__ == "__main__":
    main()
