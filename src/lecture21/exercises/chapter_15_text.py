"""Exercises of chapter 15: the mask and the loss of a text after an image."""

import math
import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

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
    looks="The model still reads the image, but its first patch knows nothing of the others.",
    hint="your mask is causal everywhere. Is anything in the image predicted, so that a later patch could leak it?",
)
def _causal_image(n_image, n_text):
    return torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()


@_PREFIX.mistake(
    looks="The training loss falls to almost 0: each letter reads its target one position to the right.",
    hint="your text rows are True for later text tokens, which contain the targets. Which part of the mask stays "
    "causal?",
)
def _everything(n_image, n_text):
    return torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool)


@_PREFIX.mistake(
    looks="The text depends on its own future through the image tokens, in models with two or more layers.",
    hint="your image tokens attend to the text. With two layers, a letter then reads later letters through a patch.",
)
def _image_attends_to_text(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[:n_image] = True
    return mask


@_PREFIX.mistake(
    looks="The model writes names, but the image has no influence on them.",
    hint="your text tokens attend to text only, so the text cannot depend on the image. Which block is False?",
)
def _text_without_the_image(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[:n_image, :n_image] = True
    mask[n_image:, :n_image] = False
    return mask


@_PREFIX.mistake(
    looks="The image tokens also attend to the first text token, a line break. Nothing leaks as long as it is the same "
    "in every text.",
    hint="the block of the image is one row and column too large: it includes the first text token.",
)
def _one_too_many(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    mask[: n_image + 1, : n_image + 1] = True
    return mask


@_PREFIX.mistake(
    looks="The last patch is masked for all other patches. No error is raised.",
    hint="the block of the image is one row and column too small. In Python, what is the last row of `mask[:n]`?",
)
def _one_too_few(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text, dtype=torch.bool).tril()
    last = max(n_image - 1, 0)
    mask[:last, :last] = True
    return mask


@_PREFIX.mistake(
    looks="The table looks right when printed, but `~mask` raises an error, and adding it to the scores masks nothing.",
    hint="the pattern is right, but the entries are floats. Which dtype holds True and False?",
)
def _ones_and_zeros(n_image, n_text):
    mask = torch.ones(n_image + n_text, n_image + n_text).tril()
    mask[:n_image, :n_image] = 1
    return mask


@_PREFIX.mistake(
    looks="True and False are exchanged, as in the mask of `nn.MultiheadAttention`, where True means *is masked*.",
    hint="your True and False are exchanged: your mask is True exactly where attention is not allowed.",
)
def _true_where_masked(n_image, n_text):
    return ~_prefix_mask(n_image, n_text)


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


def _with_gradient(answer: Callable[..., Tensor], logits: Tensor, ids: Tensor, n_image: int):
    """Return the gradient of the loss with respect to the logits, and the loss."""
    given = logits.clone().requires_grad_()
    loss = answer(given, ids, n_image)
    if not (isinstance(loss, Tensor) and loss.requires_grad):
        return torch.zeros_like(logits), loss
    return torch.autograd.grad(loss.sum(), given)[0], loss


_LOSS = Exercise(
    number="15.4",
    name="text_loss",
    title="a loss that skips the image",
    solution=_text_loss,
    cases=_loss_cases,
    properties=(("the loss must be finite and at least 0", lambda arguments, result: bool(0 <= result[1] < math.inf)),),
    call=_with_gradient,
    returns=("its gradient", "the loss"),
)


@_LOSS.mistake(
    looks="The loss falls to almost 0, because each position only has to repeat its own input.",
    hint="you compare each position with its own input token. Which token does position t of the text predict?",
)
def _not_shifted(logits, ids, n_image):
    return F.cross_entropy(logits[:, n_image:].flatten(0, 1), ids.flatten())


@_LOSS.mistake(
    looks="The last patch is trained to predict the first text token, which is given and always the same.",
    hint="your last patch makes a prediction. The first text token is given, and it predicts the second: where does "
    "your first row of logits belong?",
)
def _from_the_last_patch(logits, ids, n_image):
    return F.cross_entropy(logits[:, n_image - 1 : -1].flatten(0, 1), ids.flatten())


@_LOSS.mistake(
    looks="Each position is trained to predict the token after the next, the last patch the first letter.",
    hint="your rows of logits begin one position too early, at the last patch. Which token precedes the first letter?",
)
def _one_position_too_early(logits, ids, n_image):
    return F.cross_entropy(logits[:, n_image - 1 : -2].flatten(0, 1), ids[:, 1:].flatten())


@_LOSS.mistake(
    looks="The loss uses the logits of patches, whose positions come first in the sequence.",
    hint="you took the first T - 1 positions of the logits, which belong to the image. Where does the text begin?",
)
def _first_positions(logits, ids, n_image):
    return F.cross_entropy(logits[:, : ids.shape[1] - 1].flatten(0, 1), ids[:, 1:].flatten())


@_LOSS.mistake(
    looks="Each position is trained to repeat the token before its own. The loss falls, and generated text is wrong.",
    hint="you shifted in the wrong direction: position t is compared with text token t - 1, which it has already read.",
)
def _shifted_backwards(logits, ids, n_image):
    return F.cross_entropy(logits[:, n_image + 1 :].flatten(0, 1), ids[:, :-1].flatten())


@_LOSS.mistake(
    looks="The loss is smaller with more patches, so losses for different patch sizes cannot be compared.",
    hint="your mean divides by all positions, the image included. How many predictions does the sum contain?",
)
def _mean_over_all_positions(logits, ids, n_image):
    nats = F.cross_entropy(logits[:, n_image:-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")
    return nats / (logits.shape[0] * logits.shape[1])


@_LOSS.mistake(
    looks="The loss grows with the length of the text and the batch, and so do the gradients.",
    hint="your loss is a sum over the predictions. The task asks for their mean.",
)
def _summed(logits, ids, n_image):
    return F.cross_entropy(logits[:, n_image:-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="sum")


@_LOSS.mistake(
    looks="The patches are trained to predict token 0, and with 16 patches these terms outweigh those of the letters.",
    hint="your loss contains terms for the image positions. They predict nothing, so they have no target, not even 0.",
)
def _image_predicts_zero(logits, ids, n_image):
    targets = torch.cat([ids.new_zeros(ids.shape[0], n_image), ids[:, 1:]], dim=1)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), targets.flatten())


@_LOSS.mistake(
    looks="The number is right, but training with it changes nothing: it has no gradient.",
    hint="the number is right, but it has no gradient, so training cannot lower it. Which operation cuts `logits` off "
    "from the graph (detach, item, torch.tensor, no_grad)?",
)
def _without_a_gradient(logits, ids, n_image):
    return _text_loss(logits.detach(), ids, n_image)
