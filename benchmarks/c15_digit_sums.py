"""Train small GPTs to add two handwritten digits, with the sum as the answer or step by step, on part of all pairs.

Usage: python benchmarks/c15_digit_sums.py [SEED ...]      (0 1 2 if none is named; about a minute each on one core)

A model reads two images in patches of 4 x 4 and writes numbers, one token each: first the two digits, then the answer.
With the answer "sum" it is their sum (3 4 7). With "steps" the model counts from the first digit to the sum
(3 4 3 4 5 6 7). It has two layers of width 64, and is trained for 1,000 steps of 32 pairs, each with two random images,
rotated and shifted a little. 36 or 37 of the 100 pairs are held out: at random, each with its mirror image, or all
pairs with both digits in 2..7. All pairs are tested, five times each, with held-out images.

The learning rate of each answer is the one of 1e-3, 3e-3 and 1e-2 with the best answers about trained pairs, seed 0.

Writes the result `digit_sums` after every run, and skips the runs that it already contains: answer, held_out (the kind
of `vision.sums.PairSplit`), seed, pairs (trained or held out), answers (number of texts), named (fraction with both
digits named), added (fraction of these whose last number is the sum), learning_rate, tuned (whether this rate is the
answer's best), and seconds of training.
"""

import time
from dataclasses import replace

import common
import torch

from lecture21.vision import digits, sums

NAME = "digit_sums"
RATES = (1e-3, 3e-3, 1e-2)
KINDS = ("scattered", "block")
SHAPE = ("answer", "held_out", "seed", "learning_rate")
REPEATS = 5  # texts for each pair


def run(answer: str, kind: str, seed: int, rate: float) -> list[dict[str, object]]:
    """Train one model; return a row for the trained pairs and one for the others."""
    images, labels = digits.load()
    train, test = digits.split(labels, seed)
    split = sums.PairSplit(kind, seed)
    model = sums.DigitAdder(seed)
    start = time.perf_counter()
    config = replace(sums.ADDING, learning_rate=rate)
    sums.fit_sums(model, images[train], labels[train], split.trained, answer=answer, seed=seed, config=config)
    seconds = time.perf_counter() - start
    tested = split.ALL * REPEATS
    drawn = sums.draw_images(torch.tensor(tested), labels[test], torch.Generator().manual_seed(seed))
    written = model.write(images[test][drawn])
    rows = []
    for part in ("trained", "held out"):
        these = [(p, w) for p, w in zip(tested, written, strict=True) if (p in split.held_out) == (part == "held out")]
        named = [(p, w) for p, w in these if w[:2] == list(p)]
        rows.append(
            {
                "answer": answer,
                "held_out": kind,
                "seed": seed,
                "pairs": part,
                "answers": len(these),
                "named": round(len(named) / len(these), 4),
                "added": round(sum(w[2:][-1:] == [sum(p)] for p, w in named) / len(named), 4),
                "learning_rate": rate,
                "tuned": False,  # known after the search
                "seconds": round(seconds, 1),
            }
        )
    return rows


class Table:
    """The rows measured so far, stored after each run."""

    def __init__(self) -> None:
        self.rows = common.stored(NAME)

    def rows_of(self, *shape: object) -> list[dict[str, object]]:
        """Return the two rows of a run (answer, kind, seed, rate), which is made unless it is stored."""
        actual = [row for row in self.rows if shape == tuple(row[name] for name in SHAPE)]
        if not actual:
            actual = run(*shape)
            self.rows += actual
            self.save()
            print(*actual[0].values(), *actual[1].values(), sep="  ", flush=True)
        return actual

    def save(self) -> None:
        """Store the table."""
        common.save(NAME, self.rows, arguments=False)


def main() -> None:
    """Search the learning rates, make every run that is missing, and write the table after each."""
    seeds = common.start(3)
    table = Table()
    for answer in sums.ANSWERS:
        trials = {rate: table.rows_of(answer, "scattered", 0, rate)[0] for rate in RATES}
        best = max(trials, key=lambda rate: trials[rate]["named"] * trials[rate]["added"])
        for kind in KINDS:
            for seed in seeds:
                table.rows_of(answer, kind, seed, best)
        for row in table.rows:
            if row["answer"] == answer:
                row["tuned"] = row["learning_rate"] == best
        table.save()


if __name__ == "__main__":
    main()
