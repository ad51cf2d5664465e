"""Exercises of chapter 12: the responsibilities of a mixture, what each loss teaches a member, and the M-step."""

import math
import random
from typing import Any

import torch
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal, rows_sum_to_one

# 12.1


def _responsibilities(log_gate, log_members):
    """Return the responsibilities of M members for N points, a tensor of shape (N, M).

    `log_gate` holds ln g_m(x_n), which is -inf for a weight of 0, and `log_members` holds
    ln P_m(y_n | x_n); both have shape (N, M). Each row of the result sums to 1. A log density may
    be as low as -2000, where exp() is 0. The result has the dtype of the arguments, which must
    not be modified.
    """
    joint = log_gate + log_members
    return (joint - joint.logsumexp(dim=1, keepdim=True)).exp()


def _points(rng: random.Random, n: int, m: int, dtype: torch.dtype = torch.float32) -> tuple:
    return normal(rng, n, m, dtype=dtype).log_softmax(dim=1), normal(rng, n, m, dtype=dtype) - 1


def _responsibility_cases(rng: random.Random) -> list[Case]:
    n, m = rng.randint(5, 7), rng.randint(2, 4)
    gate, members = _points(rng, n, m)

    def far(points: int, by: int) -> torch.Tensor:
        return torch.eye(points)[:, 1:2] * by  # the second point is far away

    closed = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.2, 0.8], [0.3, 0.3, 0.4], [0.1, 0.9, 0.0]]).log()
    double_gate, double_members = _points(rng, 3, 3, torch.float64)
    unused = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.5, 0.5]]).log()
    near = normal(rng, 3, 2) - torch.tensor([[0.0, 1000.0], [0.0, 1.0], [0.0, 1.0]])
    return [
        Case(_points(rng, 1, 2), "one point and two members"),
        Case(_points(rng, 4, 1), "a single member"),
        Case(_points(rng, n, m), f"{n} points and {m} members"),
        Case(_points(rng, 3, 3), "as many points as members"),
        Case((double_gate, double_members), "float64"),
        Case((gate, members - far(n, 1000)), "one point far from all members, and others near"),
        Case((double_gate, double_members - far(3, 2000).double()), "one point far from all members, in float64"),
        Case((gate, members - 1000), "log densities near -1000"),
        Case((double_gate, double_members - 2000), "log densities near -2000 in float64"),
        Case((closed, normal(rng, 4, 3) - 1), "a gate that gives some members the weight 0"),
        Case((unused, near), "a point far from all members but one, whose weight is 0"),
    ]


_RESPONSIBILITIES = Exercise(
    number="12.1",
    name="responsibilities",
    title="responsibilities",
    solution=_responsibilities,
    cases=_responsibility_cases,
    properties=(
        ("no entry may be NaN", lambda arguments, r: not r.isnan().any()),
        ("no entry may be negative", lambda arguments, r: bool((r >= 0).all())),
        ("each row must sum to 1", lambda arguments, r: rows_sum_to_one(r)),
        (
            "a member to which the gate gives the weight 0 must not be responsible for the point",
            lambda arguments, r: not r[arguments[0].isinf()].any(),
        ),
    ),
)


@_RESPONSIBILITIES.mistake(
    hint="exp(-1000) is 0, and 0 / 0 is NaN. `torch.logsumexp` computes the logarithm of the sum without leaving the "
    "logarithms, and so does log_softmax.",
)
def _underflowing(log_gate, log_members):
    joint = (log_gate + log_members).exp()
    return joint / joint.sum(dim=1, keepdim=True)


@_RESPONSIBILITIES.mistake(
    hint="rows do not sum to 1 where all densities are tiny: a small number in the denominator hides 0 / 0. Subtract "
    "logarithms instead of dividing.",
)
def _with_a_small_number(log_gate, log_members):
    joint = (log_gate + log_members).exp()
    return joint / (joint.sum(dim=1, keepdim=True) + 1e-12)


@_RESPONSIBILITIES.mistake(
    hint="the gate does not occur in your result. By Bayes' rule, its weight is the prior of each member."
)
def _without_the_gate(log_gate, log_members):
    joint = log_members
    return (joint - joint.logsumexp(dim=1, keepdim=True)).exp()


@_RESPONSIBILITIES.mistake(
    hint="you return the gate's weights, which do not depend on y. Which member explained y better?"
)
def _only_the_gate(log_gate, log_members):
    joint = log_gate
    return (joint - joint.logsumexp(dim=1, keepdim=True)).exp()


@_RESPONSIBILITIES.mistake(
    hint="your columns sum to 1. The members share each point: over which dimension must the sum run?"
)
def _over_points(log_gate, log_members):
    joint = log_gate + log_members
    return (joint - joint.logsumexp(dim=0, keepdim=True)).exp()


