"""Exercises of chapter 01: how the gradient of a recurrent network decays."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 1.3


def _gradient_factors(states, w):
    """Return the derivative of the last state with respect to each state, of shape (T,).

    The RNN has one unit, h_t = tanh(w h_{t-1} + its input), and `states` (T,) holds h_1 to h_T.
    Entry t is the derivative of h_T with respect to h_t, so the last entry is 1.
    """
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, -1, -1):
        factors[t] = factors[t + 1] * slopes[t + 1]
    return factors


def _states_case(rng: random.Random, t: int, about: str) -> Case:
    return Case((normal(rng, t).tanh(), rng.choice((-1, 1)) * rng.uniform(0.5, 2.0)), about)


_FACTORS = Exercise(
    number="1.3",
    name="gradient_factors",
    title="the gradient's decay factors",
    solution=_gradient_factors,
    cases=lambda rng: [
        _states_case(rng, 1, "T = 1"),
        _states_case(rng, 2, "T = 2"),
        _states_case(rng, 4, "T = 4"),
        _states_case(rng, rng.randint(5, 7), "a longer sequence"),
    ],
    properties=(
        (
            "the derivative of the last state with respect to itself must be 1",
            lambda arguments, factors: torch.allclose(factors[-1], torch.ones_like(factors[-1])),
        ),
        (
            "the second to last entry must be the derivative of one step, w (1 - h_T^2)",
            lambda arguments, factors: torch.allclose(factors[-2], arguments[1] * (1 - arguments[0][-1] ** 2)),
        ),
    ),
)


@_FACTORS.mistake(
    looks="These are the powers of w. Their absolute values are only an upper bound for the size of the derivatives.",
    hint="your factors are powers of w, as if there were no tanh. What is the slope of tanh where its value is h?",
)
def _powers_of_w(states, w):
    return w ** torch.arange(len(states) - 1, -1, -1, dtype=states.dtype)


@_FACTORS.mistake(
    looks="The values are nearly right where neighboring states are similar, and wrong elsewhere.",
    hint="your slope of the step from h_{t-1} to h_t is taken at h_{t-1}. Which of the two is the value of the tanh?",
)
def _slope_at_the_state_before(states, w):
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, -1, -1):
        factors[t] = factors[t + 1] * slopes[t]
    return factors


@_FACTORS.mistake(
    looks="All products contain one factor too many, so the last entry is not 1.",
    hint="each of your products has one factor too many: from h_t to h_T there are T - t steps, and from h_T to h_T "
    "there are none.",
)
def _one_factor_too_many(states, w):
    return (w * (1 - states**2)).flip(0).cumprod(0).flip(0)


@_FACTORS.mistake(
    looks="The recent past seems to be forgotten and the distant past to be remembered.",
    hint="your entries are the derivatives of h_t with respect to h_1. The last state is the one to be differentiated: "
    "from which end do the factors accumulate?",
)
def _from_the_first_state(states, w):
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(1, len(states)):
        factors[t] = factors[t - 1] * slopes[t]
    return factors


@_FACTORS.mistake(
    looks="All entries are right except for the first one.",
    hint="the entry of h_1 is never computed. What is the last value that your loop takes?",
)
def _the_first_entry_missing(states, w):
    slopes = w * (1 - states**2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, 0, -1):
        factors[t] = factors[t + 1] * slopes[t + 1]
    return factors


@_FACTORS.mistake(
    looks="The factors are nearly right for states near 0 and too large elsewhere.",
    hint="you apply the tanh to the states once more. A state is already a value of the tanh.",
)
def _tanh_of_the_states(states, w):
    slopes = w * (1 - torch.tanh(states) ** 2)
    factors = torch.ones_like(states)
    for t in range(len(states) - 2, -1, -1):
        factors[t] = factors[t + 1] * slopes[t + 1]
    return factors
