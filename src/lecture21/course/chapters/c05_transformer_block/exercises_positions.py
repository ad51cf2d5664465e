"""Exercise of chapter 05: sinusoidal positions."""

import math
import random

import torch

from lecture21.course.exercises.exercise import Case, Exercise


def _sinusoidal(n_position, d_model):
    """Return the sinusoidal position vectors, a float32 tensor of shape (n_position, d_model).

    Pair i of position t has the angle t / 10000 ** (2 * i / d_model), where t and i count from 0:
    feature 2i is the sine of the angle and feature 2i + 1 its cosine. `d_model`, or C, is even.
    """
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def _position_cases(rng: random.Random) -> list[Case]:
    n, half = rng.randint(5, 9), rng.randint(3, 6)
    return [
        Case((1, 2), "one position, d_model = 2"),
        Case((3, 4), "3 positions, d_model = 4"),
        Case((n, 2 * half), f"{n} positions, d_model = {2 * half}"),
    ]


_POSITIONS = Exercise(
    number="5.3",
    name="sinusoidal",
    title="sinusoidal positions",
    solution=_sinusoidal,
    cases=_position_cases,
    properties=(
        (
            "position 0 must be 0, 1, 0, 1, ...: the sine and the cosine of the angle 0",
            lambda arguments, table: torch.equal(table[0], torch.tensor([0.0, 1.0]).repeat(arguments[1] // 2)),
        ),
        (
            "position 1 must start with sin(1) and cos(1)",
            lambda arguments, table: len(table) < 2 or abs(table[1, 0].item() - math.sin(1)) < 1e-3,
        ),
    ),
)


@_POSITIONS.mistake(
    hint="your sines fill the first half of the features and your cosines the second. In this task they alternate."
)
def _halves(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


@_POSITIONS.mistake(
    hint="features 0 and 1 are right, but later pairs turn too fast. Is your exponent 2i / d_model or i / d_model?"
)
def _half_the_exponent(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(d_model // 2) / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


@_POSITIONS.mistake(hint="sine and cosine are swapped. Which of the two belongs to the even features?")
def _swapped(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(1)


@_POSITIONS.mistake(hint="your first row belongs to position 1. The positions count from 0.")
def _from_one(n_position, d_model):
    position = torch.arange(1, n_position + 1)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


@_POSITIONS.mistake(
    hint="the sine and cosine of one pair have different angles in your table. Both need the angle of pair i."
)
def _an_angle_for_each_feature(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(d_model) / d_model)
    return torch.stack([angle[:, ::2].sin(), angle[:, 1::2].cos()], dim=-1).flatten(1)


@_POSITIONS.mistake(
    hint="you take the number of the column for that of the pair. Features 2i and 2i + 1 share the angle of pair i: "
    "which pair does column 3 belong to?",
)
def _columns_for_pairs(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (2 * torch.arange(d_model) / d_model)
    return torch.stack([angle[:, ::2].sin(), angle[:, 1::2].cos()], dim=-1).flatten(1)
