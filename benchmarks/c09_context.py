"""Does a longer context help GPT-0 in short runs? Learned and rotary positions, tuned at the length that is reported.

Usage: python benchmarks/c09_context.py        (about 5 minutes on one core)

The models and the text are those of c09_gpt_ladder.py. Here every run is a quarter as long as there, and reads a
quarter as many characters as the training text has. One factor on all learning rates is searched from 2 outwards in
steps of 2, until the best has a worse neighbor on both sides. The runs of the search are those that are reported, with
seed 0, and are scored on what is reported: the validation split in windows of the model's own block size. The best
factor of each arm then has seeds 1 and 2.

Arms: learned or rotary positions with 32 or 64 characters of context.

Writes the result `context`: bits per character in windows of the model's own block size, and in windows of 32.
"""

import math
import time

from c09_gpt_ladder import GPT0, OWN, Arm, fit, number_of_steps, texts
from table import Table, each, run

SEEDS, FIRST = (0, 1, 2), 2.0
ARMS = {
    f"{position}, {block_size}": Arm("", GPT0.changed(position=position, block_size=block_size), characters=0.25)
    for position in ("learned", "rotary")
    for block_size in (32, 64)
}
RUNS = Table("context", key=("arm", "factor", "seed"))


def measure(arm: str, factor: float, seed: int) -> dict[str, float]:
    """Train one model and score it; a run that diverges scores infinity."""
    text, started = texts(OWN, byte_pairs=False), time.process_time()
    try:
        model = fit(ARMS[arm], text, seed, factor, number_of_steps(ARMS[arm], text.per_token))
        bits = text.bits(model, model.block_size)
        bits_at_32 = bits if model.block_size == text.window else text.bits(model, text.window)
    except ValueError:
        bits = bits_at_32 = math.inf
    return {"bits": bits, "bits_at_32": bits_at_32, "seconds": round(time.process_time() - started, 1)}


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
