"""Exercises of chapter 05: LayerNorm, and what many layers leave of the embedding."""

import random
from functools import partial

import torch
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 5.1


def _layer_norm(x, gain, bias):
    """Apply LayerNorm to `x`, a tensor of shape (T, C), normalizing each token separately.

    Subtract the mean of the token's C features and divide by sqrt(variance + 1e-5), where the
    variance is the mean of the squared deviations. Then multiply by `gain` and add `bias`, both
    of shape (C,). The result has their dtype and passes gradients back to all three.
    """
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


def _norm_cases(rng: random.Random) -> list[Case]:
    t, c = rng.randint(3, 5), rng.randint(4, 8)
    double = partial(normal, rng, dtype=torch.float64)  # exact gradients where the variance is small
    constant = double(3, c)
    constant[1] = 2.0
    one, zero = torch.ones(c), torch.zeros(c)
    return [
        Case((normal(rng, 1, 3), torch.ones(3), torch.zeros(3)), "T = 1, C = 3"),  # C - 1 is not 1
        Case((3 * normal(rng, c, c) + 5, one, zero), f"shape ({c}, {c}), mean near 5"),  # where a lost dimension fits
        Case((0.003 * double(t, c), one.double(), zero.double()), "float64, variances near 1e-5"),
        Case((normal(rng, t, c), normal(rng, c), normal(rng, c)), f"shape ({t}, {c}), random gain and bias"),
        Case((constant, double(c), double(c)), "a token whose features are all equal"),
        Case((double(t, c) + 1000, double(c), double(c)), "float64, mean near 1000"),
    ]


def _plain(arguments: tuple[Tensor, ...]) -> bool:
    return bool((arguments[1] == 1).all() and (arguments[2] == 0).all())


def _share(x: Tensor) -> Tensor:
    """Return the part of each token's variance in variance + 1e-5: the mean square after LayerNorm."""
    variance = x.var(dim=-1, correction=0)
    return variance / (variance + 1e-5)


def _normalized(arguments: tuple[Tensor, ...], result: Tensor) -> Tensor:
    return (result - arguments[2]) / arguments[1]


def _divides_by_an_unbiased_deviation(arguments: tuple[Tensor, ...], result: Tensor) -> bool:
    """Return whether a result is that of torch's std(), with or without 1e-5 added to it."""
    x, gain, bias = arguments
    deviation = x - x.mean(dim=-1, keepdim=True)
    divisors = (x.std(dim=-1, keepdim=True) + epsilon for epsilon in (0, 1e-5))
    return any(torch.allclose(result, deviation / divisor * gain + bias, rtol=1e-5) for divisor in divisors)


def _takes_the_statistics_of_another_token(arguments: tuple[Tensor, ...], result: Tensor) -> bool:
    """Return whether means, variances or both, of shape (T,), were lined up with the features of as many tokens."""
    x, gain, bias = arguments
    if not len(x) == x.shape[1] > 1:
        return False
    right, wrong = x - x.mean(dim=-1, keepdim=True), x - x.mean(dim=-1)
    pairs = [(wrong, True), (wrong, False), (right, False)]
    variances = [(each, each.square().mean(dim=-1, keepdim=keeps)) for each, keeps in pairs]
    return any(torch.allclose(result, each / (v + 1e-5).sqrt() * gain + bias, rtol=1e-3) for each, v in variances)


_LOST = (
    "they have the shape (T,), and broadcasting lines them up with the features. Which argument of mean() keeps the "
    "dimension?"
)

