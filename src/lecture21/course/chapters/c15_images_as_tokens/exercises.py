"""Exercises of chapter 15: patches of an image as tokens, and the mask and loss of a text after them."""

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

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


_PATCHES = Exercise(
    number="15.1",
    name="embed_patches",
    title="patch embedding",
    solution=_embed_patches,
    cases=_patch_cases,
    differentiable=("weight",),
)


@_PATCHES.mistake(
    hint="a token mixes pixels that are not in one square: `reshape` alone cuts the rows of the image into pieces. "
    "Separate the rows of a patch from the columns first, then permute.",
)
def _pieces_of_rows(images, weight, bias, patch_size):
    b, k = images.shape[:2]
    return images.reshape(b, -1, k * patch_size**2) @ weight.T + bias


_PATCHES.wrong_lines(
    "down before across",
    """
    - cut = cut.permute(0, 2, 4, 1, 3, 5)
    + cut = cut.permute(0, 4, 2, 1, 3, 5)
    """,
    hint="your patches run from top to bottom and then to the right. Reading order goes along a row of patches first.",
)

_PATCHES.wrong_lines(
    "columns within a patch",
    """
    - cut = cut.permute(0, 2, 4, 1, 3, 5)
    + cut = cut.permute(0, 2, 4, 1, 5, 3)
    """,
    hint="within a patch you flatten column by column. The weight expects the first row of the patch first.",
)

_PATCHES.wrong_lines(
    "channels last",
    """
    - cut = cut.permute(0, 2, 4, 1, 3, 5)
    + cut = cut.permute(0, 2, 4, 3, 5, 1)
    """,
    hint="with more than one channel the numbers of a patch are in the wrong order: the K numbers of a pixel must not "
    "be neighbors. Which dimension has to come before the rows and columns of the patch?",
)

_PATCHES.wrong_lines(
    "without bias",
    """
    - b, k, h, w = images.shape
    + bias = torch.zeros_like(bias)
    + b, k, h, w = images.shape
    """,
    hint="each of your tokens differs from the right one by the same vector. What is added after the product?",
)


@_PATCHES.mistake(
    hint="your patches overlap. By how many pixels does the square have to move from one patch to the next?"
)
def _overlapping(images, weight, bias, patch_size):
    k, p = images.shape[1], patch_size
    convolved = F.conv2d(images, weight.reshape(-1, k, p, p), bias)
    return convolved.flatten(2).transpose(1, 2)


@_PATCHES.mistake(
    hint="your numbers are those of the tokens, but their shape is (B, C, rows, columns). A sequence needs (B, P, C)."
)
def _still_an_image(images, weight, bias, patch_size):
    k, p = images.shape[1], patch_size
    return F.conv2d(images, weight.reshape(-1, k, p, p), bias, stride=p)


_PATCHES.wrong_lines(
    "without a gradient",
    """
    - return cut.reshape(b, -1, k * p * p) @ weight.T + bias
    + return (cut.reshape(b, -1, k * p * p) @ weight.T + bias).detach()
    """,
    hint="your tokens are right, but they have no gradient, so the weight cannot be trained. Which operation cuts them "
    "off from the graph (detach, item, numpy, torch.tensor, no_grad)?",
)


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
    hint="your image has too many tokens: you divided its pixels by the side of a patch. How many pixels has a patch?"
)
def _divided_by_the_side(height, width, patch_size, n_text):
    n_image = height * width // patch_size
    n = n_image + n_text
    return n, n * (n + 1) // 2 + n_image * (n_image - 1) // 2


