"""Why a longer context raised the loss of GPT-0: learned and rotary positions, tuned at the length that is reported.

Usage: python benchmarks/c09_context.py        (about 5 minutes on one core)

The models and the text are those of c09_gpt_ladder.py. Here every run is a quarter as long as there, and reads a
quarter as many characters as the training text has. One factor on all learning rates is searched from 2 outwards in
steps of 2, until the best has a worse neighbor on both sides. The runs of the search are those that are reported, with
seed 0, and are scored on what is reported: the validation split in windows of the model's own block size. The best
factor of each arm then has seeds 1 and 2.

Arms: learned or rotary positions with 32 or 64 characters of context.

Writes the results `context`, bits per character in windows of the model's own block size, and bits_at_32, and
`context_positions`, those at each position, over windows that begin at every 64th character of the validation split,
the same windows for every arm.
"""

import math
import time

import torch
from c09_gpt_ladder import GPT0, OWN, Arm, Text, fit, number_of_steps, texts
from jaxtyping import Float
from table import Table, each, run
from torch import Tensor

from lecture21 import GPT

SEEDS, FIRST, STRIDE = (0, 1, 2), 2.0, 64
ARMS = {
    f"{position}, {block_size}": Arm("", GPT0.changed(position=position, block_size=block_size), characters=0.25)
    for position in ("learned", "rotary")
    for block_size in (32, 64)
}
KEY = ("arm", "factor", "seed")
RUNS = Table("context", KEY, details={"context_positions": KEY})


@torch.no_grad()
def by_position(model: GPT, text: Text, longest: int) -> Float[Tensor, " T"]:
    """Return the bits of the model at each position of its window, over windows that all models can read."""
    ids = text.val.unfold(0, longest + 1, STRIDE)[:, : model.block_size + 1]  # (windows, T+1)
    model.eval()
    total = torch.zeros(model.block_size, dtype=torch.float64)
    for batch in ids.split(256):
        log_p = model(batch[:, :-1]).log_softmax(-1).gather(-1, batch[:, 1:, None]).squeeze(-1)  # (B, T)
        total -= log_p.double().sum(0)
    return total / len(ids) / math.log(2)


def measure(arm: str, factor: float, seed: int) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Train one model; return its scores, and the bits at each position."""
    text, started, curve = texts(OWN, byte_pairs=False), time.process_time(), []
    try:
        model = fit(ARMS[arm], text, seed, factor, number_of_steps(ARMS[arm], text.per_token))
        bits = text.bits(model, model.block_size)
        bits_at_32 = bits if model.block_size == text.window else text.bits(model, text.window)
        longest = max(each.model.block_size for each in ARMS.values())
        curve = by_position(model, text, longest).tolist()
    except ValueError:
        bits = bits_at_32 = math.inf
    row = {"bits": bits, "bits_at_32": bits_at_32, "seconds": round(time.process_time() - started, 1)}
    return row, [{"position": position, "bits": round(b, 4)} for position, b in enumerate(curve)]


def compare(arm: str) -> None:
    """Tune an arm, and run it with every seed; the runs of the search are reported too."""
    best = RUNS.tune(measure, "factor", (FIRST,), by="bits", seeds=(0,), reported=(), arm=arm)
    for seed in SEEDS:
        RUNS.row(measure, arm=arm, factor=best, seed=seed)


def main() -> None:
    """Compare all arms."""
    each(compare, ARMS)


if __name__ == "__main__":
    run(main)
