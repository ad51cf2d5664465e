"""Exercise of chapter 16: rotary angles for a text that is longer than those of training."""

import random

import torch

from lecture21.course.exercises.exercise import Case, Exercise

# 16.5


def _angles(n_position, d_head, n_trained):
    """Return the rotary angles of positions 0, ..., n_position - 1, one column for each plane.

    The result is float32 and has the shape (n_position, d_head / 2). Plane i of position t is
    rotated by p / 10000 ** (2 * i / d_head). In a text of at most `n_trained` positions, p is t.
    In a longer text, p is t * n_trained / n_position for all positions.
    """
    position = torch.arange(n_position) * min(1.0, n_trained / n_position)
    return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)


def _angle_cases(rng: random.Random) -> list[Case]:
    sizes = [
        (1, 2, 1),
        (8, 4, 4),
        (rng.randint(5, 9), 6, rng.randint(10, 20)),
        (rng.randint(30, 40), 8, rng.randint(7, 11)),
        (rng.randint(12, 15), 16, rng.randint(8, 11)),
    ]
    return [Case(each, f"n_position = {each[0]}, d_head = {each[1]}, n_trained = {each[2]}") for each in sizes]


_ANGLES = Exercise(
    number="16.5",
    name="angles",
    title="position interpolation",
    solution=_angles,
    cases=_angle_cases,
    properties=(
        ("the angles of position 0 must be 0", lambda arguments, result: bool((result[0] == 0).all())),
        (
            "the angles of plane 0 must remain below n_trained",
            lambda arguments, result: bool((result[:, 0] < arguments[2]).all()),
        ),
    ),
)


@_ANGLES.mistake(
    hint="your angles do not depend on n_trained. What happens to positions in a text that is longer than that?"
)
def _not_scaled(n_position, d_head, n_trained):
    position = torch.arange(n_position)
    return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)


@_ANGLES.mistake(
    hint="you divide by n_trained / n_position, which moves the positions apart. Are they to move closer together?"
)
def _stretched(n_position, d_head, n_trained):
    position = torch.arange(n_position) * max(1.0, n_position / n_trained)
    return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)


@_ANGLES.mistake(hint="you also scale texts that are shorter than n_trained. What is p there?")
def _short_texts_too(n_position, d_head, n_trained):
    position = torch.arange(n_position) * (n_trained / n_position)
    return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)


@_ANGLES.mistake(hint="you cut positions off at n_trained - 1, so later tokens are all at the same place.")
def _cut_off(n_position, d_head, n_trained):
    position = torch.arange(n_position).clamp(max=n_trained - 1)
    return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)


@_ANGLES.mistake(hint="your positions start again at 0 after n_trained tokens. Two tokens then have the same angles.")
def _wrapped(n_position, d_head, n_trained):
    position = torch.arange(n_position) % n_trained
    return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)


@_ANGLES.mistake(hint="you multiply the base 10000, so the first plane keeps its angles. Scale the positions instead.")
def _scales_the_base(n_position, d_head, n_trained):
    position = torch.arange(n_position) * min(1.0, n_trained / n_position)
    base = 10000 * max(1.0, n_position / n_trained)
    return torch.arange(n_position)[:, None] / base ** (torch.arange(0, d_head, 2) / d_head)


@_ANGLES.mistake(hint="the first plane is right. Your exponents are i / d_head; how many planes are there?")
def _half_of_the_exponent(n_position, d_head, n_trained):
    position = torch.arange(n_position) * min(1.0, n_trained / n_position)
    return position[:, None] / 10000 ** (torch.arange(d_head // 2) / d_head)


@_ANGLES.mistake(hint="you map the last position to n_trained - 1. The factor is the ratio of the two lengths.")
def _ends_aligned(n_position, d_head, n_trained):
    position = torch.arange(n_position) * min(1.0, (n_trained - 1) / max(n_position - 1, 1))
    return position[:, None] / 10000 ** (torch.arange(0, d_head, 2) / d_head)
