"""Exercises of chapter 13: the ambiguity decomposition, pools, members that learn together, and the slide's weights."""

import math
import random
from typing import Any

import torch
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

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

_DECOMPOSE.wrong_lines(
    "average with equal weights",
    """
    - average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    + average = (target[:, None] - predictions).square().mean(dim=-1)
    """,
    hint="your average gives each member the weight 1/M. The identity needs the same weights in all three terms.",
)

_DECOMPOSE.wrong_lines(
    "distance from the target",
    """
    - ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    + ambiguity = (weights * (predictions - target[:, None]).square()).sum(dim=-1)
    """,
    hint="your ambiguity measures distances from the target, so it equals the average error. From what should it "
    "measure them, so that it can be computed without the target?",
)

_DECOMPOSE.wrong_lines(
    "ambiguity with equal weights",
    """
    - ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    + ambiguity = (predictions - pool[:, None]).square().mean(dim=-1)
    """,
    hint="your ambiguity gives each member the weight 1/M. Which weight does member m have in the pool?",
)

_DECOMPOSE.wrong_lines(
    "plain mean as pool",
    """
    - pool = (weights * predictions).sum(dim=-1)
    + pool = predictions.mean(dim=-1)
    """,
    hint="your pool is the plain mean of the predictions. The weights belong in the pool as well.",
)

_DECOMPOSE.wrong_lines(
    "squared before averaging",
    """
    - ensemble = (target - pool).square()
    + ensemble = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    """,
    hint="your ensemble error is the mean of the members' squared errors. Average the predictions first, then square "
    "the error of the result.",
)

_DECOMPOSE.wrong_lines(
    "no new axis",
    """
    - average = (weights * (target[:, None] - predictions).square()).sum(dim=-1)
    + average = (weights * (target - predictions).square()).sum(dim=-1)
    """,
    hint="shapes (N,) and (N, M) broadcast from the right, so your target n meets member n. The targets need a second "
    "axis: which indexing gives the shape (N, 1)?",
)

_DECOMPOSE.wrong_lines(
    "mean over the points",
    """
    - return ensemble, average, ambiguity
    + return ensemble.mean(), average.mean(), ambiguity.mean()
    """,
    hint="you averaged over the points as well. Which dimension holds the members?",
)

_DECOMPOSE.wrong_lines(
    "by subtraction",
    """
    - ambiguity = (weights * (predictions - pool[:, None]).square()).sum(dim=-1)
    + ambiguity = average - ensemble
    """,
    hint="your ambiguity is the difference of the other two terms. It loses its digits if both are large, and the "
    "identity can no longer test your code. Average the members' squared distances from the pool.",
)


# 13.2


def _error_of_pools(errors, members):
    """Return the mean squared error of a pool, averaged over all pools of that many members.

    `errors` has the shape (N, K), with K >= 2: the errors f_k(x_n) - y_n of K members at N points.
    `members` is a whole number from 1 to K, or math.inf for the limit of many members like these.
    A pool is the plain mean of different members. Form no pool: E_kk is the mean over the members,
    E_kl the mean over all pairs of two different members, and both are means over the points.
    Return a tensor of shape () with the dtype of `errors`, which must not be modified.
    """
    n, k = errors.shape
    products = errors.T @ errors / n  # (K, K)
    own = products.diagonal().mean()
    shared = (products.sum() - products.diagonal().sum()) / (k * (k - 1))
    return own / members + (1 - 1 / members) * shared


