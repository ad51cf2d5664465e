"""Train GPT-0 as `lecture21 train --preset gpt0` does, over several seeds, and keep every evaluation.

Usage: python benchmarks/c07_gpt0_seeds.py [SEED ...]        (0 1 2 3 4 if none is named; about 100 s each on one core)

Writes the result `gpt0_seeds`: the losses in nats per character, val_loss on the whole validation split.
"""

import common
import torch
from table import Table, each, run, seeds

from lecture21 import GPT, presets
from lecture21.training import TrainConfig, train

RUNS = Table("gpt0_seeds", key=("seed",))


def measure(seed: int) -> list[dict[str, float]]:
    """Train GPT-0, and return its losses at every evaluation."""
    tokenizer, tokens, val = common.encoded_plays()
    torch.manual_seed(seed)
    model = GPT(presets.get("gpt0", vocab_size=tokenizer.vocab_size))
    history = train(model, tokens, TrainConfig(seed=seed, device="cpu"), val=val)
    return [
        {"step": step, "train_loss": round(train_loss, 5), "val_loss": round(val_loss, 5)}
        for step, train_loss, val_loss in zip(history.step, history.train_loss, history.val_loss, strict=True)
    ]


def main() -> None:
    """Run the seeds, and print what they end with."""
    runs = each(lambda seed: RUNS.rows(measure, seed=seed), seeds(5))
    last = torch.tensor([rows[-1]["val_loss"] for rows in runs])
    print(f"{len(last)} seeds: mean {last.mean():.4f}, standard deviation {last.std():.4f}, worst {last.max():.4f}")


if __name__ == "__main__":
    run(main)
