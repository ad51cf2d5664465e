"""Train small GPTs to name two handwritten digits and their sum, and test them on held-out pairs of digits.

Usage: python benchmarks/digit_sums.py [SEED ...]      (0 1 2 if none is named; about 3 minutes each on one core)

A model reads two images in patches of 4 x 4, and writes "three plus four is seven". It is trained on 64 of the 100
pairs (63 or 64 where they are scattered) for 1,000 steps of 32 pairs, each with two random images, rotated and shifted
a little. All 100 pairs are tested, five times each, with held-out images. The input (`shown`) is "images" or "words":
for "words", a GPT of the same shape is trained on the same sentences without an image, and continues "three plus four
is". "words, longer" takes 3,000 steps and ten times the weight decay.

Writes the result `digit_sums`: shown, held_out (the kind of `vision.sums.PairSplit`), seed, distance (to the nearest
training pair, 0 for those themselves), pairs, answers (number of texts), named (fraction with both digits named), added
(fraction of these whose sum is right), near (fraction of these whose sum is wrong by at most 1), seconds of training.
"""

import time
from dataclasses import replace
from functools import partial

import common
import torch

from lecture21 import GPT
from lecture21.generation import generate
from lecture21.training import TrainConfig, minimize
from lecture21.vision import digits, sums

PAIRS = sums.PairSplit.ALL
REPEATS = 5  # texts for each pair
# Trained on sentences only; the settings are those of `fit_sums`.
WORDS = TrainConfig(steps=1000, batch_size=32, learning_rate=3e-3, warmup=50, schedule="cosine", weight_decay=0.1)


def read_images(kind: str, seed: int) -> tuple[list[tuple[int, int]], list[str], float]:
    """Train on images; return the tested pairs, the answers, and the seconds of training."""
    images, labels = digits.load()
    train, test = digits.split(labels, seed)
    model = digits.DigitReader(4, seed, n_image=2)
    pairs = sums.PairSplit(kind, seed).trained
    start = time.perf_counter()
    sums.fit_sums(model, images[train], labels[train], pairs, seed=seed)
    seconds = time.perf_counter() - start
    tested = PAIRS * REPEATS
    drawn = sums.draw_images(torch.tensor(tested), labels[test], torch.Generator().manual_seed(seed))
    return list(tested), model.write(images[test][drawn]), seconds


def read_words(kind: str, seed: int, **changes: object) -> tuple[list[tuple[int, int]], list[str], float]:
    """Train on the sentences only, with `changes` to the run; return the same as `read_images`."""
    pairs = sums.PairSplit(kind, seed).trained
    ids, targets = digits.DigitReader.encode([sums.sentence(*pair) for pair in pairs])
    config = replace(digits.DigitReader(4, seed, n_image=2).gpt.config, block_size=33)
    torch.manual_seed(seed)
    model = GPT(config)

    def loss(generator: torch.Generator) -> torch.Tensor:
        rows = torch.randint(len(pairs), (WORDS.batch_size,), generator=generator)
        return model.loss(ids[rows], targets[rows])

    start = time.perf_counter()
    minimize(model, loss, replace(WORDS, seed=seed, **changes))
    seconds = time.perf_counter() - start
    written = []
    for pair in PAIRS:
        prompt, _ = digits.DigitReader.encode([sums.sentence(*pair).partition(" is ")[0] + " is "])
        end = prompt[0, 0].item()  # the line break, which also ends a text
        written += digits.DigitReader.decode(generate(model, prompt, 10, greedy=True, eos=end))
    return list(PAIRS), written, seconds


SHOWN = {
    "images": read_images,
    "words": read_words,
    "words, longer": partial(read_words, steps=3000, weight_decay=1.0),
}


def run(shown: str, kind: str, seed: int) -> list[dict[str, object]]:
    """Train one model; return a row for each distance."""
    tested, written, seconds = SHOWN[shown](kind, seed)
    split = sums.PairSplit(kind, seed)
    far = [split.distance(pair) for pair in tested]
    rows = []
    for distance in sorted(set(far)):
        these = [(p, sums.score_text(p, w)) for p, w, d in zip(tested, written, far, strict=True) if d == distance]
        named = [verdict for _, verdict in these if verdict.named]
        rows.append(
            {
                "shown": shown,
                "held_out": kind,
                "seed": seed,
                "distance": distance,
                "pairs": len({p for p, _ in these}),
                "answers": len(these),
                "named": round(len(named) / len(these), 4),
                "added": round(sum(v.added for v in named) / len(named), 4) if named else "",
                "near": round(sum(v.near for v in named) / len(named), 4) if named else "",
                "seconds": round(seconds, 1),
            }
        )
    return rows


def main() -> None:
    """Run everything, and write the table."""
    seeds = common.start(3)
    rows = []
    for seed in seeds:
        for shown in SHOWN:
            for kind in sums.PairSplit.KINDS:
                for row in run(shown, kind, seed):
                    rows.append(row)
                    print(*row.values(), sep="  ", flush=True)
    common.save("digit_sums", rows)


if __name__ == "__main__":
    main()
