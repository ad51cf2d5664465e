"""Handwritten digits and a small model that writes their names, letter by letter.

The 1,797 images of 8 x 8 pixels come with scikit-learn. They are the test part of a collection at the UCI repository
(Alpaydin and Kaynak 1998), written by 13 people; each pixel is a count from 0 to 16.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import NOT_EMPTY, Count, Seed, checked
from lecture21._support.validation import in_range, one_of
from lecture21.data.numbers import to_words
from lecture21.gpt import GPT
from lecture21.gpt.config import GPTConfig
from lecture21.layers.positions import POSITIONS
from lecture21.objectives import IGNORE, pad_batch
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize
from lecture21.vision.model import ImageConditioned, VisionGPT
from lecture21.vision.patch_embedding import PatchEmbedding, patches

NAMES: tuple[str, ...] = tuple(to_words(digit) for digit in range(10))
"""The names of the digits."""

_SIDE = 8  # pixels along each side of an image
_BACKGROUND = -1.0  # gray value of the paper; ink is up to 1, and the mean over all images is -0.4
_STOP = "\n"  # precedes and ends each text
# The letters of all numbers to eighteen and of "plus is": the stored results were computed with this vocabulary.
_LETTERS = CharTokenizer.from_text(_STOP + "plus is " + " ".join(to_words(n) for n in range(19)))
_EOS = _LETTERS.encode(_STOP, strict=True)[0]
_LONGEST = len("three")  # letters of the longest name
_NAMING = TrainConfig(steps=800, batch_size=64, learning_rate=3e-3, warmup=50, schedule="cosine", weight_decay=0.1)


def load() -> tuple[Float[Tensor, "N 8 8"], Int[Tensor, " N"]]:
    """Return the 1,797 images, with gray values from -1 (paper) to 1 (ink), and the digit of each."""
    from sklearn.datasets import load_digits  # not above: every import of `lecture21.course.live` would wait for it

    data = load_digits()
    return torch.tensor(data.images / 8 - 1, dtype=torch.float32), torch.tensor(data.target)


@checked
def split(
    labels: Annotated[Int[Tensor, " N"], NOT_EMPTY],
    seed: Annotated[int, in_range(0, 2**32, whole=True)],
    held_out: Annotated[float, in_range(0, 1, "()")] = 0.2,
) -> tuple[Int[Tensor, " A"], Int[Tensor, " B"]]:
    """Return the indices of the training images and of the held-out images, stratified by digit.

    The same 13 people wrote both parts, so a score does not measure generalization to other handwriting.

    Args:
        labels: the digit of each image.
        seed: seed of the split.
        held_out: fraction of the images that are held out.
    """
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        torch.arange(len(labels)).numpy(), test_size=held_out, random_state=seed, stratify=labels.numpy()
    )
    return torch.from_numpy(train), torch.from_numpy(test)


@checked
def shuffle_patches(
    images: Float[Tensor, "B H W"], patch_size: Count, generator: torch.Generator
) -> Float[Tensor, "B H W"]:
    """Permute the patches of each image at random."""
    cut = patches(images, patch_size)  # (B, P, N)
    order = torch.rand(cut.shape[:2], generator=generator).argsort(dim=1)
    mixed = cut.gather(1, order[..., None].expand_as(cut)).transpose(1, 2)
    return F.fold(mixed, images.shape[1:], kernel_size=patch_size, stride=patch_size)[:, 0]


@checked
def rotate_and_shift(
    images: Float[Tensor, "B H W"], generator: torch.Generator | None = None
) -> Float[Tensor, "B H W"]:
    """Rotate each image by at most 10 degrees and shift it by at most half a pixel; new pixels are background.

    Pixels are interpolated, so strokes are blurred and the gray values change.
    """
    turn, right, down = 2 * torch.rand(3, len(images), generator=generator) - 1
    angle, (height, width) = math.radians(10) * turn, images.shape[1:]
    # The unit of affine_grid is half a side of the image.
    rows = [angle.cos(), -angle.sin(), right / width, angle.sin(), angle.cos(), down / height]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), [len(images), 1, height, width], align_corners=False)
    ink = (images - _BACKGROUND)[:, None]  # grid_sample pads with zeros
    return F.grid_sample(ink, grid, align_corners=False)[:, 0] + _BACKGROUND


def _require_digits(name: str, labels: Int[Tensor, "*S"]) -> None:
    """Raise ValueError unless all labels are digits; -1 would otherwise be an index of the nine."""
    if labels.numel() and not 0 <= labels.min() <= labels.max() <= 9:
        raise ValueError(f"{name} must be digits, 0..9, got {labels.min()}..{labels.max()}")


def _require_labeled_images(images: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless each of N finite images has a digit as its label."""
    _require_digits("labels", labels)
    wrong = ~images.isfinite().flatten(1).all(dim=1)
    if wrong.any():
        raise ValueError(f"images must be finite, but image {wrong.nonzero()[0].item()} has NaN or infinite pixels")