@_COUNT.mistake(hint="your pairs are those of the causal mask. To which later tokens may a patch attend?")
def _causal_pairs(height, width, patch_size, n_text):
    n_image = (height // patch_size) * (width // patch_size)
    n = n_image + n_text
    return n, n * (n + 1) // 2


@_COUNT.mistake(hint="you counted every pair. Which of them does the mask remove from the rows of the text?")
def _all_pairs(height, width, patch_size, n_text):
    n_image = (height // patch_size) * (width // patch_size)
    n = n_image + n_text
    return n, n * n


@_COUNT.mistake(
    hint="you counted the pairs within the image and within the text. Which pairs connect the text with the image?"
)
def _without_the_text_to_image_pairs(height, width, patch_size, n_text):
    n_image = (height // patch_size) * (width // patch_size)
    n = n_image + n_text
    return n, n_image**2 + n_text * (n_text + 1) // 2


@_COUNT.mistake(hint="exactly one pair for each token is missing. May a token attend to itself?")
def _without_itself(height, width, patch_size, n_text):
    n_image = (height // patch_size) * (width // patch_size)
    n = n_image + n_text
    return n, n * (n - 1) // 2 + n_image * (n_image - 1) // 2


@_COUNT.mistake(hint="both numbers are right, in the wrong order. The length of the sequence comes first.")
def _in_the_other_order(height, width, patch_size, n_text):
    n_image = (height // patch_size) * (width // patch_size)
    n = n_image + n_text
    return n * (n + 1) // 2 + n_image * (n_image - 1) // 2, n


# 15.2


def _prefix_mask(n_image, n_text):
    """Return the mask of a sequence of `n_image` image tokens followed by `n_text` text tokens.

    It has the dtype bool and the shape (n, n) with n = n_image + n_text. Entry (i, j) is True if
    query i may attend to key j. Image tokens attend to all image tokens. Text tokens attend to all
    image tokens, to themselves and to earlier text tokens. `n_image` may be 0.
    """
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[:n_image, :n_image] = True
    return mask


def _image(arguments: tuple[int, int], mask: Tensor) -> Tensor:
    return mask[: arguments[0]]


def _text(arguments: tuple[int, int], mask: Tensor) -> Tensor:
    return mask[arguments[0] :]


_PREFIX = Exercise(
    number="15.2",
    name="prefix_mask",
    title="the prefix mask",
    solution=_prefix_mask,
    cases=lambda rng: [
        Case((p, t), f"n_image = {p}, n_text = {t}")
        for p, t in ((1, 1), (2, 2), (0, 3), (rng.randint(3, 6), rng.randint(2, 4)), (4, rng.randint(5, 8)))
    ],
    properties=(
        (
            "image tokens must be allowed to attend to all image tokens",
            lambda arguments, mask: bool(_image(arguments, mask)[:, : arguments[0]].all()),
        ),
        (
            "no image token may attend to the text",
            lambda arguments, mask: not _image(arguments, mask)[:, arguments[0] :].any(),
        ),
        (
            "text tokens must be allowed to attend to all image tokens",
            lambda arguments, mask: bool(_text(arguments, mask)[:, : arguments[0]].all()),
        ),
        (
            "within the text the mask must be causal",
            lambda arguments, mask: torch.equal(
                _text(arguments, mask)[:, arguments[0] :],
                torch.ones(arguments[1], arguments[1], dtype=torch.bool).tril(),
            ),
        ),
    ),
)


@_PREFIX.mistake(
    hint="your mask is causal everywhere. Is anything in the image predicted, so that a later patch could leak it?"
)
def _causal_image(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    return mask


@_PREFIX.mistake(
    hint="your text rows are True for later text tokens, which contain the targets. Which part of the mask stays "
    "causal?",
)
def _everything(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool)
    mask[:n_image, :n_image] = True
    return mask


@_PREFIX.mistake(
    hint="your image tokens attend to the text. With two layers, a letter then reads later letters through a patch."
)
def _image_attends_to_text(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[:n_image] = True
    return mask


@_PREFIX.mistake(
    hint="your text tokens attend to text only, so the text cannot depend on the image. Which block is False?"
)
def _text_without_the_image(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[:n_image, :n_image] = True
    mask[n_image:, :n_image] = False
    return mask


@_PREFIX.mistake(hint="the block of the image is one row and column too large: it includes the first text token.")
def _one_too_many(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[: n_image + 1, : n_image + 1] = True
    return mask


@_PREFIX.mistake(
    hint="the block of the image is one row and column too small. In Python, what is the last row of `mask[:n]`?"
)
def _one_too_few(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    last = max(n_image - 1, 0)
    mask[:last, :last] = True
    return mask


@_PREFIX.mistake(hint="the pattern is right, but the entries are floats. Which dtype holds True and False?")
def _ones_and_zeros(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text).tril()
    mask[:n_image, :n_image] = True
    return mask


@_PREFIX.mistake(hint="your True and False are exchanged: your mask is True exactly where attention is not allowed.")
def _true_where_masked(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[:n_image, :n_image] = True
    return ~mask


# 15.4


def _text_loss(logits, ids, n_image):
    """Return the mean cross-entropy of the text, in nats per predicted token, as a scalar tensor.

    `logits` has the shape (B, n_image + T, V): one row for each position of the sequence of
    `n_image` image tokens and T text tokens. `ids` has the shape (B, T) with T >= 2. The first text
    token is given. Each text position except the last predicts the next text token, and image
    positions predict nothing. The logits may be large, such as 100. The loss has their dtype and
    a gradient with respect to them.
    """
    predictions = logits[:, n_image:-1]  # (B, T - 1, V)
    targets = ids[:, 1:]  # (B, T - 1)
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())


def _loss_cases(rng: random.Random) -> list[Case]:
    shapes = [(1, 2, 2, 3), (1, 1, 3, 4), (2, 4, 5, 6), (3, 2, 4, 5), (2, rng.randint(5, 9), rng.randint(3, 6), 7)]
    cases = [
        Case(_loss_arguments(rng, *shape), f"B = {shape[0]}, n_image = {shape[1]}, T = {shape[2]}") for shape in shapes
    ]
    logits, ids, p = _loss_arguments(rng, 2, 3, 4, 5)
    logits = logits + 100
    logits[0, p, ids[0, 1]] -= 300
    large = Case((logits, ids, p), "logits from -200 to 100")
    return [*cases, Case(_loss_arguments(rng, 2, 3, 4, 5, torch.float64), "float64 logits"), large]


def _loss_arguments(rng: random.Random, b: int, p: int, t: int, v: int, dtype: torch.dtype = torch.float32) -> tuple:
    ids = torch.tensor([[rng.randrange(v) for _ in range(t)] for _ in range(b)])
    return 2 * normal(rng, b, p + t, v, dtype=dtype), ids, p


_LOSS = Exercise(
    number="15.4",
    name="text_loss",
    title="a loss that skips the image",
    solution=_text_loss,
    cases=_loss_cases,
    properties=(("the loss must be finite and at least 0", lambda arguments, result: bool(0 <= result < math.inf)),),
    differentiable=("logits",),
)


@_LOSS.mistake(
    hint="you compare each position with its own input token. Which token does position t of the text predict?"
)
def _not_shifted(logits, ids, n_image):
    predictions = logits[:, n_image:]
    targets = ids
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())


@_LOSS.mistake(
    hint="your last patch makes a prediction. The first text token is given, and it predicts the second: where does "
    "your first row of logits belong?",
)
def _from_the_last_patch(logits, ids, n_image):
    predictions = logits[:, n_image - 1 : -1]
    targets = ids
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())


@_LOSS.mistake(
    hint="your rows of logits begin one position too early, at the last patch. Which token precedes the first letter?"
)
def _one_position_too_early(logits, ids, n_image):
    predictions = logits[:, n_image - 1 : -2]
    targets = ids[:, 1:]
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())


@_LOSS.mistake(
    hint="you took the first T - 1 positions of the logits, which belong to the image. Where does the text begin?"
)
def _first_positions(logits, ids, n_image):
    predictions = logits[:, : ids.shape[1] - 1]
    targets = ids[:, 1:]
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())


@_LOSS.mistake(
    hint="you shifted in the wrong direction: position t is compared with text token t - 1, which it has already read."
)
def _shifted_backwards(logits, ids, n_image):
    predictions = logits[:, n_image + 1 :]
    targets = ids[:, :-1]
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())


@_LOSS.mistake(
    hint="your mean divides by all positions, the image included. How many predictions does the sum contain?"
)
def _mean_over_all_positions(logits, ids, n_image):
    predictions = logits[:, n_image:-1]
    targets = ids[:, 1:]
    nats = F.cross_entropy(predictions.flatten(0, 1), targets.flatten(), reduction="sum")
    return nats / (logits.shape[0] * logits.shape[1])


@_LOSS.mistake(hint="your loss is a sum over the predictions. The task asks for their mean.")
def _summed(logits, ids, n_image):
    predictions = logits[:, n_image:-1]
    targets = ids[:, 1:]
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten(), reduction="sum")


@_LOSS.mistake(
    hint="your loss contains terms for the image positions. They predict nothing, so they have no target, not even 0."
)
def _image_predicts_zero(logits, ids, n_image):
    predictions = logits[:, :-1]
    targets = torch.cat([ids.new_zeros(ids.shape[0], n_image), ids[:, 1:]], dim=1)
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())


@_LOSS.mistake(
    hint="the number is right, but it has no gradient, so training cannot lower it. Which operation cuts `logits` off "
    "from the graph (detach, item, torch.tensor, no_grad)?",
)
def _loss_without_a_gradient(logits, ids, n_image):
    predictions = logits[:, n_image:-1].detach()
    targets = ids[:, 1:]
    return F.cross_entropy(predictions.flatten(0, 1), targets.flatten())
