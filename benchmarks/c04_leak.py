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

import common
import torch
import torch.nn.functional as F

from lecture21 import GPT, GPTConfig
from lecture21.baselines import NGram
from lecture21.training import TrainConfig, minimize, sample_windows

ARMS = {  # causal, first position with a loss, kind of positions
    "mask": (True, 0, "learned"),
    "no mask": (False, 0, "learned"),
    "mask, last position only": (True, -1, "learned"),
    "no mask, rotary": (False, 0, "rotary"),
}
BLOCK, BATCH, STEPS, SEEDS = 32, 16, 400, range(5)


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


def main() -> None:
    """Tune, train and measure, and save the table after each arm."""
    torch.set_num_threads(1)
    tokenizer, tokens, val = common.encoded_plays()
    size = tokenizer.vocab_size
    rows = common.stored("leak")
    done = {row["model"] for row in rows}

    def add(name: str, view: str, nats: list[float], seed: int | str = "", rate: float | str = "") -> None:
        same = {"model": name, "view": view, "seed": seed, "learning_rate": rate}
        rows.extend(same | {"position": t, "nats": round(each, 5)} for t, each in enumerate(nats))

    for name, order in (("bigram", 2), ("trigram", 3), ("5-gram", 5)):
        if name not in done:
            add(name, "window", by_position(NGram(order, size).fit(tokens), val))
    for arm, (causal, *_) in ARMS.items():
        if arm in done:
            continue

        def last(rate: float, arm: str = arm) -> float:
            return by_position(trained(arm, tokens, size, rate, 0), val)[-1]

        scores = common.tune(last, (4e-3, 8e-3, 1.6e-2))
        best = next(iter(scores))
        print(arm, {rate: round(score, 3) for rate, score in scores.items()}, flush=True)
        for seed in SEEDS:
            model = trained(arm, tokens, size, best, seed)
            add(arm, "window", by_position(model, val), seed, best)
            if not causal:  # with a mask the two views are equal
                add(arm, "prefix", by_position(model, val, prefix=True), seed, best)
        common.save("leak", rows)


if __name__ == "__main__":
    main()
