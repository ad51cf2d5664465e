"""Handwritten digits, and their names in letters.

The 1,797 images of 8 x 8 pixels come with scikit-learn. They are the test part of a collection at the UCI
repository (Alpaydin and Kaynak 1998), written by 13 people; each pixel is a count from 0 to 16.
"""

import math
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

from lecture21 import GPT, GPTConfig
from lecture21.data.numbers import to_words
from lecture21.objectives import IGNORE, causal_shift, pad_batch
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize
from lecture21.vision.model import VisionGPT
from lecture21.vision.patches import PatchEmbedding, patches

SIDE = 8
"""Pixels along each side of an image."""

PAPER = -1.0
"""The grey value of paper; ink is up to 1, and the mean over all images is -0.4."""

NAMES: tuple[str, ...] = tuple(to_words(digit) for digit in range(10))
"""What is written of each digit."""

STOP = "\n"
"""Stands before a text and ends it."""

LETTERS = CharTokenizer.from_text(STOP + "plus is " + " ".join(to_words(n) for n in range(19)))
"""The letters of all names and of "three plus four is seven"."""

EOS = LETTERS.encode(STOP, strict=True)[0]

NAMING = TrainConfig(steps=800, batch_size=64, learning_rate=3e-3, warmup=50, schedule="cosine", weight_decay=0.1)
"""How a reader of one digit is trained; its seed is changed."""


def load() -> tuple[Float[Tensor, "N 8 8"], Int[Tensor, " N"]]:
    """Return the 1,797 images, from -1 (`PAPER`) to 1 (ink), and the digit of each."""
    data = load_digits()
    return torch.tensor(data.images / 8 - 1, dtype=torch.float32), torch.tensor(data.target)


def split(labels: Int[Tensor, " N"], seed: int, held_out: float = 0.2) -> tuple[Int[Tensor, " A"], Int[Tensor, " B"]]:
    """Return the places of the training images and of those held out, each digit in the same proportion.

    The same 13 people wrote both parts, so that a score says nothing of another hand.

    Args:
        labels: the digit of each image.
        seed: fixes the draw.
        held_out: share of the images that are not trained on.
    """
    train, test = train_test_split(
        torch.arange(len(labels)).numpy(), test_size=held_out, random_state=seed, stratify=labels.numpy()
    )
    return torch.from_numpy(train), torch.from_numpy(test)


def jittered(images: Float[Tensor, "B H W"], generator: torch.Generator | None = None) -> Float[Tensor, "B H W"]:
    """Turn each image by at most 10 degrees and move it by at most half a pixel; what comes in is `PAPER`."""
    turn, right, down = 2 * torch.rand(3, len(images), generator=generator) - 1
    angle, (height, width) = math.radians(10) * turn, images.shape[1:]
    # affine_grid measures in half sides of the image.
    rows = [angle.cos(), -angle.sin(), right / width, angle.sin(), angle.cos(), down / height]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), [len(images), 1, height, width], align_corners=False)
    ink = (images - PAPER)[:, None]  # grid_sample fills in zeros
    return F.grid_sample(ink, grid, align_corners=False)[:, 0] + PAPER


def shuffled(images: Float[Tensor, "B H W"], patch_size: int, generator: torch.Generator) -> Float[Tensor, "B H W"]:
    """Lay the patches of each image in a random order of its own."""
    cut = patches(images, patch_size)  # (B, P, N)
    order = torch.rand(cut.shape[:2], generator=generator).argsort(dim=1)
    mixed = cut.gather(1, order[..., None].expand_as(cut)).transpose(1, 2)
    return F.fold(mixed, images.shape[1:], kernel_size=patch_size, stride=patch_size)[:, 0]


def require_digits(labels: Int[Tensor, "*S"]) -> None:
    """Raise ValueError if one of the labels is not a digit; -1 would otherwise be taken for a nine."""
    if labels.numel() and not 0 <= labels.min() <= labels.max() <= 9:
        raise ValueError(f"labels must be digits, 0..9, got {labels.min()}..{labels.max()}")


