"""Train small GPTs to write the name of a handwritten digit: patch sizes, positions, and prefix or causal mask.

Usage: python benchmarks/c15_digit_names.py [SEED ...]      (0 1 2 3 4 if none is named; about 45 minutes on one core)

Each model has two layers of width 64 and takes 800 steps of 64 images out of 1,437, with a cosine decay to 0; each seed
holds out 360 other images. Every drawn training image is rotated and shifted a little, except in the setting "as it
is"; held-out images never are. Model size, steps and this augmentation were chosen on the held-out images of seeds 0
and 1, among about 35 trials with 76 to 99 % accuracy.

The learning rate is searched for each setting on equal terms: models are trained on four fifths of the training images
of seed 0, with 1e-3, 3e-3 and 1e-2, and with further rates while the best is at an end. The rate with the lowest loss
on the other fifth is taken. No held-out image of seed 0 is used.

Writes the result `digit_rates` after every run of the search: setting, seed, learning_rate, and letter_nats and
accuracy on the 288 images of the last fifth. Writes the result `digit_names` after every other run: setting, seed,
accuracy (fraction of held-out images whose name is entirely correct), mixed (the same with the patches of each image
in random order), letter_nats (loss of the held-out names), image_tokens, seconds of training and learning_rate. Runs
that a result already contains are skipped.
"""

import math
import time
from dataclasses import replace

import common
import torch
from jaxtyping import Int
from torch import Tensor

from lecture21.vision import digits, make_causal

NAME, SEARCH = "digit_names", "digit_rates"
FIRST = (1e-3, 3e-3, 1e-2)
RATES = (1e-4, 3e-4, *FIRST, 3e-2, 1e-1)
SEARCH_SEED = 0
SETTINGS = {
    "patch 1": {"patch_size": 1},
    "patch 2": {"patch_size": 2},
    "patch 4": {"patch_size": 4},
    "patch 8": {"patch_size": 8},
    "patch 1, no positions": {"patch_size": 1, "position": "none"},
    "patch 2, no positions": {"patch_size": 2, "position": "none"},
    "patch 4, no positions": {"patch_size": 4, "position": "none"},
    "patch 8, no positions": {"patch_size": 8, "position": "none"},
    "patch 1, no positions, as it is": {"patch_size": 1, "position": "none"},
    "patch 2, causal": {"patch_size": 2},
    "patch 4, causal": {"patch_size": 4},
    "patch 2, no positions, causal": {"patch_size": 2, "position": "none"},
}


def run(
    setting: str, seed: int, rate: float, train: Int[Tensor, " A"], test: Int[Tensor, " B"]
) -> dict[str, float | int]:
    """Train one model on some images and test it on others; return what was measured."""
    images, labels = digits.load()
    shape = SETTINGS[setting]
    model = digits.DigitReader(seed=seed, **shape)
    if "causal" in setting:
        make_causal(model)
    config = replace(digits._NAMING, learning_rate=rate)
    start = time.perf_counter()
    model.fit_names(images[train], labels[train], seed=seed, jitter="as it is" not in setting, config=config)
    seconds = time.perf_counter() - start

    names = [digits.NAMES[digit] for digit in labels[test]]

    def right(shown: torch.Tensor) -> float:
        written = model.write(shown[:, None])
        return round(sum(a == b for a, b in zip(written, names, strict=True)) / len(names), 4)

    letters = model.encode(names)
    model.eval()
    with torch.no_grad():
        nats = model.loss(images[test][:, None], *letters).item()
    mixed = digits.shuffle_patches(images[test], shape["patch_size"], torch.Generator().manual_seed(seed))
    return {
        "accuracy": right(images[test]),
        "mixed": right(mixed),
        "letter_nats": round(nats, 4),
        "image_tokens": model.embedding.n_patch,
        "seconds": round(seconds, 1),
    }


def search(setting: str) -> float:
    """Return the learning rate with the lowest loss on a fifth of the training images of seed 0."""
    _, labels = digits.load()
    train, _ = digits.split(labels, SEARCH_SEED)
    fitted, validation = (train[part] for part in digits.split(labels[train], SEARCH_SEED))

    def score(rate: float) -> float:
        for row in common.stored(SEARCH):
            if (row["setting"], row["learning_rate"]) == (setting, rate):
                return float(row["letter_nats"])
        try:
            actual = run(setting, SEARCH_SEED, rate, fitted, validation)
        except ValueError:  # it diverged
            actual = {"letter_nats": math.inf, "accuracy": 0.0}
        row = {"setting": setting, "seed": SEARCH_SEED, "learning_rate": rate}
        row |= {"letter_nats": actual["letter_nats"], "accuracy": actual["accuracy"]}
        print("search", *row.values(), sep="  ", flush=True)
        common.save(SEARCH, [*common.stored(SEARCH), row], arguments=False)
        return actual["letter_nats"]

    return next(iter(common.tune(score, FIRST, RATES)))


def main() -> None:
    """Search the learning rates, make every run that is missing, and write the table after each."""
    seeds = common.start(5)
    _, labels = digits.load()
    for setting in SETTINGS:
        rate = search(setting)
        for seed in seeds:
            actual = {(row["setting"], row["seed"], row["learning_rate"]) for row in common.stored(NAME)}
            if (setting, seed, rate) not in actual:
                measured = run(setting, seed, rate, *digits.split(labels, seed))
                row = {"setting": setting, "seed": seed, **measured, "learning_rate": rate}
                print(*row.values(), sep="  ", flush=True)
                common.save(NAME, [*common.stored(NAME), row], arguments=False)  # other seeds may run beside this


if __name__ == "__main__":
    main()
