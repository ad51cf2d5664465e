"""Exercises of chapter 12: what the likelihood and the squared error teach each member."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 12.2


def _competitive_gradient(r, gate, means, sd, y):
    """Return the gradients of ln P(y_n | x_n) with respect to the gate's logits and the means.

    Responsibilities `r`, gate probabilities `gate` and the members' means f_m(x_n) have shape
    (N, M), the standard deviations `sd` of the normal members (M,), and the targets `y` (N,).
    Both results have shape (N, M): row n holds the gradient of ln P at point n.
    """
    return r - gate, r * (y[:, None] - means) / sd**2


def _gradient_cases(rng: random.Random, *, likelihood: bool) -> list[Case]:
    def case(n: int, m: int, about: str, dtype: torch.dtype = torch.float32) -> Case:
        gate = normal(rng, n, m, dtype=dtype).softmax(dim=1)
        means, y = normal(rng, n, m, dtype=dtype), normal(rng, n, dtype=dtype)
        if not likelihood:
            return Case((gate, means, y), about)
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
    cases=lambda rng: _gradient_cases(rng, likelihood=True),
    returns=("the gradient of the logits", "the gradient of the means"),
)


@_COMPETITIVE.mistake(
    looks="The gate moves away from the members that explain y, and the likelihood decreases.",
    hint="the gradient of the logits has the wrong sign. Should a logit increase if its member is more responsible "
    "than the gate expected?",
)
def _gate_minus_r(r, gate, means, sd, y):
    return gate - r, r * (y[:, None] - means) / sd**2


@_COMPETITIVE.mistake(
    looks="The members move away from y: this is the gradient of the squared residual, which one descends.",
    hint="the gradient of the means has the wrong sign. The density increases if the mean moves toward y.",
)
def _away_from_y(r, gate, means, sd, y):
    return r - gate, r * (means - y[:, None]) / sd**2


@_COMPETITIVE.mistake(
    looks="The likelihood decreases: this is the gradient of the loss, which is minus the log-likelihood.",
    hint="both signs are wrong: these are the gradients of the loss, -ln P. The task asks for those of ln P.",
)
def _of_the_loss(r, gate, means, sd, y):
    return gate - r, r * (means - y[:, None]) / sd**2


@_COMPETITIVE.mistake(
    looks="Right for one point, and N times too small for N points.",
    hint="you divided by the number of points. The task asks for the gradient of ln P at each point.",
)
def _divided_by_the_points(r, gate, means, sd, y):
    return (r - gate) / len(y), r * (y[:, None] - means) / sd**2 / len(y)


@_COMPETITIVE.mistake(
    looks="All members become the same, since each learns from every point in full.",
    hint="each member learns from every point in full. By what must you multiply the gradient of its own log density?",
)
def _without_r(r, gate, means, sd, y):
    return r - gate, (y[:, None] - means) / sd**2


@_COMPETITIVE.mistake(
    looks="A member learns as much from a point that it explains badly as from one that it explains well.",
    hint="you multiply by the gate, the weight before y is known. Which weight takes y into account?",
)
def _gate_for_r(r, gate, means, sd, y):
    return r - gate, gate * (y[:, None] - means) / sd**2


@_COMPETITIVE.mistake(
    looks="All members move in the same direction: it is the residual of the mixture, as in cooperation.",
    hint="you use the residual of the mixture's mean. Under the likelihood, each member has its own residual.",
)
def _residual_of_the_mixture(r, gate, means, sd, y):
    return r - gate, r * (y - (gate * means).sum(dim=1))[:, None] / sd**2


@_COMPETITIVE.mistake(
    looks="Right for members of standard deviation 1, and too small or too large for others.",
    hint="the standard deviation occurs with the wrong power. The log density is -(y - f)² / (2 sd²) plus a constant.",
)
def _divided_by_sd(r, gate, means, sd, y):
    return r - gate, r * (y[:, None] - means) / sd


@_COMPETITIVE.mistake(
    looks="An error about shapes, or wrong numbers without one if there are as many points as members.",
    hint="`y` has shape (N,), and (N,) next to (N, M) lines up with the members. Which index gives it shape (N, 1)?",
)
def _broadcast_over_members(r, gate, means, sd, y):
    return r - gate, r * (y - means) / sd**2


# 12.3


def _cooperative_gradient(gate, means, y):
    """Return the gradient of the squared error (y_n - fbar_n)² with respect to each f_m(x_n).

    fbar_n is the mean of the mixture at x_n. Gate probabilities `gate` and the members' means
    `means` have shape (N, M), and the targets `y` (N,). The result has shape (N, M): row n holds
    the gradient of the error at point n, which is not divided by N.
    """
    residual = y - (gate * means).sum(dim=1)
    return -2 * gate * residual[:, None]


_COOPERATIVE = Exercise(
    number="12.3",
    name="cooperative_gradient",
    title="the cooperative gradient",
    solution=_cooperative_gradient,
    cases=lambda rng: _gradient_cases(rng, likelihood=False),
)


@_COOPERATIVE.mistake(
    looks="The members no longer cancel: this trains each on its own error, weighted by the gate.",
    hint="you use each member's own residual. Which residual does the squared error of the mixture contain?",
)
def _own_residual(gate, means, y):
    return -2 * gate * (y[:, None] - means)


@_COOPERATIVE.mistake(
    looks="Gradient descent with this gradient makes the error larger.",
    hint="the sign is wrong: this is the direction in which the error decreases. What is the derivative of -fbar?",
)
def _wrong_sign(gate, means, y):
    return 2 * gate * (y - (gate * means).sum(dim=1))[:, None]


@_COOPERATIVE.mistake(
    looks="Each member moves as much as every other, even one that the gate ignores.",
    hint="all entries of a row are equal in your result. How much does fbar change if f_m increases by 1?",
)
def _without_the_gate(gate, means, y):
    return (-2 * (y - (gate * means).sum(dim=1)))[:, None].expand(means.shape).clone()


@_COOPERATIVE.mistake(
    looks="Right for a uniform gate only.",
    hint="you average the members with weight 1/M, as in bagging. Which weights does the mixture's mean have?",
)
def _plain_average(gate, means, y):
    return -2 * gate * (y - means.mean(dim=1))[:, None]


@_COOPERATIVE.mistake(
    looks="Half of the right gradient, so autograd disagrees by a factor of 2.",
    hint="a factor is missing. What is the derivative of a square?",
)
def _without_the_2(gate, means, y):
    return -gate * (y - (gate * means).sum(dim=1))[:, None]


@_COOPERATIVE.mistake(
    looks="Right for one point, and N times too small for N points.",
    hint="you divided by the number of points. The task asks for the gradient of the error at each point.",
)
def _divided_by_n(gate, means, y):
    return -2 * gate * (y - (gate * means).sum(dim=1))[:, None] / len(y)


@_COOPERATIVE.mistake(
    looks="An error about shapes, or wrong numbers without one if there are as many points as members.",
    hint="the residual has shape (N,), and (N,) next to (N, M) lines up with the members. Which index gives it shape "
    "(N, 1)?",
)
def _broadcast_over_members_again(gate, means, y):
    return -2 * gate * (y - (gate * means).sum(dim=1))