@_RESPONSIBILITIES.mistake(hint="you return the products g_m P_m. Divide each row by its sum, which is P(y | x).")
def _products(log_gate, log_members):
    joint = log_gate + log_members
    return joint.exp()


@_RESPONSIBILITIES.mistake(hint="your result has negative entries: it holds the logarithms of the responsibilities.")
def _logarithms(log_gate, log_members):
    joint = log_gate + log_members
    return joint.log_softmax(dim=1)


@_RESPONSIBILITIES.mistake(
    hint="one point that is far from all members is enough for NaN if another is near. Subtract each row's own "
    "maximum, not that of the tensor.",
)
def _one_maximum(log_gate, log_members):
    joint = log_gate + log_members
    joint = (joint - joint.max()).exp()
    return joint / joint.sum(dim=1, keepdim=True)


@_RESPONSIBILITIES.mistake(
    hint="the responsibilities are right, but you modified an argument. What does `+=` do to a tensor?"
)
def _in_place(log_gate, log_members):
    log_gate += log_members
    joint = log_gate
    return (joint - joint.logsumexp(dim=1, keepdim=True)).exp()


# 12.2


def _competitive_gradient(r, gate, means, sd, y):
    """Return the gradients of ln P(y_n | x_n) with respect to the gate's logits and the means.

    Responsibilities `r`, gate probabilities `gate` and the members' means f_m(x_n) have shape
    (N, M), the standard deviations `sd` of the normal members (M,), and the targets `y` (N,).
    Both results have shape (N, M): row n holds the gradient of ln P at point n.
    """
    return r - gate, r * (y[:, None] - means) / sd**2


def _gradient_cases(rng: random.Random) -> list[Case]:
    def case(n: int, m: int, about: str, dtype: torch.dtype = torch.float32) -> Case:
        gate = normal(rng, n, m, dtype=dtype).softmax(dim=1)
        means, y = normal(rng, n, m, dtype=dtype), normal(rng, n, dtype=dtype)
        sd = normal(rng, m, dtype=dtype).abs() + 0.3
        joint = gate.log() - 0.5 * ((y[:, None] - means) / sd) ** 2 - sd.log()
        return Case((joint.softmax(dim=1), gate, means, sd, y), about)

    n, m = rng.randint(5, 7), rng.randint(2, 4)
    return [
        case(1, 2, "one point and two members"),
        case(n, m, f"{n} points and {m} members"),
        case(3, 3, "as many points as members"),
        case(4, 2, "float64", torch.float64),
    ]


_COMPETITIVE = Exercise(
    number="12.2",
    name="competitive_gradient",
    title="the competitive gradient",
    solution=_competitive_gradient,
    cases=_gradient_cases,
    returns=("the gradient of the logits", "the gradient of the means"),
)


@_COMPETITIVE.mistake(
    hint="the gradient of the logits has the wrong sign. Should a logit increase if its member is more responsible "
    "than the gate expected?",
)
def _gate_minus_r(r, gate, means, sd, y):
    return gate - r, r * (y[:, None] - means) / sd**2


@_COMPETITIVE.mistake(
    hint="the gradient of the means has the wrong sign. The density increases if the mean moves toward y."
)
def _away_from_y(r, gate, means, sd, y):
    return r - gate, r * (means - y[:, None]) / sd**2


@_COMPETITIVE.mistake(
    hint="both signs are wrong: these are the gradients of the loss, -ln P. The task asks for those of ln P."
)
def _of_the_loss(r, gate, means, sd, y):
    return gate - r, r * (means - y[:, None]) / sd**2


@_COMPETITIVE.mistake(hint="you divided by the number of points. The task asks for the gradient of ln P at each point.")
def _divided_by_the_points(r, gate, means, sd, y):
    return (r - gate) / len(y), r * (y[:, None] - means) / sd**2 / len(y)


@_COMPETITIVE.mistake(
    hint="each member learns from every point in full. By what must you multiply the gradient of its own log density?"
)
def _without_r(r, gate, means, sd, y):
    return r - gate, (y[:, None] - means) / sd**2


@_COMPETITIVE.mistake(hint="you multiply by the gate, the weight before y is known. Which weight takes y into account?")
def _gate_for_r(r, gate, means, sd, y):
    return r - gate, gate * (y[:, None] - means) / sd**2


@_COMPETITIVE.mistake(
    hint="you use the residual of the mixture's mean. Under the likelihood, each member has its own residual."
)
def _residual_of_the_mixture(r, gate, means, sd, y):
    return r - gate, r * (y - (gate * means).sum(dim=1))[:, None] / sd**2


