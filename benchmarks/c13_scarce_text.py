"""Slide 34 in a GPT: on 20,000 characters, should the members of a bag overfit more than a model that works alone?

Usage: python benchmarks/c13_scarce_text.py        (about 5 minutes on one core; continues from runs/bag_of_gpts)

All models have the shape and the recipe of `c13_bag_of_gpts.py` (205,632 parameters, 16 windows of 32 characters in a
batch, Muon and AdamW, linear decay to 0), read the same first 20,000 characters of the training text, and differ in the
seed of their weights and batches. Pools are means of probabilities, or of logits, with equal weights.

`search`: for 125 and 250 updates, the learning rates, as `scale` times those of the recipe: 0.5, 1, 2, and on beyond an
end while it is best. Two other seeds, scored on the first 19,200 characters of the training text's last tenth, which no
model reads: alone, by their average loss, and as a pool of two, by that of the mean of their logits.

`run`: at the scale that is best for pools with 250 updates, four seeds for each number of updates, alone, in
pools of two neighbors in a ring, and all four, on the first 19,200 characters of the validation split.

Writes the result `scarce_text`, in nats per character. `average` is the members' mean loss.
"""

import common
from c13_bag_of_gpts import LOSSES, TENTH, TRAIN, VAL, fit, pools
from table import Table, run

SCALES, TUNED, OTHER = (0.5, 1.0, 2.0), (125, 250), (62, 500)
PAIR = [[0], [1], [0, 1]]
GROUPS = [[0], [1], [2], [3], [0, 1], [1, 2], [2, 3], [3, 0], [0, 1, 2, 3]]
TUNING, SCORED = TRAIN[-TENTH:][:19_201], VAL[:19_201]
RUNS = Table("scarce_text", key=("part", "steps", "scale"))


def measure(part: str, steps: int, scale: float) -> list[dict[str, object]]:
    """Train a model for each seed, and return a row for each group of them."""
    seeds, groups, text = ((100, 101), PAIR, TUNING) if part == "search" else (range(4), GROUPS, SCORED)
    models = [fit("scarce", seed, scale, steps)[0] for seed in seeds]
    return [
        {"members": len(group), "seed": " ".join(str(seeds[k]) for k in group)}
        | {name: round(losses[name], 5) for name in LOSSES}
        for group, losses in zip(groups, pools(models, text, groups), strict=True)
    ]


def tuned(steps: int, loss: str) -> float:
    """Return the best scale for a pool of two; searches for its members and for itself have the same runs."""

    def score(scale: float) -> float:
        return RUNS.rows(measure, part="search", steps=steps, scale=scale)[-1][loss]

    return next(iter(common.tune(score, SCALES)))


def main() -> None:
    """Tune, and run every number of updates at the scale that is best for pools."""
    for steps in TUNED:
        print(steps, "updates, alone:", tuned(steps, "average"), "as a pool:", tuned(steps, "logits"), flush=True)
    for steps in (*TUNED, *OTHER):
        RUNS.rows(measure, part="run", steps=steps, scale=tuned(250, "logits"))


if __name__ == "__main__":
    run(main)
