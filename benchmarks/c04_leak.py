"""Train a small GPT with a causal mask and without one, and measure what each pays at each position.

Usage: python benchmarks/c04_leak.py        (about 2 minutes on one core)

Without a mask, 31 of 32 positions can copy their target from the input, and only the last one has to predict it. Both
models have one layer, one head, width 64 and a learned vector for each position, and make 400 updates on the same 16
windows of 32 characters of the plays each. The learning rate of each is the one with the lowest loss at the last
position, for seeds that are not reported.

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

CAUSAL = {"mask": True, "no mask": False}
NGRAMS = {"bigram": 2, "5-gram": 5}
BLOCK, BATCH, STEPS, SEEDS, SEARCH = 32, 16, 400, range(5), (100, 101)
FIRST = (4e-3, 8e-3, 1.6e-2)

LEAK = Table("leak", key=("model", "seed", "learning_rate"))


def losses(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the loss of each target."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)


def trained(arm: str, tokens: torch.Tensor, vocab_size: int, rate: float, seed: int) -> GPT:
    """Return a trained model of an arm."""
    torch.manual_seed(seed)
    shape = {"vocab_size": vocab_size, "block_size": BLOCK, "n_layer": 1, "n_head": 1, "d_model": 64}
    model = GPT(GPTConfig(**shape, causal=CAUSAL[arm]))

    def loss(batches: torch.Generator) -> torch.Tensor:
        ids, targets = sample_windows(tokens, BLOCK, BATCH, batches)
        return losses(model(ids), targets).mean()

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
        for view in (("window",) if CAUSAL[model] else ("window", "prefix"))
        for t, each in enumerate(by_position(network, val, prefix=view == "prefix"))
    ]


def tuned(arm: str) -> float:
    """Return the learning rate of an arm, which is searched unless its runs are stored."""
    if rows := LEAK.select(model=arm):
        return rows[0]["learning_rate"]
    size, tokens, val = texts()

    def at_the_end(rate: float) -> float:
        return sum(by_position(trained(arm, tokens, size, rate, seed), val)[-1] for seed in SEARCH)

    return next(iter(common.tune(at_the_end, FIRST)))


def main() -> None:
    """Count, search for the rates, and train."""
    for model in NGRAMS:
        LEAK.rows(count, model=model)
    for arm in CAUSAL:
        for seed in SEEDS:
            LEAK.rows(measure, model=arm, seed=seed, learning_rate=tuned(arm))


if __name__ == "__main__":
    run(main)