@_COMPETITIVE.mistake(
    hint="the standard deviation occurs with the wrong power. The log density is -(y - f)² / (2 sd²) plus a constant."
)
def _divided_by_sd(r, gate, means, sd, y):
    return r - gate, r * (y[:, None] - means) / sd


@_COMPETITIVE.mistake(
    hint="`y` has shape (N,), and (N,) next to (N, M) lines up with the members. Which index gives it shape (N, 1)?"
)
def _broadcast_over_members(r, gate, means, sd, y):
    return r - gate, r * (y - means) / sd**2


# 12.3

EXPERTS, GATE = (1.0, 5.0), (0.6, 0.4)
"""What the experts of exercise 12.3 predict, each with the standard deviation 1, and their weights."""


def _number(value: Any) -> float | None:
    """Return a finite number, given as a number or as a tensor of one element."""
    value = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def _pushes(y: float) -> tuple[list[float], list[float]]:
    """Return how steps of gradient descent move the experts of exercise 12.3: (competitive, cooperative).

    Args:
        y: the target.

    Returns:
        For each loss, minus its derivative with respect to the prediction of each expert.
    """
    log_joint = [math.log(g) - 0.5 * (y - f) ** 2 for g, f in zip(GATE, EXPERTS, strict=True)]
    largest = max(log_joint)
    joint = [math.exp(each - largest) for each in log_joint]
    mean = sum(g * f for g, f in zip(GATE, EXPERTS, strict=True))
    competitive = [each / sum(joint) * (y - f) for each, f in zip(joint, EXPERTS, strict=True)]
    return competitive, [2 * g * (y - mean) for g in GATE]


def _moves_apart(arguments: tuple[Any, ...], value: Any) -> bool:
    return any(one * other < -1e-9 for one, other in zip(*_pushes(_number(value)), strict=True))


def _favors_others(arguments: tuple[Any, ...], value: Any) -> bool:
    competitive, cooperative = ([abs(push) for push in each] for each in _pushes(_number(value)))
    return (competitive[0] - competitive[1]) * (cooperative[0] - cooperative[1]) < -1e-9


_DISAGREEMENT = Exercise(
    number="12.3",
    name="target",
    title="a point on which the losses disagree",
    solution=4.0,
    by_properties=True,
    properties=(
        ("it must be one finite number", lambda arguments, value: _number(value) is not None),
        (
            "the two losses move each expert in the same direction. The competitive loss moves an expert toward y. "
            "Where must the mean of the mixture be for the cooperative loss to move one away from y?",
            _moves_apart,
        ),
        (
            "the losses disagree about a direction, but under both the same expert moves more. Under the cooperative "
            "loss it is always the one with the larger weight. When is it the other one under the competitive loss?",
            _favors_others,
        ),
    ),
    task="The true value y, a number, at which the two losses disagree twice.",
)
_DISAGREEMENT.wrong_value(
    "between the first expert and the mean",
    2.0,
    hint="the cooperative loss moves expert 1 away from y, but expert 1 also moves more under both losses: it has the "
    "larger weight, and it explains y better. Give the other expert a reason to move more.",
)
_DISAGREEMENT.wrong_value(
    "the mean of the mixture",
    2.6,
    hint="here the mean of the mixture is right, so the cooperative loss moves nobody. Go to one side of it.",
)
_DISAGREEMENT.wrong_value(
    "halfway between the experts",
    3.0,
    hint="both experts miss y by 2, so expert 1, with the larger weight, is the more responsible one. Which way must y "
    "go to change that?",
)
_DISAGREEMENT.wrong_value(
    "what expert 2 predicts",
    5.0,
    hint="expert 2 is right already, so the competitive loss does not move it. It should move, and more than expert 1.",
)
_DISAGREEMENT.wrong_value(
    "beyond both experts",
    7.0,
    hint="y is above both experts and above their mean, so both losses move both experts up.",
)
_DISAGREEMENT.wrong_value(
    "below both experts",
    -1.0,
    hint="y is below both experts and below their mean, so both losses move both experts down.",
)


# 12.4


def _m_step(x, y, r):
    """Return slope, offset and standard deviation of one linear expert after an M-step.

    `x`, `y` and `r` have shape (N,): inputs, targets and the expert's responsibilities, which are
    >= 0. The line minimizes the squared error weighted by `r`; the variance is the mean of the
    squared residuals weighted by `r`, without a correction. Return three numbers.
    """
    total = r.sum()
    x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    offset = y_mean - slope * x_mean
    variance = (r * (y - slope * x - offset) ** 2).sum() / total
    return slope.item(), offset.item(), variance.sqrt().item()


