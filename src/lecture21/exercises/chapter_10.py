"""Exercise of chapter 10: rotary positions."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 10.1


def _rotary(x, start=0):
    """Return `x` of shape (T, D) with each row rotated according to its position.

    Row t has position p = start + t, and D is even. Features i and i + D/2 are the two coordinates
    of plane i, which is rotated by the angle p / 10000 ** (2 * i / D), from the first coordinate
    toward the second. The result has the dtype of `x`.
    """
    n_token, width = x.shape
    position = torch.arange(start, start + n_token)[:, None]
    angle = position / 10000 ** (torch.arange(0, width, 2) / width)  # (T, D/2)
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def _rotary_cases(rng: random.Random) -> list[Case]:
    t, half = rng.randint(3, 6), rng.randint(2, 4)
    return [
        Case((normal(rng, 1, 2), 1), "one token at position 1, D = 2"),
        Case((normal(rng, 3, 4), 0), "T = 3, D = 4"),
        Case((normal(rng, t, 2 * half), rng.randint(2, 9)), f"T = {t}, D = {2 * half}, a later start"),
    ]


_ROTARY = Exercise(
    number="10.1",
    name="rotary",
    title="rotary positions",
    solution=_rotary,
    cases=_rotary_cases,
    properties=(
        (
            "a rotation must leave the length of each row unchanged",
            lambda arguments, result: torch.allclose(result.norm(dim=-1), arguments[0].norm(dim=-1), atol=1e-4),
        ),
        (
            "your positions are too large by one, and position 0 must not be rotated",
            lambda arguments, result: not torch.allclose(result, _rotary(arguments[0], arguments[1] + 1), atol=1e-5),
        ),
        (
            "position 0 must not be rotated",
            lambda arguments, result: arguments[1] > 0 or torch.allclose(result[0], arguments[0][0], atol=1e-5),
        ),
    ),
)


@_ROTARY.mistake(
    looks="The lengths of the rows change with their positions, so the scores have the wrong size.",
    hint="the lengths of your rows change, so this is not a rotation. Which of the four products has a minus sign?",
)
def _no_minus(x, start=0):
    n_token, width = x.shape
    position = torch.arange(start, start + n_token)[:, None]
    angle = position / 10000 ** (torch.arange(0, width, 2) / width)
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos + second * sin, first * sin + second * cos], dim=-1)


@_ROTARY.mistake(
    looks="Scores depend on the distance only, but weights trained with the usual direction give wrong scores.",
    hint="you rotate in the opposite direction. A rotation by 90 degrees must map the first coordinate to the second.",
)
def _backwards(x, start=0):
    n_token, width = x.shape
    position = torch.arange(start, start + n_token)[:, None]
    angle = position / 10000 ** (torch.arange(0, width, 2) / width)
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos + second * sin, second * cos - first * sin], dim=-1)


@_ROTARY.mistake(
    looks="Training works, but with a cache every new token is rotated as if it were the first of the text.",
    hint="your positions always count from 0. Where does `start` enter?",
)
def _ignores_start(x, start=0):
    n_token, width = x.shape
    position = torch.arange(n_token)[:, None]
    angle = position / 10000 ** (torch.arange(0, width, 2) / width)
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


@_ROTARY.mistake(
    looks="Neighboring features are paired, as in the original paper, so weights of Llama give wrong scores.",
    hint="you pair neighboring features. Here plane i consists of the features i and i + D/2.",
)
def _neighbors(x, start=0):
    n_token, width = x.shape
    position = torch.arange(start, start + n_token)[:, None]
    angle = position / 10000 ** (torch.arange(0, width, 2) / width)
    first, second = x[:, 0::2], x[:, 1::2]
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(1)


@_ROTARY.mistake(
    looks="All planes except the first rotate too fast, so distant positions are hard to distinguish.",
    hint="plane 0 is right, but the others rotate too fast. Is your exponent 2i / D or i / D?",
)
def _half_the_exponent(x, start=0):
    n_token, width = x.shape
    position = torch.arange(start, start + n_token)[:, None]
    angle = position / 10000 ** (torch.arange(width // 2) / width)
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


@_ROTARY.mistake(
    looks="The rotation is right, but the order of the features changes, so weights of Llama give wrong scores.",
    hint="your rotation is right, and the order of the features is not. Which features of the result form plane 0?",
)
def _interleaved(x, start=0):
    n_token, width = x.shape
    position = torch.arange(start, start + n_token)[:, None]
    angle = position / 10000 ** (torch.arange(0, width, 2) / width)
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(1)
