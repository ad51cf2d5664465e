"""Train a small GPT with a causal mask, without one, and with one but on the last position of each window only.

Usage: python benchmarks/c04_leak.py        (about 3 minutes on one core)

Without a mask, 31 of 32 positions can copy their target from the input, and only the last one has to predict it. The
third arm separates two explanations of how well that position predicts: it has a mask, and its loss is that of the last
position alone, so it learns from as few targets as the last position of the second arm does. All arms have one layer,
one head and width 64, and make 400 updates on the same 16 windows of 32 characters of the plays each. The learning rate
of each arm is the one with the lowest loss at the last position (seed 0; factors of 2, with a worse one on each side).

Writes the result `leak`: the loss at each position over all windows of 32 characters of the validation split, in nats
per character, with the complete window as input and, without a mask, also with an input that ends at the position; and
that of n-gram models of the training split, which have no seed.
"""

from functools import cache

import common
import torch
import torch.nn.functional as F
from table import Table, run

from lecture21 import GPT, GPTConfig
from lecture21.baselines import NGram
from lecture21.training import TrainConfig, minimize, sample_windows

ARMS = {  # causal, first position with a loss, kind of positions
    "mask": (True, 0, "learned"),
    "no mask": (False, 0, "learned"),
    "mask, last position only": (True, -1, "learned"),
    "no mask, rotary": (False, 0, "rotary"),
}
NGRAMS = {"bigram": 2, "trigram": 3, "5-gram": 5}
BLOCK, BATCH, STEPS, SEEDS = 32, 16, 400, range(5)
FIRST = (4e-3, 8e-3, 1.6e-2)

LEAK = Table("leak", key=("model", "seed", "learning_rate"))


def losses(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the loss of each target."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)


def trained(arm: str, tokens: torch.Tensor, vocab_size: int, rate: float, seed: int) -> GPT:
    """Return a trained model of an arm."""
    causal, first, position = ARMS[arm]
    torch.manual_seed(seed)
    shape = {"vocab_size": vocab_size, "block_size": BLOCK, "n_layer": 1, "n_head": 1, "d_model": 64}
    model = GPT(GPTConfig(**shape, causal=causal, position=position))

    def loss(batches: torch.Generator) -> torch.Tensor:
        ids, targets = sample_windows(tokens, BLOCK, BATCH, batches)
        return losses(model(ids)[:, first:], targets[:, first:]).mean()

    minimize(model, loss, TrainConfig(steps=STEPS, learning_rate=rate, seed=seed, device="cpu"))
    return model.eval()


@torch.no_grad()
def by_position(model: torch.nn.Module, val: torch.Tensor, prefix: bool = False) -> list[float]:
    """Return the mean loss at each position, with the window in view, or with the input ending at the position."""
    count = (len(val) - 1) // BLOCK
    ids, targets = (val[start : start + count * BLOCK].view(count, BLOCK) for start in (0, 1))
    if not prefix:
        return losses(model(ids), targets).mean(dim=0).tolist()
    return [losses(model(ids[:, : t + 1])[:, -1:], targets[:, t : t + 1]).mean().item() for t in range(BLOCK)]


@cache
def texts() -> tuple[int, torch.Tensor, torch.Tensor]:
    """Return the number of symbols, and the training and the validation split."""
    tokenizer, tokens, val = common.encoded_plays()
    return tokenizer.vocab_size, tokens, val


def count(model: str) -> list[dict[str, object]]:
    """Score an n-gram model at each position."""
    size, tokens, val = texts()
    nats = by_position(NGram(NGRAMS[model], size).fit(tokens), val)
    return [{"view": "window", "position": t, "nats": round(each, 5)} for t, each in enumerate(nats)]


def measure(model: str, seed: int, learning_rate: float) -> list[dict[str, object]]:
    """Train a model of an arm, and score it at each position; with a mask the two views are equal."""
    size, tokens, val = texts()
    network = trained(model, tokens, size, learning_rate, seed)
    return [
        {"view": view, "position": t, "nats": round(each, 5)}
        for view in (("window",) if ARMS[model][0] else ("window", "prefix"))
        for t, each in enumerate(by_position(network, val, prefix=view == "prefix"))
    ]


def tuned(arm: str) -> float:
    """Return the learning rate of an arm, which is searched unless its runs are stored."""
    if rows := LEAK.select(model=arm):
        return rows[0]["learning_rate"]
    size, tokens, val = texts()
    return next(iter(common.tune(lambda rate: by_position(trained(arm, tokens, size, rate, 0), val)[-1], FIRST)))


def main() -> None:
    """Count, tune and train."""
    for model in NGRAMS:
        LEAK.rows(count, model=model)
    for arm in ARMS:
        for seed in SEEDS:
            LEAK.rows(measure, model=arm, seed=seed, learning_rate=tuned(arm))


if __name__ == "__main__":
    run(main)
