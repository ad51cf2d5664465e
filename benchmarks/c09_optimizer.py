"""What slide 24's change of optimizer is worth to GPT-0, and what Muon adds, tuned at the length that is reported.

Usage: python benchmarks/c09_optimizer.py        (about 12 minutes on one core)

GPT-0, its text and its budget are those of c09_gpt_ladder.py, which searches learning rates in runs a quarter as long
as those it reports. Here every run is as long as those. One factor on all learning rates is searched in steps of 2,
until the best has a worse neighbor on both sides. The runs of the search are those that are reported, with seed 0, and
are scored on what is reported: the validation split in windows of 32. The best factor of each arm then has seeds 1
and 2.

Arms:
    Adam: the left side of the slide's arrow, Adam at a constant learning rate (0.001 at factor 1);
    warm-up and decay: GPT-1's training, AdamW with a weight decay of 0.01, a warm-up of a tenth of the updates and
        half a cosine to 0;
    warm-up: the same at a constant learning rate after the warm-up, which is what the slide names;
    Muon: the recipe of the ladder. The search begins at the ladder's own factor, 2.5485.

Writes the result `optimizer` after every run, and skips the runs that it already contains:
    arm, factor, seed; bits per character; seconds of processor time, of training and scoring.
"""

from dataclasses import replace

import common
import torch
from c09_gpt_ladder import RECIPE, Arm, Text, measure

from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig

NAME, SEEDS = "optimizer", (0, 1, 2)
ADAM = TrainConfig(eval_every=10**6, device="cpu")
ADAMW = replace(ADAM, weight_decay=0.01)
ARMS = {
    Arm("Muon", run=RECIPE): (1.27425, 2.5485),
    Arm("Adam", run=ADAM): (2.0, 4.0),
    Arm("warm-up and decay", run=replace(ADAMW, schedule="cosine"), warmup=0.1): (4.0, 8.0),
    Arm("warm-up", run=ADAMW, warmup=0.1): (2.0, 4.0),
}
"""The arms with the factors at which the search begins."""


def main() -> None:
    """Tune every arm and run it with every seed; write the table after each run."""
    torch.set_num_threads(1)
    train_text, val_text = split(shakespeare())
    text = Text(CharTokenizer.from_text(train_text + val_text), train_text, val_text)
    rows = common.stored(NAME)

    def score(arm: Arm, seed: int, factor: float) -> float:
        for row in rows:
            if (row["arm"], row["seed"], row["factor"]) == (arm.rung, seed, factor):
                return row["bits"]
        made = measure(arm, text, seed, factor)
        rows.append({"arm": arm.rung, "factor": factor} | {key: made[key] for key in ("seed", "bits", "seconds")})
        print(*rows[-1].values(), sep="  ", flush=True)
        common.save(NAME, rows)
        return made["bits"]

    best = {}
    for arm, first in ARMS.items():
        best[arm] = next(iter(common.tune(lambda factor, arm=arm: score(arm, 0, factor), first)))
    for seed in SEEDS:
        for arm, factor in best.items():
            score(arm, seed, factor)


if __name__ == "__main__":
    main()
