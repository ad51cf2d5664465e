"""Train GPT-0 as `lecture21 train --preset gpt0` does, over several seeds, and keep every evaluation.

Usage: python benchmarks/c07_gpt0_seeds.py [SEED ...]        (0 1 2 3 4 if none is named; about 100 s each on one core)

Writes the result `gpt0_seeds`: seed, step, train_loss, val_loss (nats per character, whole validation split).
"""

import common
import torch

from lecture21 import GPT, presets
from lecture21.training import TrainConfig, train


def main() -> None:
    """Run the seeds and write the table."""
    seeds = common.start(5)
    tokenizer, tokens, val = common.encoded_plays()
    rows = []
    for seed in seeds:
        torch.manual_seed(seed)
        model = GPT(presets.get("gpt0", vocab_size=tokenizer.vocab_size))
        history = train(model, tokens, TrainConfig(seed=seed, device="cpu"), val=val)
        for step, train_loss, val_loss in zip(history.step, history.train_loss, history.val_loss, strict=True):
            losses = {"train_loss": round(train_loss, 5), "val_loss": round(val_loss, 5)}
            rows.append({"seed": seed, "step": step, **losses})
        print(f"seed {seed}: {history.val_loss[-1]:.4f} nats per character")
    common.save("gpt0_seeds", rows)
    last = torch.tensor([row["val_loss"] for row in rows if row["step"] == TrainConfig.steps])
    print(f"{len(last)} seeds: mean {last.mean():.4f}, standard deviation {last.std():.4f}, worst {last.max():.4f}")


if __name__ == "__main__":
    main()
