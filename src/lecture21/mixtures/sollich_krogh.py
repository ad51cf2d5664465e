"""Ensembles of linear students, solved exactly in the limit of many inputs (Sollich & Krogh 1996; slides 33 and 34).

A teacher w0 of N components, `|w0|^2 = N`, generates P = alpha N examples y = w0.x / sqrt(N) + noise, with x Gaussian
of unit variance and noise of variance `noise`. A student is trained on r P of them and minimizes

    sum over its examples of (y - w.x / sqrt(N))^2  +  penalty `|w|^2`,

the sum and not the mean, so that the penalty has the same meaning for any number of examples. The best penalty of one
student is `noise`, that of the posterior mean under the teacher's prior. Errors are measured against the teacher,
without the noise of new examples: `|w - w0|^2 / N`, which is 1 for w = 0. The formulas are tested against simulations
by `lecture21.mixtures.simulation`.
"""

import math
from typing import Annotated

from scipy.optimize import minimize_scalar

from lecture21._support.contract import NonNegative, Positive, Share, checked
from lecture21._support.validation import WHOLE, Rule, in_range, require

Members = Annotated[
    int | float, Rule(f"{WHOLE.words} or infinite", lambda m, s: m == math.inf or WHOLE.holds(m, s), says_kind=True)
]


def _learned(alpha: int | float, penalty: int | float) -> float:
    """Return 1 - rho, the fraction of the teacher that a student has learned; it keeps its digits where it is small.

    It is the smaller root of k^2 - (1 + penalty + alpha) k + alpha = 0, and alpha is the product of the two.
    """
    return alpha / _larger_root(alpha, penalty)


def _larger_root(alpha: int | float, penalty: int | float) -> float:
    root = math.hypot((1 + penalty - alpha) / 2, math.sqrt(alpha) * math.sqrt(penalty))  # does not overflow
    return (1 + penalty + alpha) / 2 + root


@checked
def ignorance(alpha: Positive, penalty: NonNegative) -> float:
    """Return rho, the fraction of the teacher that a student has not learned: on average w = (1 - rho) w0.

    rho = penalty tr(X^T X / N + penalty)^-1 / N, the positive root of rho^2 + (penalty + alpha - 1) rho = penalty. It
    increases with the penalty from max(0, 1 - alpha) to 1, and does not depend on the noise.

    Args:
        alpha: examples of the student for each of its N weights.
        penalty: factor of the squared norm.

    Source: the trace is that of Marchenko & Pastur 1967.
    """
    b = penalty + alpha - 1
    root = math.hypot(b, 2 * math.sqrt(penalty))  # does not overflow
    return 2 * penalty / (b + root) if b > 0 else (root - b) / 2  # avoids cancellation


def _cross_error(
    alpha: int | float,
    noise: int | float,
    *,
    subsets: tuple[int | float, int | float],
    penalties: tuple[int | float, int | float],
    overlap: int | float | None = None,
) -> float:
    """Return (w_k - w0).(w_l - w0) / N of two students, the common part of their errors, as N goes to infinity.

    (rho_k rho_l + noise q) / (1 - q) with q = (1 - rho_k)(1 - rho_l) alpha_kl / (alpha_k alpha_l), where student k is
    trained on alpha_k N examples, and alpha_kl N of them are also in the other student's set.

    Args:
        alpha: all examples for each weight, P / N.
        noise: variance of the noise in the examples.
        subsets: the fraction of the examples that each of the two is trained on.
        penalties: one for each of the two.
        overlap: the fraction that both are trained on; by default the product of the subsets, as for independent random
            draws. A student's own error is its cross-error with itself, where the overlap is its subset.

    Source: the setting of Sollich & Krogh 1996; the closed form is derived here and tested against simulations.
    """
    (r, s), overlap = subsets, subsets[0] * subsets[1] if overlap is None else overlap
    least, most = max(0.0, r + s - 1), min(r, s)
    require(
        "overlap",
        overlap,
        in_range(least - 1e-12, most + 1e-12, "[]")._replace(words=f"between {least:g} and {most:g}"),
    )
    students = [(alpha * subset, penalty) for subset, penalty in zip(subsets, penalties, strict=True)]
    rho, sigma = (ignorance(*student) for student in students)
    q = _learned(*students[0]) * overlap / (r * _larger_root(*students[1]))  # without alpha, which may be tiny
    if q < 1:
        return (rho * sigma + noise * q) / (1 - q)
    return math.inf if noise else 0.0  # no penalty, and as many examples as weights: without noise, w = w0


@checked
def sollich_krogh_error(
    alpha: Positive, subset: Share, noise: NonNegative, members: Members, penalty: NonNegative
) -> float:
    """Return the error against the teacher of the mean of M students with random subsets and one penalty.

    E = E_kk / M + (1 - 1 / M) E_kl.

    Args:
        alpha: all examples for each weight, P / N.
        subset: the fraction r of the examples that each student is trained on; for 1 all students are equal.
        noise: variance of the noise in the examples.
        members: number of students M; math.inf is allowed.
        penalty: factor of the squared norm, added to the sum of squared errors.

    Source: Sollich & Krogh 1996, "Learning with ensembles: How over-fitting can be useful".
    """
    subsets, penalties = (subset, subset), (penalty, penalty)
    own = _cross_error(alpha, noise, subsets=subsets, penalties=penalties, overlap=subset)
    if members == 1:
        return own
    shared = _cross_error(alpha, noise, subsets=subsets, penalties=penalties)
    return shared if members == math.inf else own / members + (1 - 1 / members) * shared


@checked
def best_penalty(alpha: Positive, subset: Share, noise: NonNegative, members: Members) -> float:
    """Return the penalty >= 0 that minimizes the error of the mean of M students.

    For one member, or if all see all examples, it is the noise. For more members on subsets it is smaller, and for
    infinitely many it is 0 if alpha r < 1 - rho*, where rho* is the `ignorance` of the best single student on all
    examples: a student without a penalty learns the fraction min(1, alpha r) of the teacher, and an ensemble of such
    students learns no more.

    Args:
        alpha: all examples for each weight.
        subset: the fraction of the examples that each student is trained on.
        noise: variance of the noise.
        members: number of students; math.inf is allowed.
    """

    def error(log_penalty: float) -> float:
        return sollich_krogh_error(alpha, subset, noise, members, math.exp(log_penalty))

    bounds = (math.log(1e-9), math.log(1e3 * (1 + noise)))
    optimum = minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    without = sollich_krogh_error(alpha, subset, noise, members, 0.0)
    return 0.0 if without <= optimum.fun else math.exp(optimum.x)


@checked
def equivalent_penalty(alpha: Positive, subset: Share, penalty: NonNegative) -> float:
    """Return the penalty of one student on all examples that equals the mean of infinitely many on subsets.

    Both have the same `ignorance`, and so the same error at any noise. The result is at least `penalty`: averaging over
    subsets acts as a penalty.

    Args:
        alpha: all examples for each weight.
        subset: the fraction of the examples that each student of the ensemble is trained on.
        penalty: of each student of the ensemble.

    Source: LeJeune, Javadi & Baraniuk 2020 prove a similar result for students without a penalty.
    """
    # rho (rho + alpha - 1) / (1 - rho), written so that nothing cancels.
    student = alpha * subset, penalty
    return penalty + ignorance(*student) * (1 - subset) / subset * _larger_root(*student)