def _inputs_and_targets(rows: Sequence[Sequence[int]], pad: int) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Return inputs and targets of texts; the targets after the end of a shorter one are `IGNORE`."""
    padded = pad_batch(rows, pad)
    ids, targets = padded[:, :-1], padded[:, 1:]
    padding = torch.arange(targets.shape[1]) >= torch.tensor([len(row) - 1 for row in rows])[:, None]
    return ids, targets.masked_fill(padding, IGNORE)


class DigitReader(VisionGPT):
    """A small model that reads an image of a digit and writes its name: two layers of width 64.

    Args:
        patch_size: side of a patch in pixels, which divides 8.
        seed: seed of the initialization; torch's global random state does not change.
        position: positions of the GPT, learned, sinusoidal, rotary or none.
    """

    @checked
    def __init__(self, patch_size: Count, seed: Seed, *, position: Annotated[str, one_of(POSITIONS)] = "learned"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            embedding = PatchEmbedding((_SIDE, _SIDE), patch_size, 64)
            config = GPTConfig(
                vocab_size=_LETTERS.vocab_size,
                block_size=embedding.n_patch + _LONGEST + 1,
                n_layer=2,
                d_model=64,
                position=position,
            )
            super().__init__(embedding, GPT(config))

    @staticmethod
    def encode(texts: Sequence[str]) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
        """Return inputs and targets of texts, each with a line break before and after it.

        Targets after the end of a shorter text are `IGNORE`.
        """
        return _inputs_and_targets([_LETTERS.encode(f"{_STOP}{text}{_STOP}", strict=True) for text in texts], _EOS)

    @staticmethod
    def decode(ids: Int[Tensor, "B T"]) -> list[str]:
        """Return each text up to its line break, without the one before it."""
        return [_LETTERS.decode(row[1:] if row[0] == _EOS else row).partition(_STOP)[0] for row in ids]

    @checked
    def fit_names(
        self,
        images: Float[Tensor, "N 8 8"],
        labels: Int[Tensor, " N"],
        *,
        seed: Seed = 0,
        jitter: bool = True,
        config: TrainConfig = _NAMING,
    ) -> Float[Tensor, " steps"]:
        """Train in place to write the name of the digit in an image; return the loss at each step.

        Args:
            images: training images.
            labels: their digits.
            seed: seed of the batches.
            jitter: whether each image is rotated and shifted a little whenever it is drawn.
            config: the other settings.
        """
        _require_labeled_images(images, labels)
        ids, targets = self.encode([NAMES[digit] for digit in labels])

        def loss(generator: torch.Generator) -> Tensor:
            rows = torch.randint(len(images), (config.batch_size,), generator=generator)
            batch = rotate_and_shift(images[rows], generator) if jitter else images[rows]
            return self.loss(batch[:, None], ids[rows], targets[rows])

        return minimize(self, loss, dataclasses.replace(config, seed=seed))

    @checked
    def write(self, images: Float[Tensor, "B K 8 8"], begun: str = "", *, use_cache: bool = True) -> list[str]:
        """Return the text that the model writes greedily for K images in each row.

        Args:
            images: K images for each text.
            begun: the first letters of every text; the model continues them.
            use_cache: as in `generation.generate`.
        """
        prompt = torch.tensor([_LETTERS.encode(_STOP + begun, strict=True)] * len(images))
        n_new = ImageConditioned(self, images).block_size - len(begun)
        return self.decode(self.generate(images, prompt, n_new, eos=_EOS, use_cache=use_cache))
