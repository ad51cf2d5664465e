"""Train small GPTs to add two handwritten digits, with the sum as the answer or step by step, on part of all pairs.

Usage: python benchmarks/c15_digit_sums.py [SEED ...]      (0 1 2 if none is named; about a minute each on one core)

A model reads two images in patches of 4 x 4 and writes numbers, one token each: first the two digits, then the answer.
With the answer "sum" it is their sum (3 4 7). With "steps" the model counts from the first digit to the sum
(3 4 3 4 5 6 7). It has two layers of width 64, and is trained for 1,000 steps of 32 pairs, each with two random images,
rotated and shifted a little. 36 or 37 of the 100 pairs are held out: at random, each with its mirror image, or all
pairs with both digits in 2..7. All pairs are tested, five times each, with held-out images.

The learning rate of each answer is the one of 1e-3, 3e-3 and 1e-2 with the best answers about trained pairs, seed 0.

Writes the result `digit_sums`: held_out is the kind of `vision.sums.PairSplit`; named, the fraction of texts with both
digits named; added, the fraction of these whose last number is the sum; tuned, whether this rate is the answer's best.
"""

import time
from dataclasses import replace
from itertools import product

import torch
from table import Table, each, run, seeds

from lecture21.vision import digits, sums

RATES = (1e-3, 3e-3, 1e-2)
KINDS = ("scattered", "block")
RUNS = Table("digit_sums", key=("answer", "held_out", "seed", "learning_rate"))
REPEATS = 5  # texts for each pair


def measure(answer: str, held_out: str, seed: int, learning_rate: float) -> list[dict[str, object]]:
    """Train one model; return a row for the trained pairs and one for the others."""
    images, labels = digits.load()
    train, test = digits.split(labels, seed)
    split = sums.PairSplit(held_out, seed)
    model = sums.DigitAdder(seed)
    start = time.perf_counter()
    config = replace(sums.ADDING, learning_rate=learning_rate)
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
                "pairs": part,
                "named": round(len(named) / len(these), 4),
                "added": round(sum(w[2:][-1:] == [sum(p)] for p, w in named) / len(named), 4),
                "tuned": False,  # known after the search
                "seconds": round(seconds, 1),
            }
        )
    return rows


def compare(answer: str) -> None:
    """Tune the rate of an answer by its texts about trained pairs, with seed 0, and run it with every seed."""

    def error(rows: list[dict[str, object]]) -> float:
        return -rows[0]["named"] * rows[0]["added"]

    where = {"answer": answer, "held_out": "scattered", "seed": 0}
    best = min(RATES, key=lambda rate: error(RUNS.rows(measure, **where, learning_rate=rate)))
    for held_out, seed in product(KINDS, seeds(3)):
        RUNS.rows(measure, answer=answer, held_out=held_out, seed=seed, learning_rate=best)
    RUNS.label("tuned", lambda row: row["learning_rate"] == best, answer=answer)


def main() -> None:
    """Compare both answers."""
    each(compare, sums.ANSWERS)


if __name__ == "__main__":
    run(main)