def _m_step_cases(rng: random.Random) -> list[Case]:
    def case(n: int, about: str, dtype: torch.dtype = torch.float64, share: float = 1.0) -> Case:
        x = torch.linspace(-1, 2, n, dtype=dtype) + 0.1 * normal(rng, n, dtype=dtype)
        y = 1.5 * x + 0.7 + normal(rng, n, dtype=dtype)
        r = share * torch.linspace(0.1, 1, n, dtype=dtype)[torch.randperm(n, generator=_generator(rng))]
        return Case((x, y, r), about)

    def without_three() -> Case:
        x, y, r = case(rng.randint(8, 10), "").arguments
        r[[0, 3, 5]] = 0
        return Case((x, y, r), "an expert that is not responsible for three of the points")

    x, y, r = (torch.tensor(each).double() for each in ([-1.0, 0, 1], [0.0, 1, 4], [0.5, 1, 0.5]))
    return [
        Case((x, y, r), "the worked example"),
        case(6, "six points"),
        case(rng.randint(7, 12), "more points in float32", torch.float32),
        case(7, "an expert that shares every point", share=0.2),
        without_three(),
        Case((x, 1.2345678e-5 * y, r), "targets near 0"),  # where no digit can be rounded off
    ]


def _generator(rng: random.Random) -> torch.Generator:
    return torch.Generator().manual_seed(rng.getrandbits(60))


_M_STEP = Exercise(
    number="12.4",
    name="m_step",
    title="the M-step of one expert",
    solution=_m_step,
    cases=_m_step_cases,
    returns=("the slope", "the offset", "the standard deviation"),
    in_order=True,
)

_M_STEP.wrong_lines(
    "unweighted",
    """
    - x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    + x_mean, y_mean = x.mean(), y.mean()
    - slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    + slope = ((x - x_mean) * (y - y_mean)).sum() / ((x - x_mean) ** 2).sum()
    - variance = (r * (y - slope * x - offset) ** 2).sum() / total
    + variance = (y - slope * x - offset).square().mean()
    """,
    hint="your line is the same for every `r`. Each point counts as often as the expert is responsible for it.",
)


@_M_STEP.mistake(
    hint="your points are weighted by r squared. `lstsq` squares what you give it, so by what must you multiply the "
    "rows?",
)
def _rows_times_r(x, y, r):
    inputs = torch.stack([x, torch.ones_like(x)], dim=1)
    slope, offset = torch.linalg.lstsq(inputs * r[:, None], (y * r)[:, None]).solution[:, 0]
    variance = (r * (y - slope * x - offset) ** 2).sum() / r.sum()
    return slope.item(), offset.item(), variance.sqrt().item()


_M_STEP.wrong_lines(
    "plain means",
    """
    - x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    + x_mean, y_mean = x.mean(), y.mean()
    """,
    hint="the means of x and y must be weighted too: the line passes through the center of the points as the expert "
    "sees them.",
)

_M_STEP.wrong_lines(
    "everything over n",
    """
    - x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    + x_mean, y_mean = (r * x).mean(), (r * y).mean()
    - variance = (r * (y - slope * x - offset) ** 2).sum() / total
    + variance = (r * (y - slope * x - offset) ** 2).mean()
    """,
    hint="means and variance are divided by N. How many points does the expert have, each counted with its "
    "responsibility?",
)

_M_STEP.wrong_lines(
    "variance over n",
    """
    - variance = (r * (y - slope * x - offset) ** 2).sum() / total
    + variance = (r * (y - slope * x - offset) ** 2).mean()
    """,
    hint="the line is right, but the squared residuals are divided by N. How many points does the expert have, each "
    "counted with its responsibility?",
)

_M_STEP.wrong_lines(
    "variance",
    """
    - return slope.item(), offset.item(), variance.sqrt().item()
    + return slope.item(), offset.item(), variance.item()
    """,
    hint="the line is right, but your third number is a variance.",
)

_M_STEP.wrong_lines(
    "unweighted residuals",
    """
    - variance = (r * (y - slope * x - offset) ** 2).sum() / total
    + variance = (y - slope * x - offset).square().mean()
    """,
    hint="the line is right, but residuals of points that belong to other experts count in full.",
)


@_M_STEP.mistake(
    hint="your line has no offset of its own. Subtract weighted means from x and y first, or add a column of ones."
)
def _through_the_origin(x, y, r):
    slope = (r * x * y).sum() / (r * x * x).sum()
    variance = (r * (y - slope * x) ** 2).sum() / r.sum()
    return slope.item(), 0.0, variance.sqrt().item()


@_M_STEP.mistake(hint="you drop or fully count each point. A point of responsibility 0.3 counts 0.3 times.")
def _hard(x, y, r):
    x, y = x[r >= 0.5 * r.max()], y[r >= 0.5 * r.max()]
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    offset = y.mean() - slope * x.mean()
    return slope.item(), offset.item(), (y - slope * x - offset).square().mean().sqrt().item()
