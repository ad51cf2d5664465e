"""Exercises of chapter 15: patches of an image as tokens."""

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 15.1


def _embed_patches(images, weight, bias, patch_size):
    """Cut images into square patches and map each patch to a token; return the shape (B, P, C).

    `images` has the shape (B, K, H, W): K numbers per pixel (1 for gray, 3 for colors). A patch has
    `patch_size` pixels along each side and contains N = K * patch_size**2 numbers, which are
    flattened channel by channel and, within a channel, row by row. `weight` has the shape (C, N)
    and `bias` (C,). The P patches are in reading order: left to right, then top to bottom. The
    result has the dtype of `images` and a gradient with respect to `weight`.
    """
    b, k, h, w = images.shape
    p = patch_size
    cut = images.reshape(b, k, h // p, p, w // p, p)  # (B, K, rows, p, columns, p)
    cut = cut.permute(0, 2, 4, 1, 3, 5)  # (B, rows, columns, K, p, p)
    return cut.reshape(b, -1, k * p * p) @ weight.T + bias


def _patch_cases(rng: random.Random) -> list[Case]:
    shapes = [  # B, K, H, W, patch size, C
        (1, 1, 2, 3, 1, 2, "patches of one pixel"),
        (1, 1, 4, 4, 2, 2, "one gray image of 4 x 4, patches of 2 x 2"),
        (2, 1, 4, 8, 2, 3, "two gray images of 4 x 8, patches of 2 x 2"),
        (1, 3, 6, 4, 2, rng.randint(4, 6), "a color image of 6 x 4, patches of 2 x 2"),
        (2, 2, 3, 3, 3, 2, "patches that are the whole image, 2 channels"),
    ]
    cases = [_patch_case(rng, *shape, torch.float32) for shape in shapes]
    return [*cases, _patch_case(rng, 1, 3, 6, 9, 3, 5, "float64, patches of 3 x 3", torch.float64)]


def _patch_case(rng: random.Random, b: int, k: int, h: int, w: int, p: int, c: int, about: str, dtype) -> Case:
    weight = normal(rng, c, k * p * p, dtype=dtype)
    return Case((normal(rng, b, k, h, w, dtype=dtype), weight, normal(rng, c, dtype=dtype), p), about)


def _with_gradient(answer: Callable[..., Tensor], images: Tensor, weight: Tensor, bias: Tensor, patch_size: int):
    """Return the gradient of the sum of squares of the tokens with respect to the weight, and the tokens."""
    given = weight.clone().requires_grad_()
    tokens = answer(images, given, bias, patch_size)
    if not (isinstance(tokens, Tensor) and tokens.requires_grad):
        return torch.zeros_like(weight), tokens
    return torch.autograd.grad(tokens.square().sum(), given)[0], tokens


_PATCHES = Exercise(
    number="15.1",
    name="embed_patches",
    title="patch embedding",
    solution=_embed_patches,
    cases=_patch_cases,
    call=_with_gradient,
    returns=("the gradient of the weight", "the tokens"),
)


@_PATCHES.mistake(
    looks="All shapes are right, and a patch is a strip of one long row of pixels instead of a square.",
    hint="a token mixes pixels that are not in one square: `reshape` alone cuts the rows of the image into pieces. "
    "Separate the rows of a patch from the columns first, then permute.",
)
def _pieces_of_rows(images, weight, bias, patch_size):
    b, k = images.shape[:2]
    return images.reshape(b, -1, k * patch_size**2) @ weight.T + bias


@_PATCHES.mistake(
    looks="The tokens are right and in another order, so position 2 of the sequence is the patch below the first.",
    hint="your patches run from top to bottom and then to the right. Reading order goes along a row of patches first.",
)
def _down_before_across(images, weight, bias, patch_size):
    b, k, h, w = images.shape
    p = patch_size
    cut = images.reshape(b, k, h // p, p, w // p, p).permute(0, 4, 2, 1, 3, 5)
    return cut.reshape(b, -1, k * p * p) @ weight.T + bias


@_PATCHES.mistake(
    looks="Each patch is mirrored at its diagonal. A model that is trained this way does not mind, but weights from a "
    "strided convolution give other tokens.",
    hint="within a patch you flatten column by column. The weight expects the first row of the patch first.",
)
def _columns_within_a_patch(images, weight, bias, patch_size):
    b, k, h, w = images.shape
    p = patch_size
    cut = images.reshape(b, k, h // p, p, w // p, p).permute(0, 2, 4, 1, 5, 3)
    return cut.reshape(b, -1, k * p * p) @ weight.T + bias


@_PATCHES.mistake(
    looks="Gray images are right. In color images the red, green and blue of a pixel are multiplied by wrong weights.",
    hint="with more than one channel the numbers of a patch are in the wrong order: the K numbers of a pixel must not "
    "be neighbors. Which dimension has to come before the rows and columns of the patch?",
)
def _channels_last(images, weight, bias, patch_size):
    b, k, h, w = images.shape
    p = patch_size
    cut = images.reshape(b, k, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1)
    return cut.reshape(b, -1, k * p * p) @ weight.T + bias


@_PATCHES.mistake(
    looks="An empty patch becomes the zero vector instead of the bias.",
    hint="each of your tokens differs from the right one by the same vector. What is added after the product?",
)
def _without_bias(images, weight, bias, patch_size):
    return _embed_patches(images, weight, torch.zeros_like(bias), patch_size)


@_PATCHES.mistake(
    looks="There are far too many tokens, because the patches overlap. The stride of a convolution is 1 by default.",
    hint="your patches overlap. By how many pixels does the square have to move from one patch to the next?",
)
def _overlapping(images, weight, bias, patch_size):
    k, p = images.shape[1], patch_size
    found = F.conv2d(images, weight.reshape(-1, k, p, p), bias)
    return found.flatten(2).transpose(1, 2)


@_PATCHES.mistake(
    looks="The result is still an image with C channels, and joining it with text tokens raises an error.",
    hint="your numbers are those of the tokens, but their shape is (B, C, rows, columns). A sequence needs (B, P, C).",
)
def _still_an_image(images, weight, bias, patch_size):
    k, p = images.shape[1], patch_size
    return F.conv2d(images, weight.reshape(-1, k, p, p), bias, stride=p)


@_PATCHES.mistake(
    looks="The tokens are right, but training never changes the patch embedding.",
    hint="your tokens are right, but they have no gradient, so the weight cannot be trained. Which operation cuts them "
    "off from the graph (detach, item, numpy, torch.tensor, no_grad)?",
)
def _without_a_gradient(images, weight, bias, patch_size):
    return _embed_patches(images, weight, bias, patch_size).detach()


# 15.3


def _count_tokens(height, width, patch_size, n_text):
    """Return the length of the sequence and the number of pairs that the prefix mask allows.

    The sequence consists of the patches of one image of `height` x `width` pixels, followed by
    `n_text` text tokens. `patch_size` divides both sides. A pair is a query and a key, and each
    token may attend to itself.
    """
    n_image = (height // patch_size) * (width // patch_size)
    n = n_image + n_text
    return n, n * (n + 1) // 2 + n_image * (n_image - 1) // 2


def _count_cases(rng: random.Random) -> list[Case]:
    sizes = [(4, 4, 2, 4), (2, 2, 2, 1), (8, 8, 1, 6), (224, 224, 16, 0)]
    sizes += [(p * rng.randint(2, 5), p * rng.randint(6, 9), p, rng.randint(3, 50)) for p in (3, rng.randint(10, 20))]
    return [Case((h, w, p, t), f"{h} x {w} pixels, patches of {p} x {p}, {t} text tokens") for h, w, p, t in sizes]


_COUNT = Exercise(
    number="15.3",
    name="count_tokens",
    title="count the tokens",
    solution=_count_tokens,
    cases=_count_cases,
    returns=("the number of tokens", "the number of pairs"),
)


@_COUNT.mistake(
    looks="For 224 x 224 pixels and patches of 16 there are 3,136 image tokens instead of 196.",
    hint="your image has too many tokens: you divided its pixels by the side of a patch. How many pixels has a patch?",
)
def _divided_by_the_side(height, width, patch_size, n_text):
    n_image = height * width // patch_size
    n = n_image + n_text
    return n, n * (n + 1) // 2 + n_image * (n_image - 1) // 2


@_COUNT.mistake(
    looks="The pairs are those of a causal mask over everything.",
    hint="your pairs are those of the causal mask. To which later tokens may a patch attend?",
)
def _causal_pairs(height, width, patch_size, n_text):
    n = (height // patch_size) * (width // patch_size) + n_text
    return n, n * (n + 1) // 2


@_COUNT.mistake(
    looks="The pairs are all entries of the score matrix, those that the mask removes included.",
    hint="you counted every pair. Which of them does the mask remove from the rows of the text?",
)
def _all_pairs(height, width, patch_size, n_text):
    n = (height // patch_size) * (width // patch_size) + n_text
    return n, n * n


@_COUNT.mistake(
    looks="The pairs of text queries with image keys are missing, so the text does not depend on the image.",
    hint="you counted the pairs within the image and within the text. Which pairs connect the text with the image?",
)
def _without_the_text_to_image_pairs(height, width, patch_size, n_text):
    n_image = (height // patch_size) * (width // patch_size)
    return n_image + n_text, n_image**2 + n_text * (n_text + 1) // 2


@_COUNT.mistake(
    looks="A token does not attend to itself, so n pairs are missing.",
    hint="exactly one pair for each token is missing. May a token attend to itself?",
)
def _without_itself(height, width, patch_size, n_text):
    n_image = (height // patch_size) * (width // patch_size)
    n = n_image + n_text
    return n, n * (n - 1) // 2 + n_image * (n_image - 1) // 2


@_COUNT.mistake(
    looks="The numbers are right, and unpacking them as `n, pairs` exchanges them.",
    hint="both numbers are right, in the wrong order. The length of the sequence comes first.",
)
def _in_the_other_order(height, width, patch_size, n_text):
    return _count_tokens(height, width, patch_size, n_text)[::-1]