def _errors(rng: random.Random, n: int, k: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return errors that the members share in part, and that differ in size."""
    return normal(rng, n, 1, dtype=dtype) + torch.linspace(0.5, 2, k, dtype=dtype) * normal(rng, n, k, dtype=dtype)


def _pool_cases(rng: random.Random) -> list[Case]:
    n, k = rng.randint(4, 6), rng.randint(7, 9)
    opposite = normal(rng, 3, 1)
    return [
        Case((_errors(rng, 2, 2), 2), "two members in one pool"),
        Case((_errors(rng, 4, 3), 2), "three members in pools of 2"),
        Case((_errors(rng, 3, 2), 1), "members alone"),
        Case((_errors(rng, 6, 4), math.inf), "infinitely many"),
        Case((torch.cat([opposite, -opposite], dim=1), 2), "two members with opposite errors"),
        Case((_errors(rng, n, k), 4), f"N = {n}, K = {k}, pools of 4"),
        Case((_errors(rng, 5, 4, torch.float64), 3), "float64"),
    ]


def _is_the_pool_of_all(arguments: tuple[Any, ...], result: Any) -> bool:
    errors, members = arguments
    pool = errors.double().mean(dim=1).square().mean()
    return members != errors.shape[1] or torch.allclose(result.double(), pool, atol=1e-4)


_POOLS = Exercise(
    number="13.2",
    name="error_of_pools",
    title="the error of pools that you never form",
    solution=_error_of_pools,
    cases=_pool_cases,
    properties=(("if the pool holds all members, the result must be the error of their mean", _is_the_pool_of_all),),
)

_POOLS.wrong_lines(
    "diagonal among the pairs",
    """
    - shared = (products.sum() - products.diagonal().sum()) / (k * (k - 1))
    + shared = products.mean()
    """,
    hint="your E_kl is the mean of the complete table, where each member also meets itself. Leave the diagonal out.",
)

_POOLS.wrong_lines(
    "as if independent",
    """
    - return own / members + (1 - 1 / members) * shared
    + return own / members
    """,
    hint="this would be right if the errors of two members had a mean product of 0. What do they share?",
)

_POOLS.wrong_lines(
    "divided by all",
    """
    - shared = (products.sum() - products.diagonal().sum()) / (k * (k - 1))
    + shared = (products.sum() - products.diagonal().sum()) / k**2
    """,
    hint="you divide the sum over the pairs by K². How many entries does the table have off its diagonal?",
)

_POOLS.wrong_lines(
    "pool of all",
    """
    - return own / members + (1 - 1 / members) * shared
    + return errors.mean(dim=1).square().mean()
    """,
    hint="this is the error of the pool of all K members. A pool has only `members` of them.",
)

_POOLS.wrong_lines(
    "sum over the points of the pool",
    """
    - products = errors.T @ errors / n
    + products = errors.T @ errors
    """,
    hint="your products are sums over the points. Both E_kk and E_kl are means over them.",
)

_POOLS.wrong_lines(
    "exchanged weights",
    """
    - return own / members + (1 - 1 / members) * shared
    + return (1 - 1 / members) * own + shared / members
    """,
    hint="for one member, the result must be its own error, E_kk. Which weight does that error have in your sum?",
)

_POOLS.wrong_lines(
    "mean errors",
    """
    - products = errors.T @ errors / n
    + products = errors.mean(dim=0)[:, None] * errors.mean(dim=0)
    """,
    hint="you average the errors over the points before you multiply. Multiply two members' errors at each point, then "
    "average over the points.",
)


# 13.3


def _train_together(inputs, y, kappa, penalty, steps, rate):
    """Return the weights of M members, of shape (M, B), after gradient descent from zeros.

    `inputs` has the shape (M, N, B): at N points with the targets `y`, of shape (N,), member m
    predicts f_m = inputs[m] @ weights[m], and the pool is the plain mean of the members. Each of
    the `steps` steps moves all members at once, by `rate` times their gradient. For a weight, that
    is the sum over the points of r_m = (1 - kappa) * (f_m - y) + kappa * (pool - y) times the input
    of the weight, plus penalty * weight. The weights have the dtype of `y`. Do not modify the
    arguments.
    """
    members, _, size = inputs.shape
    weights = torch.zeros(members, size, dtype=y.dtype)
    for _ in range(steps):
        f = (inputs @ weights[:, :, None])[:, :, 0]  # (M, N)
        own, shared = f - y, f.mean(dim=0) - y  # (M, N), (N,)
        residual = (1 - kappa) * own + kappa * shared  # (M, N)
        gradient = (inputs.mT @ residual[:, :, None])[:, :, 0] + penalty * weights  # (M, B)
        weights = weights - rate * gradient
    return weights


def _team(rng: random.Random, m: int, n: int, b: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return the inputs of members, and targets."""
    return normal(rng, m, n, b, dtype=dtype), normal(rng, n, dtype=dtype)


def _team_cases(rng: random.Random) -> list[Case]:
    m, n = rng.randint(3, 4), rng.randint(5, 6)
    return [
        Case((*_team(rng, 2, 2, 1), 0.5, 0.0, 1, 0.1), "two members and one step"),
        Case((*_team(rng, 3, 4, 2), 0.0, 0.0, 3, 0.05), "kappa = 0"),
        Case((*_team(rng, 3, 4, 2), 1.0, 0.0, 3, 0.05), "kappa = 1"),
        Case((*_team(rng, 3, 4, 2), 0.3, 0.8, 4, 0.05), "kappa = 0.3 with a penalty"),
        Case((*_team(rng, 1, 4, 2), 0.6, 0.1, 2, 0.05), "one member"),
        Case((*_team(rng, m, n, 2, torch.float64), 0.8, 0.1, 5, 0.03), f"M = {m}, N = {n} in float64"),
    ]


_TOGETHER = Exercise(
    number="13.3",
    name="train_together",
    title="members that learn together",
    solution=_train_together,
    cases=_team_cases,
)

_TOGETHER.wrong_lines(
    "exchanged ends",
    """
    - residual = (1 - kappa) * own + kappa * shared
    + residual = kappa * own + (1 - kappa) * shared
    """,
    hint="at kappa = 0 each member must learn from its own error, and at kappa = 1 from that of the pool. Yours do it "
    "the other way round.",
)

_TOGETHER.wrong_lines(
    "disagreement punished",
    """
    - residual = (1 - kappa) * own + kappa * shared
    + residual = (1 + kappa) * own - kappa * shared
    """,
    hint="the more kappa, the more your members agree. The loss subtracts the ambiguity: which sign does its "
    "derivative get?",
)

_TOGETHER.wrong_lines(
    "both errors in full",
    """
    - residual = (1 - kappa) * own + kappa * shared
    + residual = own + kappa * shared
    """,
    hint="at kappa = 1 a member's own error must not count any more, and yours still does.",
)

_TOGETHER.wrong_lines(
    "pool divided again",
    """
    - residual = (1 - kappa) * own + kappa * shared
    + residual = (1 - kappa) * own + kappa * shared / members
    """,
    hint="the pool's part is M times too small. In r_m, the mistake of the pool counts in full.",
)

_TOGETHER.wrong_lines(
    "mean over the points",
    """
    - own, shared = f - y, f.mean(dim=0) - y
    + own, shared = f - y, f.mean(dim=1, keepdim=True) - y
    """,
    hint="your pool averages over the points. At each point, it is the mean over the members: which dimension is that?",
)

_TOGETHER.wrong_lines(
    "sum of the members",
    """
    - own, shared = f - y, f.mean(dim=0) - y
    + own, shared = f - y, f.sum(dim=0) - y
    """,
    hint="your pool is the sum of the members. It is their mean.",
)

_TOGETHER.wrong_lines(
    "uphill",
    """
    - weights = weights - rate * gradient
    + weights = weights + rate * gradient
    """,
    hint="your weights move along the gradient, so the loss rises. Which way is down?",
)

_TOGETHER.wrong_lines(
    "no penalty",
    """
    - gradient = (inputs.mT @ residual[:, :, None])[:, :, 0] + penalty * weights
    + gradient = (inputs.mT @ residual[:, :, None])[:, :, 0]
    """,
    hint="this is right without a penalty. What does the penalty add to the gradient of a weight?",
)

_TOGETHER.wrong_lines(
    "sign of the penalty",
    """
    - gradient = (inputs.mT @ residual[:, :, None])[:, :, 0] + penalty * weights
    + gradient = (inputs.mT @ residual[:, :, None])[:, :, 0] - penalty * weights
    """,
    hint="your penalty makes weights grow. It must pull them toward 0.",
)


# 13.4

PREDICTIONS, TARGET = (1.0, 5.0, 4.5), 4.0
"""The members and the truth of exercise 13.4."""


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
    number="13.4",
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