def encode(texts: Sequence[str]) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Return what a model reads of texts, and what it must write: `STOP` stands before each and behind each.

    Behind the end of a shorter text nothing is asked: `IGNORE`.

    Raises:
        ValueError: if there is no text, or one has a letter that no name has.
    """
    rows = [LETTERS.encode(f"{STOP}{text}{STOP}", strict=True) for text in texts]
    ids, targets = causal_shift(pad_batch(rows, EOS))
    beyond = torch.arange(targets.shape[1]) >= torch.tensor([len(row) - 1 for row in rows])[:, None]
    return ids, targets.masked_fill(beyond, IGNORE)


def decode(ids: Int[Tensor, "B T"]) -> list[str]:
    """Return each text up to its `STOP`, the one before it left out."""
    return [LETTERS.decode(row[1:] if row[0] == EOS else row).partition(STOP)[0] for row in ids]


def reader(
    patch_size: int,
    seed: int,
    *,
    position: str = "learned",
    patch_positions: bool = False,
    n_image: int = 1,
    longest: int = max(map(len, NAMES)),
) -> VisionGPT:
    """Return a small model that is not yet trained: two layers of width 64.

    Args:
        patch_size: side of a patch in pixels, which divides 8.
        seed: of the weights; torch's own random state is left alone.
        position: of the GPT, a key of `positions.ADDED`.
        patch_positions: whether patches have a table of their own.
        n_image: images before each text.
        longest: letters of the longest text.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embedding = PatchEmbedding((SIDE, SIDE), patch_size, 64, positions=patch_positions)
        block_size = n_image * embedding.n_patch + longest + 1
        shape = {"vocab_size": LETTERS.vocab_size, "block_size": block_size, "n_layer": 2, "d_model": 64}
        return VisionGPT(embedding, GPT(GPTConfig(**shape, position=position)))


def fit_names(
    model: VisionGPT,
    images: Float[Tensor, "N 8 8"],
    labels: Int[Tensor, " N"],
    config: TrainConfig = NAMING,
    *,
    jitter: bool = True,
) -> Float[Tensor, " steps"]:
    """Train a model, in place, to write the name of the digit that it sees; return the loss at each step.

    Args:
        model: from `reader`.
        images: to train on.
        labels: their digits.
        config: of the run.
        jitter: whether each image is changed by `jittered` whenever it is drawn.
    """
    require_digits(labels)
    if len(images) != len(labels):
        raise ValueError(f"each image needs its digit, got {len(images)} images and {len(labels)} digits")
    ids, targets = encode([NAMES[digit] for digit in labels])

    def loss(generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(images), (config.batch_size,), generator=generator)
        batch = jittered(images[rows], generator) if jitter else images[rows]
        return model.loss(batch[:, None], ids[rows], targets[rows])

    return minimize(model, loss, config)


def write_answers(
    model: VisionGPT, images: Float[Tensor, "B K 8 8"], longest: int, *, use_cache: bool = True
) -> list[str]:
    """Return what a model writes, greedily, of K images in each row; at most `longest` letters."""
    prompt = torch.full((len(images), 1), EOS)
    return decode(model.answer(images, prompt, longest + 1, eos=EOS, use_cache=use_cache))


def confusions(labels: Iterable[int] | Int[Tensor, " N"], written: Sequence[str]) -> Int[Tensor, "10 11"]:
    """Count what was written (column) of each digit (row); in the last column, what is no name."""
    digits = torch.tensor([int(digit) for digit in labels], dtype=torch.long)
    require_digits(digits)
    table = torch.zeros(10, 11, dtype=torch.long)
    for digit, name in zip(digits.tolist(), written, strict=True):
        table[digit, NAMES.index(name) if name in NAMES else 10] += 1
    return table
