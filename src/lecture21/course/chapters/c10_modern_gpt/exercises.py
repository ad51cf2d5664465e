"""Exercises 10.1 to 10.3: rotary positions, one Newton-Schulz iteration, and RMSNorm."""

import random

import torch

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 10.1


def _rotary(x, start=0):
    """Return `x` of shape (T, D) with each row rotated according to its position.

    Row t has position p = start + t, and D is even. Features i and i + D/2 are the two coordinates
    of plane i, which is rotated by the angle p / 10000 ** (2 * i / D), from the first coordinate
    toward the second. The result has the dtype of `x`, and a gradient with respect to it.
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
    differentiable=("x",),
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

_ROTARY.wrong_lines(
    "no minus",
    """
    - return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    + return torch.cat([first * cos + second * sin, first * sin + second * cos], dim=-1)
    """,
    hint="the lengths of your rows change, so this is not a rotation. Which of the four products has a minus sign?",
)

_ROTARY.wrong_lines(
    "backwards",
    """
    - return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    + return torch.cat([first * cos + second * sin, second * cos - first * sin], dim=-1)
    """,
    hint="you rotate in the opposite direction. A rotation by 90 degrees must map the first coordinate to the second.",
)

_ROTARY.wrong_lines(
    "ignores start",
    """
    - position = torch.arange(start, start + n_token)[:, None]
    + position = torch.arange(n_token)[:, None]
    """,
    hint="your positions always count from 0. Where does `start` enter?",
)

_ROTARY.wrong_lines(
    "neighbors",
    """
    - first, second = x.chunk(2, dim=-1)
    + first, second = x[:, 0::2], x[:, 1::2]
    - return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    + return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(1)
    """,
    hint="you pair neighboring features. Here plane i consists of the features i and i + D/2.",
)

_ROTARY.wrong_lines(
    "half the exponent",
    """
    - angle = position / 10000 ** (torch.arange(0, width, 2) / width)
    + angle = position / 10000 ** (torch.arange(width // 2) / width)
    """,
    hint="plane 0 is right, but the others rotate too fast. Is your exponent 2i / D or i / D?",
)

_ROTARY.wrong_lines(
    "interleaved",
    """
    - return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
    + return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(1)
    """,
    hint="your rotation is right, and the order of the features is not. Which features of the result form plane 0?",
)


# 10.2


def _newton_schulz(x):
    """Return a x + b (x x^T) x + c (x x^T)^2 x with a = 3.4445, b = -4.7750, c = 2.0315.

    `x` is a matrix of shape (R, C), and the products are matrix products. This maps each singular
    value s of `x` to a s + b s^3 + c s^5, and leaves the singular vectors unchanged. Do not
    divide by the norm here: Muon does that once, before the first iteration.
    """
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x


def _matrix_cases(rng: random.Random) -> list[Case]:
    def case(rows: int, columns: int) -> Case:
        x = normal(rng, rows, columns)
        return Case((rng.uniform(0.4, 0.8) * x / x.norm(),), f"shape ({rows}, {columns})")

    r = rng.randint(3, 5)
    wider = r + rng.randint(1, 3)
    return [case(1, 2), case(2, 2), case(r, r), case(r, wider), case(wider, r)]


_NEWTON = Exercise(
    number="10.2",
    name="newton_schulz",
    title="one Newton-Schulz iteration",
    solution=_newton_schulz,
    cases=_matrix_cases,
)


@_NEWTON.mistake(hint="you take powers of the entries. The formula multiplies matrices: which operator does that?")
def _entrywise(x):
    return 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5


@_NEWTON.mistake(
    hint="your last term contains x x^T once. How often must it occur for the fifth power of a singular value?"
)
def _cubic_twice(x):
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ x


@_NEWTON.mistake(hint="all your terms increase the singular values. What is the sign of b?")
def _all_positive(x):
    gram = x @ x.T
    return 3.4445 * x + 4.7750 * gram @ x + 2.0315 * gram @ gram @ x


@_NEWTON.mistake(hint="small singular values shrink to 0. Which term of the polynomial is large for a small s?")
def _no_linear_term(x):
    gram = x @ x.T
    return -4.7750 * gram @ x + 2.0315 * gram @ gram @ x


@_NEWTON.mistake(
    hint="you divide by the norm in each iteration. That happens once, before the first, and not in this function."
)
def _divides_by_the_norm(x):
    x = x / x.norm()
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram @ gram @ x


@_NEWTON.mistake(hint="in your last term the entries of x x^T are squared. The formula has the square of the matrix.")
def _squared_entries(x):
    gram = x @ x.T
    return 3.4445 * x - 4.7750 * gram @ x + 2.0315 * gram**2 @ x


# 10.3


def _rms_norm(x, gain):
    """Return RMSNorm of `x`, a tensor of shape (T, C), computed for each token separately.

    Divide each token by sqrt(m + 1e-5), where m is the mean of its squared features, and multiply
    by `gain` of shape (C,). No mean is subtracted, and there is no bias. The result passes
    gradients back to `x` and `gain`.
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


def _mean_after(x: torch.Tensor) -> torch.Tensor:
    """Return the mean of the squared features of each token after RMSNorm with a gain of 1."""
    mean = x.square().mean(dim=-1)
    return mean / (mean + 1e-5)


_RMS = Exercise(
    number="10.3",
    name="rms_norm",
    title="RMSNorm",
    solution=_rms_norm,
    differentiable=("x", "gain"),
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
            "with a gain of 1, the mean m of the squared features must become 1, or m / (m + 1e-5) for a small m. Is a "
            "square root missing?",
            lambda arguments, result: torch.allclose(
                (result / arguments[1]).square().mean(dim=-1), _mean_after(arguments[0]), atol=1e-2
            ),
        ),
    ),
)


@_RMS.mistake(hint="you subtract the mean, which is LayerNorm. RMSNorm only rescales.")
def _subtracts_the_mean(x, gain):
    x = x - x.mean(dim=-1, keepdim=True)
    return x / (x.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * gain


@_RMS.mistake(hint="your tokens have length 1. Does the M in RMS mean a sum?")
def _unit_length(x, gain):
    return x / (x.square().sum(dim=-1, keepdim=True) + 1e-5).sqrt() * gain


@_RMS.mistake(hint="a token of zeros becomes 0 / 0. What does the task add to the mean of the squares?")
def _without_epsilon(x, gain):
    return x / x.square().mean(dim=-1, keepdim=True).sqrt() * gain


@_RMS.mistake(hint="you compute a single root mean square over all tokens. Each token needs its own.")
def _over_everything(x, gain):
    return x / (x.square().mean() + 1e-5).sqrt() * gain


@_RMS.mistake(hint="you add 1e-5 to the root. The task adds it to the mean, before the root is taken.")
def _epsilon_outside(x, gain):
    return x / (x.square().mean(dim=-1, keepdim=True).sqrt() + 1e-5) * gain


@_RMS.mistake(
    hint="you divide by the standard deviation, in which the mean is subtracted. RMSNorm uses the squared features."
)
def _standard_deviation(x, gain):
    return x / (x.var(dim=-1, unbiased=False, keepdim=True) + 1e-5).sqrt() * gain
