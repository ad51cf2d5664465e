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

Writes results/scarce_text.csv in the package, in nats per character. `average` is the members' mean loss.
"""

import time
from collections.abc import Sequence

import common
import torch
from c13_bag_of_gpts import LOSSES, TENTH, TRAIN, VAL, fit, pools

SCALES, TUNED, OTHER = (0.5, 1.0, 2.0), (125, 250), (62, 500)
GROUPS = [[0], [1], [2], [3], [0, 1], [1, 2], [2, 3], [3, 0], [0, 1, 2, 3]]
TUNING, SCORED = TRAIN[-TENTH:][:19_201], VAL[:19_201]
rows: list[dict[str, object]] = common.stored("scarce_text")


def measure(
    part: str, steps: int, scale: float, seeds: Sequence[int], groups: Sequence[Sequence[int]]
) -> list[dict[str, object]]:
    """Train a model for each seed, add a row for each group of them, and return the rows; those of the table again."""
    key = {"part": part, "steps": steps, "scale": scale}
    wanted = [" ".join(str(seeds[k]) for k in group) for group in groups]

    def found() -> list[dict[str, object]]:
        mine = [row for row in rows if all(row[name] == key[name] for name in key)]
        return [row for seed in wanted for row in mine if str(row["seed"]) == seed]

    if len(found()) < len(wanted):
        models = []
        for seed in seeds:
            models.append(fit("scarce", seed, scale, steps)[0])
            print(f"{time.process_time():5.0f} s {part} {steps} {scale} {seed}", flush=True)
        text = TUNING if part == "search" else SCORED
        new = [k for k in range(len(wanted)) if wanted[k] not in {str(row["seed"]) for row in found()}]
        for k, losses in zip(new, pools(models, text, [groups[k] for k in new]), strict=True):
            measured = {name: round(losses[name], 5) for name in LOSSES}
            rows.append({**key, "members": len(groups[k]), "seed": wanted[k], **measured})
        common.save("scarce_text", rows, arguments=False)
        print(rows[-1], flush=True)
    return found()


def main() -> None:
    """Run all parts and write the table."""
    torch.set_num_threads(1)
    chosen = {}
    for steps in reversed(TUNED):

        def score(scale: float, loss: str, steps: int = steps) -> float:
            return float(measure("search", steps, scale, (100, 101), [[0], [1], [0, 1]])[-1][loss])

        # Both losses are tuned on the same runs.
        for loss in ("average", "logits"):
            chosen[steps, loss] = next(iter(common.tune(lambda scale, loss=loss: score(scale, loss), SCALES)))
    print(chosen, flush=True)
    scale = chosen[250, "logits"]
    for steps in (*TUNED, *OTHER):
        measure("run", steps, scale, range(4), GROUPS)


if __name__ == "__main__":
    main()
