"""Train on dice with eight masks, seven of them mistakes: what a loss below ln 26 tells, and which leaks it misses.

Usage: python benchmarks/c04_masks.py        (about 8 minutes on one core)

Rolls of a die with 26 faces are independent, so that a model without a leak can reach ln 26 = 3.258 nats and no less.
Each model is a GPT with one layer and one head of width 32, whose attention weights are those of `masked_softmax`; its
windows have 16 rolls. "no diagonal" is left out: its first row has no key, and its first loss is NaN.

Writes the result `masks`: the mean loss on rolls that were not used in training, in nats per roll, for ten seeds, with
the learning rate that is best for two others. Rows of the search are stored too.
"""

import math

import torch
from table import Table, each, run
from torch import nn

from lecture21 import GPT, GPTConfig
from lecture21.course.chapters.c04_causal_mask.masks import MASKS, masked_softmax
from lecture21.training import TrainConfig, minimize

FACES, WINDOW, WIDTH, BATCH, STEPS = 26, 16, 32, 32, 400
SEEDS, SEARCH = range(10), (100, 101)
RATES = (5e-3, 1e-2, 2e-2)

DICE = Table("masks", key=("mask", "learning_rate", "seed"))


class Head(nn.Module):
    """One attention head whose weights are those of a mask."""

    def __init__(self, mask: str):
        super().__init__()
        self.mask = mask
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.output = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        """Return the outputs of the head; a block also passes what this layer has no use for."""
        scores = self.query(x) @ self.key(x).transpose(-2, -1) / math.sqrt(WIDTH)
        return self.output(masked_softmax(self.mask, scores) @ self.value(x))


def rolls(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return windows of new rolls, and the roll after each of them."""
    ids = torch.randint(FACES, (count, WINDOW + 1), generator=generator)
    return ids[:, :-1], ids[:, 1:]


def measure(mask: str, learning_rate: float, seed: int) -> dict[str, float]:
    """Train a model, and return its loss on new rolls."""
    torch.manual_seed(seed)
    shape = {"vocab_size": FACES, "block_size": WINDOW, "n_layer": 1, "n_head": 1, "d_model": WIDTH}
    model = GPT(GPTConfig(**shape, causal=False))
    model.blocks[0].attention = Head(mask)
    config = TrainConfig(steps=STEPS, learning_rate=learning_rate, schedule="cosine", seed=seed, device="cpu")
    minimize(model, lambda batches: model.loss(*rolls(BATCH, batches)), config)
    model.eval()
    with torch.no_grad():
        loss = model.loss(*rolls(2000, torch.Generator().manual_seed(99)))
    return {"nats": round(loss.item(), 4)}


def main() -> None:
    """Search for the rates, and train."""
    for mask in MASKS:
        if mask == "no diagonal":
            continue
        rate = DICE.tune(measure, "learning_rate", RATES, by="nats", seeds=SEARCH, reported=SEEDS, mask=mask)
        each(lambda seed, mask=mask, rate=rate: DICE.row(measure, mask=mask, learning_rate=rate, seed=seed), SEEDS)


if __name__ == "__main__":
    run(main)
