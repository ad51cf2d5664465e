"""Exercise of chapter 10: RMSNorm."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 10.3


def _rms_norm(x, gain):
    """Return RMSNorm of `x`, a tensor of shape (T, C), computed for each token separately.

    Divide each token by sqrt(m + 1e-5), where m is the mean of its squared features, and multiply
    by `gain` of shape (C,). No mean is subtracted, and there is no bias.
    """
    return x / (x.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * gain


def _rms_cases(rng: random.Random) -> list[Case]:
    t, c = rng.randint(3, 5), rng.randint(4, 8)
    padded = normal(rng, 3, c)
    padded[1] = 0.0
    return [
        Case((normal(rng, 1, 2), torch.ones(2)), "T = 1, C = 2"),
        Case((3 * normal(rng, t, c) + 5, torch.ones(c)), f"shape ({t}, {c}), mean near 5"),
        Case((normal(rng, t, t), normal(rng, t)), f"shape ({t}, {t}), random gain"),
        Case((padded, normal(rng, c)), "a token whose features are all 0"),
        Case((1e-3 * normal(rng, t, c), torch.ones(c)), "features near 0.001"),
    ]


_RMS = Exercise(
    number="10.3",
    name="rms_norm",
    title="RMSNorm",
    solution=_rms_norm,
    cases=_rms_cases,
    properties=(
        ("no entry may be NaN", lambda arguments, result: not result.isnan().any()),
        (
            "the features must be multiplied by `gain`",
            lambda arguments, result: (
                bool((arguments[1] == 1).all())
                or not torch.allclose(result, _rms_norm(arguments[0], torch.ones_like(arguments[1])), atol=1e-5)
            ),
        ),
        (
            "with a gain of 1, the mean of the squared features must become 1. Is a square root missing?",
            lambda arguments, result: torch.allclose(
                (result / arguments[1]).square().mean(dim=-1), torch.ones(len(result)), atol=1e-2
            ),
        ),
    ),
)


@_RMS.mistake(
    looks="This is LayerNorm without a bias. Training works, but weights trained with RMSNorm give wrong logits.",
    hint="you subtract the mean, which is LayerNorm. RMSNorm only rescales.",
)
def _subtracts_the_mean(x, gain):
    x = x - x.mean(dim=-1, keepdim=True)
    return x / (x.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * gain


@_RMS.mistake(
    looks="Each token has length 1 instead of sqrt(C), so the layer receives inputs that are too small.",
    hint="your tokens have length 1. Does the M in RMS mean a sum?",
)
def _unit_length(x, gain):
    return x / (x.square().sum(dim=-1, keepdim=True) + 1e-5).sqrt() * gain


@_RMS.mistake(
    looks="The result is right on random numbers, but a token of zeros becomes NaN, and then so does the loss.",
    hint="a token of zeros becomes 0 / 0. What does the task add to the mean of the squares?",
)
def _without_epsilon(x, gain):
    return x / x.square().mean(dim=-1, keepdim=True).sqrt() * gain


@_RMS.mistake(
    looks="The scale of each token depends on all others, including later ones.",
    hint="you compute a single root mean square over all tokens. Each token needs its own.",
)
def _over_everything(x, gain):
    return x / (x.square().mean() + 1e-5).sqrt() * gain


@_RMS.mistake(
    looks="The result is right for features near 1, but tokens with small features become too large.",
    hint="you add 1e-5 to the root. The task adds it to the mean, before the root is taken.",
)
def _epsilon_outside(x, gain):
    return x / (x.square().mean(dim=-1, keepdim=True).sqrt() + 1e-5) * gain


@_RMS.mistake(
    looks="Tokens whose features have a mean far from 0 become much too large.",
    hint="you divide by the standard deviation, in which the mean is subtracted. RMSNorm uses the squared features.",
)
def _standard_deviation(x, gain):
    return x / (x.var(dim=-1, unbiased=False, keepdim=True) + 1e-5).sqrt() * gain
