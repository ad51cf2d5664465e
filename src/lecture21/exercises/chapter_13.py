"""Exercises of chapter 13: the ambiguity decomposition, and weights for which the slide's comparison fails."""

import math
import random
from typing import Any

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 13.1


def _decompose(predictions, target, weights):
    """Return (ensemble, average, ambiguity) at each of N points: three tensors of shape (N,).

    `predictions` and `weights` have the shape (N, M): row n holds the predictions of the M members
    at point n, and their weights there, which sum to 1. `target` has the shape (N,). The pool is
    the weighted mean of the predictions. The three values at a point are the squared error of the
    pool, the weighted mean of the members' squared errors, and the weighted mean of the members'
    squared distances from the pool. Compute the last one from these distances: as a difference of
    two other terms it loses its digits where the members are close together and far from the
    target. The results have the dtype of the arguments. Do not modify the arguments.
    """
    pool = (weights * predictions).sum(dim=-1)  # (N,)
    ensemble = (target - pool).square()
    average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    return ensemble, average, ambiguity


def _points(rng: random.Random, n: int, m: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    """Return random predictions and targets, and weights that differ from point to point."""
    gates = (2 * normal(rng, n, m, dtype=dtype)).softmax(dim=-1)
    return normal(rng, n, m, dtype=dtype), normal(rng, n, dtype=dtype), gates


def _decompose_cases(rng: random.Random) -> list[Case]:
    n, m = rng.randint(4, 6), rng.randint(7, 9)
    predictions, target, _ = _points(rng, 2, 2)
    near, zero, gates = _points(rng, 3, 4)
    return [
        Case(_points(rng, 1, 2), "one point and two members"),
        Case(_points(rng, 3, 3), "three points and three members"),
        Case((predictions, target, torch.tensor([[2.0, -1.0], [0.25, 0.75]])), "a negative weight"),
        Case(_points(rng, 3, 1), "one member"),
        Case(_points(rng, n, m), f"N = {n}, M = {m}"),
        Case((1000 + near, 0 * zero, gates), "members near 1,000 and a target of 0"),
        Case(_points(rng, 5, 4, torch.float64), "float64"),
    ]


def _adds_up(arguments: tuple[Any, ...], result: Any) -> bool:
    ensemble, average, ambiguity = result
    return torch.allclose(ensemble, average - ambiguity, atol=1e-4)


def _keeps_its_digits(arguments: tuple[Any, ...], result: Any) -> bool:
    predictions, _, weights = (each.double() for each in arguments)
    pool = (weights * predictions).sum(dim=-1, keepdim=True)
    ambiguity = (weights * (predictions - pool).square()).sum(dim=-1)
    far = bool((predictions > 100).all())
    return not far or torch.allclose(result[2].double(), ambiguity, rtol=1e-3)


_DECOMPOSE = Exercise(
    number="13.1",
    name="decompose",
    title="the ambiguity decomposition",
    solution=_decompose,
    cases=_decompose_cases,
    properties=(
        ("at each point, ensemble = average - ambiguity must hold", _adds_up),
        (
            "the ambiguity has lost its digits. Average the squared distances from the pool; a difference of two large "
            "numbers is not precise enough",
            _keeps_its_digits,
        ),
    ),
    returns=("the ensemble error", "the average error", "the ambiguity"),
)


@_DECOMPOSE.mistake(
    looks="This is the slide's average error, with 1/M. The identity holds only if all members have the same weight.",
    hint="your average gives each member the weight 1/M. The identity needs the same weights in all three terms.",
)
def _average_with_equal_weights(predictions, target, weights):
    pool = (weights * predictions).sum(dim=-1)
    average = (target[:, None] - predictions).square().mean(dim=-1)
    ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    return (target - pool).square(), average, ambiguity


@_DECOMPOSE.mistake(
    looks="The ambiguity is larger than it should be by the ensemble error, and depends on the target.",
    hint="your ambiguity measures distances from the target, so it equals the average error. From what should it "
    "measure them, so that it can be computed without the target?",
)
def _distance_from_the_target(predictions, target, weights):
    pool = (weights * predictions).sum(dim=-1)
    average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    ambiguity = (weights * (predictions - target[:, None]).square()).sum(dim=-1)
    return (target - pool).square(), average, ambiguity


@_DECOMPOSE.mistake(
    looks="This is the variance of the members around the pool with 1/M, right only for equal weights.",
    hint="your ambiguity gives each member the weight 1/M. Which weight does member m have in the pool?",
)
def _ambiguity_with_equal_weights(predictions, target, weights):
    pool = (weights * predictions).sum(dim=-1)
    average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    return (target - pool).square(), average, (predictions - pool[:, None]).square().mean(dim=-1)


@_DECOMPOSE.mistake(
    looks="The weights are used in the average only, and the pool is a plain mean.",
    hint="your pool is the plain mean of the predictions. The weights belong in the pool as well.",
)
def _plain_mean_as_pool(predictions, target, weights):
    pool = predictions.mean(dim=-1)
    average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    return (target - pool).square(), average, ambiguity


@_DECOMPOSE.mistake(
    looks="The first two values are equal, as if averaging never helped.",
    hint="your ensemble error is the mean of the members' squared errors. Average the predictions first, then square "
    "the error of the result.",
)
def _squared_before_averaging(predictions, target, weights):
    pool = (weights * predictions).sum(dim=-1)
    average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    return average, average, ambiguity


@_DECOMPOSE.mistake(
    looks="It raises an error for most shapes. For three points and three members it compares point n with member n.",
    hint="shapes (N,) and (N, M) broadcast from the right, so your target n meets member n. The targets need a second "
    "axis: which indexing gives the shape (N, 1)?",
)
def _no_new_axis(predictions, target, weights):
    pool = (weights * predictions).sum(dim=-1)
    average = (weights * (target - predictions).square()).sum(dim=-1)
    ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    return (target - pool).square(), average, ambiguity


@_DECOMPOSE.mistake(
    looks="Three numbers for all points together. The identity holds for them as well, and the single points are lost.",
    hint="you averaged over the points as well. Which dimension holds the members?",
)
def _mean_over_the_points(predictions, target, weights):
    pool = (weights * predictions).sum(dim=-1)
    average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    return (target - pool).square().mean(), average.mean(), ambiguity.mean()


@_DECOMPOSE.mistake(
    looks="Right while all values are near 0, and the identity holds exactly, because it was used. In float32, the "
    "difference of two errors near 1,000,000 has an error of about 0.1.",
    hint="your ambiguity is the difference of the other two terms. It loses its digits if both are large, and the "
    "identity can no longer test your code. Average the members' squared distances from the pool.",
)
def _by_subtraction(predictions, target, weights):
    pool = (weights * predictions).sum(dim=-1)
    ensemble = (target - pool).square()
    average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    return ensemble, average, average - ensemble


# 13.2

PREDICTIONS, TARGET = (1.0, 5.0, 4.5), 4.0
"""The members and the truth of exercise 13.2."""


def _numbers(value: Any) -> tuple[float, ...] | None:
    """Return three finite numbers, given as a list, a tuple or a tensor."""
    if isinstance(value, Tensor):
        value = tuple(value.tolist()) if value.shape == (3,) and not value.is_complex() else ()
    if not isinstance(value, tuple):
        return None
    numbers = [each.item() if isinstance(each, Tensor) and each.numel() == 1 else each for each in value]
    if len(numbers) != 3 or not all(type(each) in (int, float) and math.isfinite(each) for each in numbers):
        return None
    return tuple(map(float, numbers))


def _is_worse(arguments: tuple[Any, ...], value: Any) -> bool:
    pool = sum(g * f for g, f in zip(_numbers(value), PREDICTIONS, strict=True))
    average = sum((TARGET - f) ** 2 for f in PREDICTIONS) / len(PREDICTIONS)
    return (TARGET - pool) ** 2 > average + 1e-6


_COUNTEREXAMPLE = Exercise(
    number="13.2",
    name="counterexample",
    title="weights for which the slide's comparison fails",
    solution=(0.8, 0.1, 0.1),
    by_properties=True,
    properties=(
        ("it must be a list of three finite numbers", lambda arguments, value: _numbers(value) is not None),
        ("no weight may be negative", lambda arguments, value: min(_numbers(value)) >= 0),
        ("the weights must sum to 1", lambda arguments, value: math.isclose(sum(_numbers(value)), 1, abs_tol=1e-5)),
        (
            "the weights are valid, but the ensemble error is not above the average expert error of 3.42. How far must "
            "the pool be from the truth?",
            _is_worse,
        ),
    ),
    task="Three weights >= 0 with sum 1, as a list, for which the ensemble error is above 3.42.",
)
_COUNTEREXAMPLE.wrong_value(
    "equal weights",
    (1 / 3, 1 / 3, 1 / 3),
    hint="with equal weights the slide's two errors use the same weights, so the comparison cannot fail.",
)
_COUNTEREXAMPLE.wrong_value(
    "all weight on the best member",
    (0.0, 0.0, 1.0),
    hint="you trust the best member, so the ensemble error is 0.25. Which weights would make the pool bad?",
)
_COUNTEREXAMPLE.wrong_value(
    "a sum instead of a mean",
    (1.0, 1.0, 1.0),
    hint="these weights sum to 3, so the pool is far outside the range of the predictions. Make them sum to 1: the "
    "comparison can also fail for such weights.",
)
_COUNTEREXAMPLE.wrong_value(
    "a bet against a member",
    (2.0, -1.0, 0.0),
    hint="a negative weight makes the ambiguity negative, which is another reason for a failure. Find weights that are "
    "not negative.",
)
_COUNTEREXAMPLE.wrong_value(
    "half on the worst member",
    (0.5, 0.5, 0.0),
    hint="the pool is at 3, so the ensemble error is 1. The first member makes the pool worse. Give it more weight.",
)
