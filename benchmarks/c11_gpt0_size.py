"""Is GPT-0 too large for its own compute? Other widths of GPT-0, at a quarter of its compute, half of it and all of it.

Usage: python benchmarks/c11_gpt0_size.py      (about 12 minutes on one core)

Chapter 11's curves are those of models with two blocks, windows of 64 and the recipe of `modern`. Continued to GPT-0's
compute, they predict how much a GPT-0 of another width gains or loses. Here such GPT-0s are trained, with the budgets,
recipe, search and score of `c09_gpt_ladder`, whose GPT-0 of width 64 is not trained again. A narrow one reads more
text: at half of the compute the one of width 44 reads the training text once, and the one of width 32 twice.

Writes the result `gpt0_size` after every run, and skips the runs that it already contains:
    part: "run" at the factor that was chosen, "search" at the others; compute: as a fraction of GPT-0's; d_model;
    seed; factor of the learning rates; weights in matrices, as `c11_isoflop` counts them; characters of the training
    batches; seconds of processor time; bits: bits per character on the validation split, in windows of 32.
"""

import time
from functools import partial

import c09_gpt_ladder as ladder
import common
import torch

from lecture21 import accounting
from lecture21.data import shakespeare, split
from lecture21.tokenizers import CharTokenizer

NAME, SEEDS = "gpt0_size", (0, 1, 2)
ARMS = ((0.5, 44), (0.5, 90), (0.5, 32), (1.0, 44), (0.25, 32), (0.25, 44), (0.25, 64))


def arm(compute: float, width: int) -> ladder.Arm:
    """Return a GPT-0 of another width, and the text that it reads for this fraction of GPT-0's compute."""
    model = ladder.GPT0.changed(d_model=width, n_head=6 if width % 4 else 4)
    per_token = [accounting.flops_per_token(config).training for config in (ladder.GPT0, model)]
    return ladder.Arm("", model, characters=compute * per_token[0] / per_token[1])


def main() -> None:
    """Tune every width at every budget, make its runs, and write the table after each."""
    torch.set_num_threads(1)
    train_text, val_text = split(shakespeare())
    text = ladder.Text(CharTokenizer.from_text(train_text + val_text), train_text, val_text)
    rows = common.stored(NAME)

    def score(compute: float, width: int, seed: int, factor: float) -> float:
        key = {"compute": compute, "d_model": width, "seed": seed, "factor": factor}
        for row in rows:
            if all(row[name] == value for name, value in key.items()):
                return row["bits"]
        each = arm(compute, width)
        started, steps = time.process_time(), ladder.number_of_steps(each, text.per_token)
        model = ladder.fit(each, text, seed, factor, steps)
        row = {"part": "search", **key, "weights": accounting.flops_per_token(each.model).linear // 2}
        row |= {"characters": steps * ladder.TOKENS_PER_STEP, "seconds": round(time.process_time() - started, 1)}
        rows.append(row | {"bits": text.bits(model, text.window)})
        print(*rows[-1].values(), sep="  ", flush=True)
        common.save(NAME, rows)
        return rows[-1]["bits"]

    for compute, width in ARMS:
        of_seed = partial(score, compute, width)
        best = ladder.tuned(partial(of_seed, 0), ladder.Arm("").first)
        for seed in SEEDS:
            of_seed(seed, best)
        for row in rows:
            if (row["compute"], row["d_model"]) == (compute, width):
                row["part"] = "run" if row["factor"] == best else "search"
        common.save(NAME, rows)


if __name__ == "__main__":
    main()
