"""Train small GPTs to add two handwritten digits, with the sum as the answer or step by step, on part of all pairs.

Usage: python benchmarks/digit_sums.py [SEED ...]      (0 1 2 if none is named; about a minute each on one core)

A model reads two images in patches of 4 x 4 and writes numbers, one token each: first the two digits, then the answer.
With the answer "sum" it is their sum (3 4 7). With "steps" the model counts from the first digit to the sum
(3 4 3 4 5 6 7). It has two layers of width 64, and is trained for 1,000 steps of 32 pairs, each with two random images,
rotated and shifted a little. 36 of the 100 pairs are held out: at random, each with its mirror image, or all pairs with
both digits in 2..7. All pairs are tested, five times each, with held-out images.

The learning rate of each answer is the one of 1e-3, 3e-3 and 1e-2 with the best answers about trained pairs, seed 0.

Writes the result `digit_sums`: answer, held_out (the kind of `vision.sums.PairSplit`), seed, pairs (trained or held
out), answers (number of texts), named (fraction with both digits named), added (fraction of these whose last number is
the sum), learning_rate, and seconds of training.
"""

import time
from dataclasses import replace

import common
import torch

from lecture21.vision import digits, sums

RATES = (1e-3, 3e-3, 1e-2)
KINDS = ("scattered", "block")
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
                "seconds": round(seconds, 1),
            }
        )
    return rows


def main() -> None:
    """Run everything, and write the table."""
    seeds = common.start(3)
    rows = []
    for answer in sums.ANSWERS:
        trials = {rate: run(answer, "scattered", 0, rate) for rate in RATES}
        rate = max(trials, key=lambda rate: trials[rate][0]["named"] * trials[rate][0]["added"])
        for each, found in trials.items():
            print(answer, each, *found, sep="  ", flush=True)
        for kind in KINDS:
            for seed in seeds:
                known = kind == "scattered" and seed == 0
                rows += trials[rate] if known else run(answer, kind, seed, rate)
                print(*rows[-2].values(), *rows[-1].values(), sep="  ", flush=True)
    common.save("digit_sums", rows)


if __name__ == "__main__":
    main()
