"""Is GPT-0 too large for its own compute? Other widths of GPT-0, at a quarter of its compute, half of it and all of it.

Usage: python benchmarks/c11_gpt0_size.py      (about 12 minutes on one core)

Chapter 11's curves are those of models with two blocks, windows of 64 and the recipe of `modern`. Continued to GPT-0's
compute, they predict how much a GPT-0 of another width gains or loses. Here such GPT-0s are trained, with the budgets,
recipe, search and score of `c09_gpt_ladder`, whose GPT-0 of width 64 is not trained again. A narrow one reads more
text: at half of the compute the one of width 44 reads the training text once, and the one of width 32 twice.

Writes the result `gpt0_size`: part is "run" at the factor that was chosen, "search" at the others; compute, a fraction
of GPT-0's; weights in matrices, as `c11_isoflop` counts them; characters of the training batches.
"""

import time
from functools import partial

import c09_gpt_ladder as ladder
from table import Table, each, run

from lecture21 import accounting

SEEDS = (0, 1, 2)
RUNS = Table("gpt0_size", key=("compute", "d_model", "seed", "factor"))
ARMS = ((0.5, 44), (0.5, 90), (0.5, 32), (1.0, 44), (0.25, 32), (0.25, 44), (0.25, 64))


def arm(compute: float, width: int) -> ladder.Arm:
    """Return a GPT-0 of another width, and the text that it reads for this fraction of GPT-0's compute."""
    model = ladder.GPT0.changed(d_model=width, n_head=6 if width % 4 else 4)
    per_token = [accounting.flops_per_token(config).training for config in (ladder.GPT0, model)]
    return ladder.Arm("", model, characters=compute * per_token[0] / per_token[1])


def measure(compute: float, d_model: int, seed: int, factor: float) -> dict[str, object]:
    """Train one model, and return its score."""
    text, each = ladder.texts(ladder.OWN, byte_pairs=False), arm(compute, d_model)
    started, steps = time.process_time(), ladder.number_of_steps(each, text.per_token)
    model = ladder.fit(each, text, seed, factor, steps)
    return {
        "part": "search",
        "weights": accounting.flops_per_token(each.model).linear // 2,
        "characters": steps * ladder.TOKENS_PER_STEP,
        "seconds": round(time.process_time() - started, 1),
        "bits": text.bits(model, text.window),
    }


def compare(size: tuple[float, int]) -> None:
    """Tune a width at a budget by seed 0, as the ladder does, and run it with every seed."""
    where = dict(zip(("compute", "d_model"), size, strict=True))
    tried = partial(RUNS.row, measure, **where)
    best = ladder.tuned(lambda factor: tried(seed=0, factor=factor)["bits"], ladder.Arm("").first)
    for seed in SEEDS:
        tried(seed=seed, factor=best)
    RUNS.label("part", lambda row: "run" if row["factor"] == best else "search", **where)


def main() -> None:
    """Compare the widths at every budget."""
    each(compare, ARMS)


if __name__ == "__main__":
    run(main)
