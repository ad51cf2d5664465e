"""Train small GPTs to name two handwritten digits and their sum, hold pairs of digits out, and ask for those.

Usage: python benchmarks/digit_sums.py [SEED ...]      (0 1 2 if none is named; about 3 minutes each on one core)

A model reads two images in patches of 4 x 4, and writes "three plus four is seven". 64 of the 100 pairs are trained on
(63 or 64 where they are scattered), 1,000 steps of 32 pairs, with two images drawn anew each time, turned and moved a
little; asked are all 100 pairs, five times each, with images that are held out too. What is shown is "images" or
"words": there a GPT of the same shape reads and writes the same sentences, without an image, and is asked to go on
after "three plus four is". "words, longer" takes 3,000 steps and ten times the weight decay.

Writes the result `digit_sums`: shown, held_out (how: `vision.sums.held_out`), seed, distance (to the nearest pair that
is trained on, 0 for those themselves), pairs, answers, named (share with both digits named), added (share of these
whose sum is right), near (share of these whose sum is wrong by 1 at most) and seconds of training.
"""

import time
from dataclasses import replace
from functools import partial

import common
import torch

from lecture21 import GPT
from lecture21.generation import generate
from lecture21.training import minimize
from lecture21.vision import digits, sums

ASKED = 5  # times for each pair


def read_images(kind: str, seed: int) -> tuple[list[sums.Pair], list[str], float]:
    """Train on images; return the pairs that were asked, the answers, and seconds of training."""
    images, labels = digits.load()
    train, test = digits.split(labels, seed)
    model = digits.reader(4, seed, n_image=2, longest=sums.LONGEST)
    pairs = set(sums.PAIRS) - sums.held_out(kind, seed)
    start = time.perf_counter()
    sums.fit_sums(model, images[train], labels[train], pairs, replace(sums.ADDING, seed=seed))
    seconds = time.perf_counter() - start
    asked = torch.tensor(sums.PAIRS * ASKED)
    places = sums.draw_places(asked, labels[test], torch.Generator().manual_seed(seed))
    return list(sums.PAIRS * ASKED), digits.write_answers(model, images[test][places], sums.LONGEST), seconds


def read_words(kind: str, seed: int, **changes: object) -> tuple[list[sums.Pair], list[str], float]:
    """Train on the sentences alone; the rest as in `read_images`, and `changes` are those of the run."""
    pairs = sorted(set(sums.PAIRS) - sums.held_out(kind, seed))
    ids, targets = digits.encode([sums.sentence(*pair) for pair in pairs])
    config = digits.reader(4, seed, longest=sums.LONGEST).gpt.config
    torch.manual_seed(seed)
    model = GPT(config)

    def loss(generator: torch.Generator) -> torch.Tensor:
        rows = torch.randint(len(pairs), (sums.ADDING.batch_size,), generator=generator)
        return model.loss(ids[rows], targets[rows])

    start = time.perf_counter()
    minimize(model, loss, replace(sums.ADDING, seed=seed, **changes))
    seconds = time.perf_counter() - start
    written = []
    for pair in sums.PAIRS:
        prompt = digits.STOP + sums.sentence(*pair).partition(" is ")[0] + " is "
        answer = generate(model, torch.tensor([digits.LETTERS.encode(prompt)]), 10, greedy=True, eos=digits.EOS)
        written += digits.decode(answer)
    return list(sums.PAIRS), written, seconds


SHOWN = {
    "images": read_images,
    "words": read_words,
    "words, longer": partial(read_words, steps=3000, weight_decay=1.0),
}


def run(shown: str, kind: str, seed: int) -> list[dict[str, object]]:
    """Train one model; return a row for each distance."""
    asked, written, seconds = SHOWN[shown](kind, seed)
    trained = set(sums.PAIRS) - sums.held_out(kind, seed)
    far = [sums.distance(pair, trained) for pair in asked]
    rows = []
    for distance in sorted(set(far)):
        these = [(p, sums.judge_answer(p, w)) for p, w, d in zip(asked, written, far, strict=True) if d == distance]
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
            for kind in sums.HELD_OUT:
                for row in run(shown, kind, seed):
                    rows.append(row)
                    print(*row.values(), sep="  ", flush=True)
    common.save("digit_sums", rows)


if __name__ == "__main__":
    main()