_NORM = Exercise(
    number="5.1",
    name="layer_norm",
    title="LayerNorm",
    solution=_layer_norm,
    cases=_norm_cases,
    differentiable=("x", "gain", "bias"),
    properties=(
        ("no entry may be NaN", lambda arguments, result: not result.isnan().any()),
        (
            f"feature j gets the mean or the variance of token j, not of its own token: {_LOST}",
            lambda arguments, result: not _takes_the_statistics_of_another_token(arguments, result),
        ),
        (
            "with gain 1 and bias 0, each token must have the mean 0",
            lambda arguments, result: not _plain(arguments) or bool((result.mean(dim=-1).abs() < 1e-3).all()),
        ),
        (
            "your standard deviation divides by C - 1, as torch's std() does by default. Here the variance is the mean "
            "of C squares, and 1e-5 is added to it before the root",
            lambda arguments, result: not _divides_by_an_unbiased_deviation(arguments, result),
        ),
        (
            "with gain 1 and bias 0, the mean of each token's squares must be close to 1, or variance / (variance + "
            "1e-5) for a small variance",
            lambda arguments, result: (
                not _plain(arguments) or torch.allclose(result.square().mean(dim=-1), _share(arguments[0]), atol=1e-3)
            ),
        ),
        (
            "subtract `bias` from your result, divide by `gain`, and each token must have the mean 0. Which of the two "
            "do you apply first, and how?",
            lambda arguments, result: bool((_normalized(arguments, result).mean(dim=-1).abs() < 1e-2).all()),
        ),
    ),
)


