"""Two digits and their sum in words, with some pairs of digits held out from training.

A text is scored on two counts: whether both digits are named, and whether the sum is that of the digits. The distance
of a held-out pair to the nearest training pair measures how far the table of sums has to be extrapolated.
"""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.validation import require_choice, require_whole
from lecture21.data.numbers import to_words
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize
from lecture21.vision.digits import NAMES, DigitReader, _jitter, _require_digits, _require_labeled_images

_Pair = tuple[int, int]
_SUMS = tuple(to_words(n) for n in range(19))
_ADDING = TrainConfig(steps=1000, batch_size=32, learning_rate=3e-3, warmup=50, schedule="cosine", weight_decay=0.1)


class _Score(NamedTuple):
    """What is right in a text."""

    named: bool  # both digits are named, in their order
    added: bool  # what follows "is" is the sum of the two digits in the images
    near: bool  # it is that sum, or wrong by 1


@dataclass(frozen=True)
class PairSplit:
    """A split of the 100 pairs of digits in which 36 (or 37, depending on the draw) are held out.

    Every sum of a held-out pair is also the sum of a training pair, so each word of a text occurs in training.

    Args:
        kind: "scattered", drawn at random, each pair with its mirror image; "block", both digits in 2..7, the same for
            all seeds; or "one order", drawn at random such that each pair's mirror image is in training.
        seed: seed of the draw.
    """

    kind: str
    seed: int

    ALL: ClassVar[tuple[_Pair, ...]] = tuple(product(range(10), repeat=2))
    KINDS: ClassVar[tuple[str, ...]] = ("scattered", "block", "one order")

    def __post_init__(self) -> None:
        require_choice("kind", self.kind, self.KINDS)
        require_whole("seed", self.seed, least=0)

    @cached_property
    def held_out(self) -> frozenset[_Pair]:
        """The pairs that are held out."""
        if self.kind == "block":
            return frozenset(product(range(2, 8), repeat=2))
        out: set[_Pair] = set()
        one_order = self.kind == "one order"
        for place in torch.randperm(100, generator=torch.Generator().manual_seed(self.seed)).tolist():
            first, second = self.ALL[place]
            if len(out) >= 36 or (one_order and (first == second or (second, first) in out)):
                continue
            more = {(first, second)} if one_order else {(first, second), (second, first)}
            if first + second in {sum(pair) for pair in set(self.ALL) - out - more}:
                out |= more
        return frozenset(out)

    @cached_property
    def trained(self) -> list[_Pair]:
        """The training pairs, in ascending order."""
        return sorted(set(self.ALL) - self.held_out)

    def distance(self, pair: _Pair) -> int:
        """Return the number of steps of 1, in either digit, to the nearest training pair."""
        return min(abs(pair[0] - first) + abs(pair[1] - second) for first, second in self.trained)


def sentence(first: int, second: int) -> str:
    """Return the text about two digits, such as "three plus four is seven"."""
    for digit in (first, second):
        if digit not in range(10):
            raise ValueError(f"a digit must be in 0..9, got {digit}")
    return f"{NAMES[first]} plus {NAMES[second]} is {_SUMS[first + second]}"


def draw_images(pairs: Int[Tensor, "B 2"], labels: Int[Tensor, " N"], generator: torch.Generator) -> Int[Tensor, "B 2"]:
    """Return, for each digit of each pair, the index of one of its images, drawn at random."""
    _require_digits(labels)
    _require_digits(pairs)
    order = labels.argsort(stable=True)
    count = labels.bincount(minlength=10)[pairs]
    if not count.all():
        raise ValueError(f"no image of the digit {pairs[count == 0][0]} among {len(labels)}")
    first = (labels.bincount(minlength=10).cumsum(0) - labels.bincount(minlength=10))[pairs]
    return order[first + (torch.rand(pairs.shape, generator=generator) * count).long()]


def fit_sums(
    model: DigitReader,
    images: Float[Tensor, "N 8 8"],
    labels: Int[Tensor, " N"],
    pairs: Collection[_Pair],
    *,
    seed: int = 0,
    config: TrainConfig = _ADDING,
) -> Float[Tensor, " steps"]:
    """Train a model in place to write the names of two digits and their sum; return the loss at each step.

    Args:
        model: a `DigitReader` with `n_image=2`.
        images: training images.
        labels: their digits.
        pairs: the pairs of digits to train on.
        seed: seed of the batches.
        config: the other settings.
    """
    _require_labeled_images(images, labels)
    if not pairs:
        raise ValueError("pairs must have at least one pair to train on, got none")
    table = torch.tensor(sorted(pairs))
    ids, targets = model.encode([sentence(*pair) for pair in table.tolist()])

    def loss(generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(table), (config.batch_size,), generator=generator)
        drawn = draw_images(table[rows], labels, generator)
        batch = _jitter(images[drawn.flatten()], generator).unflatten(0, (-1, 2))  # (B, 2, H, W)
        return model.loss(batch, ids[rows], targets[rows])

    return minimize(model, loss, dataclasses.replace(config, seed=seed))


def score_text(pair: _Pair, text: str) -> _Score:
    """Compare a text with the sentence of its pair; return (named, added, near), where near allows an error of 1."""
    digits, _, total = text.partition(" is ")
    named = digits == f"{NAMES[pair[0]]} plus {NAMES[pair[1]]}"
    difference = _SUMS.index(total) - sum(pair) if total in _SUMS else None
    return _Score(named, difference == 0, difference in (-1, 0, 1))
