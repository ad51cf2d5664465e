"""Exercise of chapter 05: LayerNorm."""

import random

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 5.1


def _layer_norm(x, gain, bias):
    """Apply LayerNorm to `x`, a tensor of shape (T, C), normalizing each token separately.

    Subtract the mean of the token's C features and divide by sqrt(variance + 1e-5), where the
    variance is the mean of the squared deviations. Then multiply by `gain` and add `bias`, both
    of shape (C,).
    """
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


def _norm_cases(rng: random.Random) -> list[Case]:
    t, c = rng.randint(3, 5), rng.randint(4, 8)
    constant = normal(rng, 3, c)
    constant[1] = 2.0
    return [
        Case((normal(rng, 1, 2), torch.ones(2), torch.zeros(2)), "T = 1, C = 2"),
        Case((3 * normal(rng, t, c) + 5, torch.ones(c), torch.zeros(c)), f"shape ({t}, {c}), mean near 5"),
        Case((normal(rng, t, t), normal(rng, t), normal(rng, t)), f"shape ({t}, {t}), random gain and bias"),
        Case((constant, normal(rng, c), normal(rng, c)), "a token whose features are all equal"),
        Case((0.003 * normal(rng, t, c), torch.ones(c), torch.zeros(c)), "variances near 1e-5"),
    ]


def _plain(arguments: tuple[Tensor, ...]) -> bool:
    return bool((arguments[1] == 1).all() and (arguments[2] == 0).all())


def _share(x: Tensor) -> Tensor:
    """Return the part of each token's variance in variance + 1e-5: the mean square after LayerNorm."""
    variance = x.var(dim=-1, correction=0)
    return variance / (variance + 1e-5)


def _normalized(arguments: tuple[Tensor, ...], result: Tensor) -> Tensor:
    return (result - arguments[2]) / arguments[1]


_NORM = Exercise(
    number="5.1",
    name="layer_norm",
    title="LayerNorm",
    solution=_layer_norm,
    cases=_norm_cases,
    properties=(
        ("no entry may be NaN", lambda arguments, result: not result.isnan().any()),
        (
            "with gain 1 and bias 0, each token must have the mean 0",
            lambda arguments, result: (
                not _plain(arguments) or torch.allclose(result.mean(dim=-1), torch.zeros(1), atol=1e-3)
            ),
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
            lambda arguments, result: torch.allclose(
                _normalized(arguments, result).mean(dim=-1), torch.zeros(1), atol=1e-2
            ),
        ),
    ),
)


@_NORM.mistake(
    looks="Training works, but evaluation on a single token gives zeros. Each token depends on all others.",
    hint="you normalize each feature over the tokens, so a token depends on the others. Which dimension of x holds the "
    "features of one token?",
)
def _over_tokens(x, gain, bias):
    deviation = x - x.mean(dim=0, keepdim=True)
    variance = deviation.square().mean(dim=0, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    looks="The mean of all numbers is 0, but single tokens are not normalized, and each depends on all others.",
    hint="you compute one mean and one variance for all tokens together. Each token needs its own.",
)
def _over_everything(x, gain, bias):
    deviation = x - x.mean()
    variance = deviation.square().mean()
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    looks="The result is too small by the factor sqrt((C - 1) / C), so weights from another program give other logits.",
    hint="your variance divides by C - 1, as torch's var() and std() do by default. Here it is the mean of C squares.",
)
def _unbiased(x, gain, bias):
    variance = x.var(dim=-1, keepdim=True)
    return (x - x.mean(dim=-1, keepdim=True)) / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    looks="Large inputs become tiny and small ones huge: the scale is inverted instead of removed.",
    hint="if the input is multiplied by 10, your result becomes 10 times smaller, but it should not change. Which "
    "function undoes the squares?",
)
def _divided_by_the_variance(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5) * gain + bias


@_NORM.mistake(
    looks="Correct on random numbers. A token whose features are all equal becomes NaN, and so does the loss.",
    hint="a token whose features are all equal becomes 0 / 0. What does the task add to the variance?",
)
def _without_epsilon(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    return deviation / deviation.square().mean(dim=-1, keepdim=True).sqrt() * gain + bias


@_NORM.mistake(
    looks="Correct for features of ordinary size. Tokens with small features are amplified far too much.",
    hint="you add 1e-5 to the standard deviation. The task adds it to the variance, before the root is taken.",
)
def _epsilon_outside(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    return deviation / (deviation.square().mean(dim=-1, keepdim=True).sqrt() + 1e-5) * gain + bias


@_NORM.mistake(
    looks="Everything trains, but the layer cannot learn another scale or another mean.",
    hint="your result does not depend on `gain` and `bias`. What does the formula do with them?",
)
def _without_gain_and_bias(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt()
