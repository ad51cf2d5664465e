"""Exercise of chapter 12: the responsibilities of a mixture."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal, rows_sum_to_one

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
    looks="The numbers are right until a point is far from all members. Then they are NaN, and so are all parameters.",
    hint="exp(-1000) is 0, and 0 / 0 is NaN. `torch.logsumexp` computes the logarithm of the sum without leaving the "
    "logarithms, and so does log_softmax.",
)
def _underflowing(log_gate, log_members):
    joint = (log_gate + log_members).exp()
    return joint / joint.sum(dim=1, keepdim=True)


@_RESPONSIBILITIES.mistake(
    looks="Far from all members each row is 0, so these points are left out of the fit.",
    hint="rows do not sum to 1 where all densities are tiny: a small number in the denominator hides 0 / 0. Subtract "
    "logarithms instead of dividing.",
)
def _with_a_small_number(log_gate, log_members):
    joint = (log_gate + log_members).exp()
    return joint / (joint.sum(dim=1, keepdim=True) + 1e-12)


@_RESPONSIBILITIES.mistake(
    looks="The two members of the example get 0.2 and 0.8, whatever the gate is.",
    hint="the gate does not occur in your result. By Bayes' rule, its weight is the prior of each member.",
)
def _without_the_gate(log_gate, log_members):
    return log_members.softmax(dim=1)


@_RESPONSIBILITIES.mistake(
    looks="The two members of the example get 0.75 and 0.25, and learning y changes nothing.",
    hint="you return the gate's weights, which do not depend on y. Which member explained y better?",
)
def _only_the_gate(log_gate, log_members):
    return log_gate.exp()


@_RESPONSIBILITIES.mistake(
    looks="The columns sum to 1 and the rows do not: the points compete for a member.",
    hint="your columns sum to 1. The members share each point: over which dimension must the sum run?",
)
def _over_points(log_gate, log_members):
    return (log_gate + log_members).softmax(dim=0)


@_RESPONSIBILITIES.mistake(
    looks="The two members of the example get 0.15 and 0.20, whose sum is the probability of y and not 1.",
    hint="you return the products g_m P_m. Divide each row by its sum, which is P(y | x).",
)
def _products(log_gate, log_members):
    return (log_gate + log_members).exp()


@_RESPONSIBILITIES.mistake(
    looks="All entries are negative or 0: they are logarithms.",
    hint="your result has negative entries: it holds the logarithms of the responsibilities.",
)
def _logarithms(log_gate, log_members):
    return (log_gate + log_members).log_softmax(dim=1)


@_RESPONSIBILITIES.mistake(
    looks="Right on most data. One point far from all members gets NaN, and then all parameters are NaN.",
    hint="one point that is far from all members is enough for NaN if another is near. Subtract each row's own "
    "maximum, not that of the tensor.",
)
def _one_maximum(log_gate, log_members):
    joint = log_gate + log_members
    joint = (joint - joint.max()).exp()
    return joint / joint.sum(dim=1, keepdim=True)


@_RESPONSIBILITIES.mistake(
    looks="The result is right, but `log_gate` now holds the sums, and a second call gives other numbers.",
    hint="the responsibilities are right, but you modified an argument. What does `+=` do to a tensor?",
)
def _in_place(log_gate, log_members):
    log_gate += log_members
    return log_gate.softmax(dim=1)