@_NORM.mistake(
    hint="you normalize each feature over the tokens, so a token depends on the others. Which dimension of x holds the "
    "features of one token?",
)
def _over_tokens(x, gain, bias):
    deviation = x - x.mean(dim=0, keepdim=True)
    variance = deviation.square().mean(dim=0, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(hint="you compute one mean and one variance for all tokens together. Each token needs its own.")
def _over_everything(x, gain, bias):
    deviation = x - x.mean()
    variance = deviation.square().mean()
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(hint=f"look at the shape of your means: {_LOST}")
def _means_without_a_dimension(x, gain, bias):
    deviation = x - x.mean(dim=-1)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(hint=f"look at the shape of your variances: {_LOST}")
def _variances_without_a_dimension(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    hint="your variance divides by C - 1, as torch's var() and std() do by default. Here it is the mean of C squares."
)
def _unbiased(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    hint="if the input is multiplied by 10, your result becomes 10 times smaller, but it should not change. Which "
    "function undoes the squares?",
)
def _divided_by_the_variance(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5) * gain + bias


@_NORM.mistake(hint="a token whose features are all equal becomes 0 / 0. What does the task add to the variance?")
def _without_epsilon(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / variance.sqrt() * gain + bias


@_NORM.mistake(
    hint="you add 1e-5 to the standard deviation. The task adds it to the variance, before the root is taken."
)
def _epsilon_outside(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance.sqrt() + 1e-5) * gain + bias


@_NORM.mistake(hint="your result does not depend on `gain` and `bias`. What does the formula do with them?")
def _without_gain_and_bias(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt()


# 5.2


def _stream(added, kind):
    """Predict how large the stream is after all layers, and how much of it is the embedding.

    The stream begins as the embedding and has size 1. Layer n adds an update at right angles to
    the stream, `added[n]` times as large as what the layer receives. `kind` is

    "none", where a layer receives the stream,
    "pre", where it receives a normalized copy of the stream, of size 1, or
    "post", where it receives the stream, and each sum is then normalized to size 1.

    Return the size of the stream at the end, and the share of its square that is the embedding,
    both as tensors of shape (). `added` has shape (N,).
    """
    squares = added.square()
    square = 1 + squares.sum() if kind == "pre" else (1 + squares).prod()
    size = torch.ones(()) if kind == "post" else square.sqrt()
    return size, 1 / square


def _stream_cases(rng: random.Random) -> list[Case]:
    many = 0.1 + 0.3 * normal(rng, rng.randint(10, 20)).abs()
    return [
        *(Case((torch.tensor([0.75]), kind), f"one update of size 0.75, kind {kind!r}") for kind in _KINDS),
        *(Case((torch.tensor([0.5, 1.0]), kind), f"updates of sizes 0.5 and 1, kind {kind!r}") for kind in _KINDS),
        *(Case((many, kind), f"{len(many)} updates, kind {kind!r}") for kind in _KINDS),
    ]


_ADDED = "you add sizes. Sides of 3 and 4 at right angles make a diagonal of 5, not 7. What is it that you can add?"


def _adds_sizes(arguments, result) -> bool:
    """Return whether a stream has the size of updates in its own direction, whatever the share is."""
    added, kind = arguments
    sizes = (1 + added.sum(), (1 + added).prod())
    return kind != "post" and any(torch.isclose(result[0], size, rtol=1e-4) for size in sizes)


_KINDS = ("pre", "post", "none")
_STREAM = Exercise(
    number="5.2",
    name="stream",
    title="what many layers leave of the embedding",
    solution=_stream,
    cases=_stream_cases,
    returns=("the size", "the share"),
    properties=(
        (
            "with kind 'post', the last norm gives the stream the size 1",
            lambda arguments, result: arguments[1] != "post" or abs(result[0].item() - 1) < 1e-4,
        ),
        (_ADDED, lambda arguments, result: not _adds_sizes(arguments, result)),
        ("the embedding's share is between 0 and 1", lambda arguments, result: 0 < result[1].item() <= 1),
    ),
)

_STREAM.wrong_lines(
    "sizes are added",
    """
    - squares = added.square()
    + squares = added
    - square = 1 + squares.sum() if kind == "pre" else (1 + squares).prod()
    + square = (1 + squares.sum()) ** 2 if kind == "pre" else (1 + squares).prod() ** 2
    """,
    hint=_ADDED,
)

_STREAM.wrong_lines(
    "a sum for every kind",
    """
    - square = 1 + squares.sum() if kind == "pre" else (1 + squares).prod()
    + square = 1 + squares.sum()
    """,
    hint="you add up the updates for every kind. Without a norm, what does the second layer compute from a stream that "
    "the first one has made larger? And what does a norm after the sum do to the embedding inside it?",
)

_STREAM.wrong_lines(
    "a product for every kind",
    """
    - square = 1 + squares.sum() if kind == "pre" else (1 + squares).prod()
    + square = (1 + squares).prod()
    """,
    hint="you multiply for every kind. In a pre-norm block, each layer receives a normalized copy. Does its update "
    "grow with the stream?",
)

_STREAM.wrong_lines(
    "post as pre",
    """
    - square = 1 + squares.sum() if kind == "pre" else (1 + squares).prod()
    + square = (1 + squares).prod() if kind == "none" else 1 + squares.sum()
    """,
    hint="for kind 'post' you add up the updates. Each update meets a stream that the norm before has brought back to "
    "size 1, and each norm shrinks all that is in the sum. What happens to the embedding's share in one such step?",
)

_STREAM.wrong_lines(
    "post grows",
    """
    - size = torch.ones(()) if kind == "post" else square.sqrt()
    + size = square.sqrt()
    """,
    hint="with kind 'post', a norm follows the last sum. Which size does it leave?",
)

_STREAM.wrong_lines(
    "share of the size",
    """
    - return size, 1 / square
    + return size, 1 / square.sqrt()
    """,
    hint="you return the embedding's part of the size. The task asks for its share of the square.",
)

_STREAM.wrong_lines(
    "square for size",
    """
    - size = torch.ones(()) if kind == "post" else square.sqrt()
    + size = torch.ones(()) if kind == "post" else square
    """,
    hint="you return the mean square. The size is its root.",
)

_STREAM.wrong_lines(
    "none as pre",
    """
    - square = 1 + squares.sum() if kind == "pre" else (1 + squares).prod()
    + square = (1 + squares).prod() if kind == "post" else 1 + squares.sum()
    """,
    hint="for kind 'none' you add up the updates. Without a norm, an update grows with the stream that it is computed "
    "from. How large is the second one, if the first has made the stream larger?",
)

_STREAM.wrong_lines(
    "square for every size",
    """
    - size = torch.ones(()) if kind == "post" else square.sqrt()
    + size = square
    """,
    hint="you return its square for the size. And with kind 'post', a norm follows the last sum: which size does it "
    "leave?",
)
