"""Two digits and their sum as numbers, with some pairs of digits held out from training.

The answer is the sum alone, or all numbers from the first digit to the sum: a table against a procedure.
"""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Annotated, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import NOT_EMPTY, Seed, checked
from lecture21._support.validation import in_range, one_of
from lecture21.gpt import GPT
from lecture21.gpt.config import GPTConfig
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize
from lecture21.vision.digits import (
    _SIDE,
    _inputs_and_targets,
    _require_digits,
    _require_labeled_images,
    rotate_and_shift,
)
from lecture21.vision.model import VisionGPT
from lecture21.vision.patch_embedding import PatchEmbedding

ANSWERS: tuple[str, ...] = ("sum", "steps")
"""Forms of an answer: the sum alone, or each number from the first digit to the sum."""
Answer = Annotated[str, one_of(ANSWERS)]
Digit = Annotated[int, in_range(0, 9, "[]", whole=True)]

ADDING = TrainConfig(steps=1000, batch_size=32, learning_rate=3e-3, warmup=50, schedule="cosine", weight_decay=0.1)
"""How a model is trained on sums."""

_Pair = tuple[int, int]
_STOP = 19  # the token before and after each text; those below are numbers
_LONGEST = 12  # two digits, and ten numbers from a digit to its sum with 9


@checked
@dataclass(frozen=True)
class PairSplit:
    """A split of the 100 pairs of digits in which 36 (or 37, depending on the draw) are held out.

    Every sum of a held-out pair is also the sum of a training pair, so each number of an answer occurs in training.

    Args:
        kind: "scattered", drawn at random, each pair with its mirror image; or "block", both digits in 2..7, the same
            for all seeds.
        seed: seed of the draw.
    """

    kind: Annotated[str, one_of(("scattered", "block"))]
    seed: Seed

    ALL: ClassVar[tuple[_Pair, ...]] = tuple(product(range(10), repeat=2))
    KINDS: ClassVar[tuple[str, ...]] = ("scattered", "block")

    @cached_property
    def held_out(self) -> frozenset[_Pair]:
        """The pairs that are held out."""
        if self.kind == "block":
            return frozenset(product(range(2, 8), repeat=2))
        out: set[_Pair] = set()
        for place in torch.randperm(100, generator=torch.Generator().manual_seed(self.seed)).tolist():
            first, second = self.ALL[place]
            if len(out) >= 36:
                break
            more = {(first, second), (second, first)}
            if first + second in {sum(pair) for pair in set(self.ALL) - out - more}:
                out |= more
        return frozenset(out)

    @cached_property
    def trained(self) -> list[_Pair]:
        """The training pairs, in ascending order."""
        return sorted(set(self.ALL) - self.held_out)


@checked
def text_of(first: Digit, second: Digit, answer: Answer) -> list[int]:
    """Return the text about two digits: both, and then their sum, or the numbers from the first digit to the sum."""
    total = first + second
    return [first, second, *(range(first, total + 1) if answer == "steps" else [total])]


class DigitAdder(VisionGPT):
    """A small model that reads two images of digits in patches of 4 x 4 and writes numbers, one token each.

    Args:
        seed: seed of the initialization; torch's global random state does not change.
    """

    @checked
    def __init__(self, seed: Seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            embedding = PatchEmbedding((_SIDE, _SIDE), 4, 64)
            config = GPTConfig(vocab_size=20, block_size=2 * embedding.n_patch + 1 + _LONGEST, n_layer=2, d_model=64)
            super().__init__(embedding, GPT(config))

    def write(self, images: Float[Tensor, "B 2 8 8"]) -> list[list[int]]:
        """Return the numbers that the model writes greedily for two images in each row."""
        prompt = torch.full((len(images), 1), _STOP)
        written = self.generate(images, prompt, _LONGEST + 1, eos=_STOP)[:, 1:].tolist()
        return [row[: row.index(_STOP)] if _STOP in row else row for row in written]


@checked
def draw_images(pairs: Int[Tensor, "B 2"], labels: Int[Tensor, " N"], generator: torch.Generator) -> Int[Tensor, "B 2"]:
    """Return, for each digit of each pair, the index of one of its images, drawn at random."""
    _require_digits("labels", labels)
    _require_digits("pairs", pairs)
    order = labels.argsort(stable=True)
    count = labels.bincount(minlength=10)[pairs]
    if not count.all():
        raise ValueError(f"no image of the digit {pairs[count == 0][0]} among {len(labels)}")
    first = (labels.bincount(minlength=10).cumsum(0) - labels.bincount(minlength=10))[pairs]
    return order[first + (torch.rand(pairs.shape, generator=generator) * count).long()]


@checked
def fit_sums(
    model: DigitAdder,
    images: Float[Tensor, "N 8 8"],
    labels: Int[Tensor, " N"],
    pairs: Annotated[Collection[_Pair], NOT_EMPTY],
    *,
    answer: Answer,
    seed: Seed = 0,
    config: TrainConfig = ADDING,
) -> Float[Tensor, " steps"]:
    """Train a model in place to write two digits and the answer; return the loss at each step.

    Args:
        model: the model.
        images: training images.
        labels: their digits.
        pairs: the pairs of digits to train on.
        answer: form of the answer, one of `ANSWERS`.
        seed: seed of the batches.
        config: the other settings.
    """
    _require_labeled_images(images, labels)
    table = torch.tensor(sorted(pairs))
    ids, targets = _inputs_and_targets([[_STOP, *text_of(*pair, answer), _STOP] for pair in table.tolist()], _STOP)

    def loss(generator: torch.Generator) -> Tensor:
        chosen = torch.randint(len(table), (config.batch_size,), generator=generator)
        drawn = draw_images(table[chosen], labels, generator)
        batch = rotate_and_shift(images[drawn.flatten()], generator).unflatten(0, (-1, 2))  # (B, 2, H, W)
        return model.loss(batch, ids[chosen], targets[chosen])

    return minimize(model, loss, dataclasses.replace(config, seed=seed))
