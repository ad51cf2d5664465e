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
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize_scalar, nnls
from torch import Tensor

from lecture21._support.validation import require_number, require_whole


def _require_setting(
    alpha: int | float, subsets: Sequence[int | float], noise: int | float, penalties: Sequence[int | float]
) -> None:
    """Raise ValueError unless the numbers describe a teacher, its examples and its students."""
    require_number("alpha", alpha, "a positive number", lambda x: 0 < x < math.inf)
    require_number("noise", noise, "a number >= 0", lambda x: 0 <= x < math.inf)
    for subset in subsets:
        require_number("subset", subset, "a fraction in (0, 1]", lambda x: 0 < x <= 1)
    for penalty in penalties:
        require_number("penalty", penalty, "a number >= 0", lambda x: 0 <= x < math.inf)


def _require_members(members: int | float) -> None:
    """Raise ValueError unless the number of members is a positive integer or infinite."""
    if members != math.inf:
        require_whole("members", members)


def ignorance(alpha: int | float, penalty: int | float) -> float:
    """Return rho, the fraction of the teacher that a student has not learned: on average w = (1 - rho) w0.

    rho = penalty tr(X^T X / N + penalty)^-1 / N, the positive root of rho^2 + (penalty + alpha - 1) rho = penalty. It
    increases with the penalty from max(0, 1 - alpha) to 1, and does not depend on the noise.

    Args:
        alpha: examples of the student for each of its N weights.
        penalty: factor of the squared norm.

    Source: the trace is that of Marchenko & Pastur 1967.
    """
    _require_setting(alpha, (), 0.0, (penalty,))
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
    _require_setting(alpha, subsets, noise, penalties)
    (r, s), overlap = subsets, subsets[0] * subsets[1] if overlap is None else overlap
    least, most = max(0.0, r + s - 1), min(r, s)
    require_number("overlap", overlap, f"between {least:g} and {most:g}", lambda x: least - 1e-12 <= x <= most + 1e-12)
    rho, sigma = (ignorance(alpha * subset, penalty) for subset, penalty in zip(subsets, penalties, strict=True))
    q = (1 - rho) * (1 - sigma) * overlap / (alpha * r * s)
    if q < 1:
        return (rho * sigma + noise * q) / (1 - q)
    return math.inf if noise else 0.0  # no penalty, and as many examples as weights: without noise, w = w0


def cross_errors(
    alpha: int | float, subsets: Sequence[int | float], noise: int | float, penalties: Sequence[int | float]
) -> Float[Tensor, "M M"]:
    """Return E, the cross-errors of M students on independent random subsets; the error of a weighted mean is g^T E g.

    Args:
        alpha: all examples for each weight.
        subsets: the fraction of the examples that each student is trained on.
        noise: variance of the noise.
        penalties: one for each student.
    """
    if len(subsets) != len(penalties):
        raise ValueError(f"each student needs a subset and a penalty, got {len(subsets)} and {len(penalties)}")
    students = list(zip(subsets, penalties, strict=True))
    rows = [
        [
            _cross_error(alpha, noise, subsets=(r, s), penalties=(a, b), overlap=r if k == m else None)
            for m, (s, b) in enumerate(students)
        ]
        for k, (r, a) in enumerate(students)
    ]
    return torch.tensor(rows, dtype=torch.float64)


def sollich_krogh_error(
    alpha: int | float, subset: int | float, noise: int | float, members: int | float, penalty: int | float
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
    _require_members(members)
    subsets, penalties = (subset, subset), (penalty, penalty)
    own = _cross_error(alpha, noise, subsets=subsets, penalties=penalties, overlap=subset)
    if members == 1:
        return own
    shared = _cross_error(alpha, noise, subsets=subsets, penalties=penalties)
    return shared if members == math.inf else own / members + (1 - 1 / members) * shared


def best_penalty(alpha: int | float, subset: int | float, noise: int | float, members: int | float) -> float:
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
    _require_setting(alpha, (subset,), noise, ())
    _require_members(members)

    def error(log_penalty: float) -> float:
        return sollich_krogh_error(alpha, subset, noise, members, math.exp(log_penalty))

    bounds = (math.log(1e-9), math.log(1e3 * (1 + noise)))
    optimum = minimize_scalar(error, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    without = sollich_krogh_error(alpha, subset, noise, members, 0.0)
    return 0.0 if without <= optimum.fun else math.exp(optimum.x)


def equivalent_penalty(alpha: int | float, subset: int | float, penalty: int | float) -> float:
    """Return the penalty of one student on all examples that equals the mean of infinitely many on subsets.

    Both have the same `ignorance`, and so the same error at any noise. The result is at least `penalty`: averaging over
    subsets acts as a penalty.

    Args:
        alpha: all examples for each weight.
        subset: the fraction of the examples that each student of the ensemble is trained on.
        penalty: of each student of the ensemble.

    Source: LeJeune, Javadi & Baraniuk 2020 prove a similar result for students without a penalty.
    """
    _require_setting(alpha, (subset,), 0.0, (penalty,))
    rho = ignorance(alpha * subset, penalty)
    return rho * (rho + alpha - 1) / (1 - rho) if rho < 1 else math.inf


def best_weights(cross: Float[Tensor, "M M"]) -> Float[Tensor, " M"]:
    """Return the weights g >= 0 that sum to one and minimize g^T E g.

    Args:
        cross: cross-errors E, symmetric and positive definite.
    """
    try:
        root = np.linalg.cholesky(cross.double().numpy()).T  # E = root^T root
    except np.linalg.LinAlgError as error:
        raise ValueError("cross-errors must be a positive definite matrix: no two students may be equal") from error
    if not torch.allclose(cross, cross.mT):
        raise ValueError(f"cross-errors must be symmetric, got a difference of {(cross - cross.mT).abs().max():.3g}")
    # The minimum over the simplex lies on the ray of the minimum of |root u - root^-T 1| over u >= 0.
    ray, _ = nnls(root, np.linalg.solve(root.T, np.ones(len(root))))
    return torch.tensor(ray / ray.sum())
