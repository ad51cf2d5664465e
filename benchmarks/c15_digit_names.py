"""Train small GPTs to write the name of a handwritten digit: patch sizes, positions, and prefix or causal mask.

Usage: python benchmarks/c15_digit_names.py [SEED ...]      (0 1 2 3 4 if none is named; about 45 minutes on one core)

Each model has two layers of width 64 and takes 800 steps of 64 images out of 1,437, with a cosine decay to 0; each seed
holds out 360 other images. Every drawn training image is rotated and shifted a little, except in the setting "as it
is"; held-out images never are. Model size, steps and this augmentation were chosen on the held-out images of seeds 0
and 1, among about 35 trials with 76 to 99 % accuracy.

The learning rate is searched for each setting on equal terms: models are trained on four fifths of the training images
of seed 0, with 1e-3, 3e-3 and 1e-2, and with further rates while the best is at an end. The rate with the lowest loss
on the other fifth is taken. No held-out image of seed 0 is used.

Writes the results `digit_rates`, of the search, and `digit_names`: accuracy, the fraction of held-out images whose name
is entirely correct; mixed, the same with the patches of each image in random order; letter_nats, the loss of the names.
"""

import math
import time
from dataclasses import replace

import torch
from jaxtyping import Int
from table import Table, each, run, seeds
from torch import Tensor

from lecture21.vision import digits, make_causal

RUNS = Table("digit_names", key=("setting", "seed", "learning_rate"))
SEARCH = Table("digit_rates", key=("setting", "seed", "learning_rate"))
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


def trained(
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
        "seconds": round(seconds, 1),
    }


def searched(setting: str, seed: int, learning_rate: float) -> dict[str, float]:
    """Train on four fifths of the training images, and test on the other fifth; infinite loss if it diverged."""
    _, labels = digits.load()
    train, _ = digits.split(labels, seed)
    fitted, validation = (train[part] for part in digits.split(labels[train], seed))
    try:
        measured = trained(setting, seed, learning_rate, fitted, validation)
    except ValueError:
        measured = {"letter_nats": math.inf, "accuracy": 0.0}
    return {name: measured[name] for name in ("letter_nats", "accuracy")}


def measure(setting: str, seed: int, learning_rate: float) -> dict[str, float | int]:
    """Train on the training images of a seed, and test on its held-out images."""
    return trained(setting, seed, learning_rate, *digits.split(digits.load()[1], seed))


def compare(setting: str) -> None:
    """Search the learning rate of a setting, on images that the runs do not test on, and run it with every seed."""
    search = {"by": "letter_nats", "seeds": (SEARCH_SEED,), "reported": ()}
    best = SEARCH.tune(searched, "learning_rate", FIRST, RATES, **search, setting=setting)
    for seed in seeds(5):
        RUNS.row(measure, setting=setting, seed=seed, learning_rate=best)


def main() -> None:
    """Compare all settings."""
    each(compare, SETTINGS)


if __name__ == "__main__":
    run(main)
