"""Two digits and their sum in words, with some pairs never shown.

An answer is right in two ways that are counted apart: both digits are named, and the sum is that of the digits. A pair
that is held out lies a distance from the nearest one that was trained on: how far a table of sums has to be continued.
"""

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.validation import require_choice
from lecture21.data.numbers import to_words
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize
from lecture21.vision.digits import NAMES, encode, jittered, require_digits
from lecture21.vision.model import VisionGPT

Pair = tuple[int, int]

PAIRS: tuple[Pair, ...] = tuple(product(range(10), repeat=2))
"""All pairs of digits, (0, 0) to (9, 9)."""

TOTALS: tuple[str, ...] = tuple(to_words(n) for n in range(19))
"""What a sum can be, zero to eighteen."""

HELD_OUT = ("scattered", "block", "one order")
"""Ways to hold pairs out."""

ADDING = TrainConfig(steps=1000, batch_size=32, learning_rate=3e-3, warmup=50, schedule="cosine", weight_decay=0.1)
"""How a reader of two digits is trained; its seed is changed."""


class Judgement(NamedTuple):
    """What is right in an answer."""

    named: bool
    """Both digits are named, in their order."""
    added: bool
    """What stands behind "is" is the sum of the two digits in the images."""

    near: bool
    """It is that sum, or wrong by 1."""


def sentence(first: int, second: int) -> str:
    """Return "three plus four is seven"; raises ValueError if one of the two is not a digit."""
    for digit in (first, second):
        if digit not in range(10):
            raise ValueError(f"a digit must be in 0..9, got {digit}")
    return f"{NAMES[first]} plus {NAMES[second]} is {TOTALS[first + second]}"


LONGEST = max(len(sentence(*pair)) for pair in PAIRS)
"""Letters of the longest sentence."""


def held_out(kind: str, seed: int) -> frozenset[Pair]:
    """Return 36 of the 100 pairs (or 37, as the draw falls) that are not trained on.

    Every sum that they have is also the sum of a pair that is left, so that each word of an answer is trained.

    Args:
        kind: "scattered", drawn at random, each pair with its mirror image; "block", where both digits are in 2 ... 7,
            the same for all seeds; or "one order", drawn at random so that each pair's mirror image is left.
        seed: of the draw.

    Raises:
        ValueError: if the kind is another.
    """
    require_choice("kind", kind, HELD_OUT)
    if kind == "block":
        return frozenset(product(range(2, 8), repeat=2))
    out: set[Pair] = set()
    for place in torch.randperm(100, generator=torch.Generator().manual_seed(seed)).tolist():
        first, second = PAIRS[place]
        if len(out) >= 36 or (kind == "one order" and (first == second or (second, first) in out)):
            continue
        more = {(first, second)} if kind == "one order" else {(first, second), (second, first)}
        if first + second in {sum(pair) for pair in set(PAIRS) - out - more}:
            out |= more
    return frozenset(out)


def distance(pair: Pair, trained: Iterable[Pair]) -> int:
    """Return the steps of 1, in either digit, from a pair to the nearest of others; 0 for one of them.

    Raises:
        ValueError: if there are no others.
    """
    steps = [abs(pair[0] - first) + abs(pair[1] - second) for first, second in trained]
    if not steps:
        raise ValueError("a distance needs at least one trained pair, got none")
    return min(steps)


def draw_places(pairs: Int[Tensor, "B 2"], labels: Int[Tensor, " N"], generator: torch.Generator) -> Int[Tensor, "B 2"]:
    """Return, for each digit of each pair, the place of one of its images, drawn at random.

    Raises:
        ValueError: if a digit of a pair has no image.
    """
    require_digits(labels)
    require_digits(pairs)
    order = labels.argsort(stable=True)
    count = labels.bincount(minlength=10)[pairs]
    if not count.all():
        raise ValueError(f"no image of the digit {pairs[count == 0][0]} among {len(labels)}")
    first = (labels.bincount(minlength=10).cumsum(0) - labels.bincount(minlength=10))[pairs]
    return order[first + (torch.rand(pairs.shape, generator=generator) * count).long()]


def fit_sums(
    model: VisionGPT,
    images: Float[Tensor, "N 8 8"],
    labels: Int[Tensor, " N"],
    pairs: Iterable[Pair],
    config: TrainConfig = ADDING,
) -> Float[Tensor, " steps"]:
    """Train a model, in place, to name two digits and their sum; return the loss at each step.

    Args:
        model: from `digits.reader`, for two images and `LONGEST` letters.
        images: to train on.
        labels: their digits.
        pairs: the pairs of digits to train on.
        config: of the run.
    """
    table = torch.tensor(sorted(pairs))
    ids, targets = encode([sentence(*pair) for pair in table.tolist()])

    def loss(generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(table), (config.batch_size,), generator=generator)
        places = draw_places(table[rows], labels, generator)
        shown = jittered(images[places.flatten()], generator).unflatten(0, (-1, 2))  # (B, 2, H, W)
        return model.loss(shown, ids[rows], targets[rows])

    return minimize(model, loss, config)


def judge_answer(pair: Pair, written: str) -> Judgement:
    """Compare an answer with the sentence of its pair."""
    digits, _, total = written.partition(" is ")
    named = digits == f"{NAMES[pair[0]]} plus {NAMES[pair[1]]}"
    difference = TOTALS.index(total) - sum(pair) if total in TOTALS else None
    return Judgement(named, difference == 0, difference in (-1, 0, 1))
