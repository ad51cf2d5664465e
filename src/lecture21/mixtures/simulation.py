"""Simulated ridge students of a linear teacher, against which the formulas of `sollich_krogh` are tested."""

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lecture21._support.contract import FINITE, NOT_EMPTY, Count, NonNegative, Positive, Seed, Share, checked


class _RidgeEnsemble(NamedTuple):
    """One teacher, one set of examples and M students, solved at each of L penalties; all in float64."""

    cross: Float[Tensor, "L M M"]  # E_kl = (w_k - w0).(w_l - w0) / N
    train: Float[Tensor, "L M"]  # mean squared error of each student on its own examples, noise included


_MOST = 10**8  # numbers, in the matrices of all students


@checked
def simulate_ridge_ensemble(
    alpha: Positive,
    subset: Share | Sequence[Share],
    noise: NonNegative,
    members: Count,
    penalty: Annotated[Float[Tensor, " L"] | Float[Tensor, "L M"], NOT_EMPTY, FINITE],
    *,
    width: Count = 50,
    bootstrap: bool = False,
    seed: Seed = 0,
) -> _RidgeEnsemble:
    """Draw a teacher, its examples and a subset for each student, and solve the students' least-squares problems.

    The setting and the normalization are those of `sollich_krogh`. Errors are exact, without a test set.

    Returns a named tuple: `cross` (L, M, M), the cross-errors, with the students' own errors on the diagonal and the
    error of the mean of k students as the mean of a k x k block; and `train` (L, M), the training errors.

    Args:
        alpha: examples for each weight; there are round(alpha * width) of them.
        subset: the fraction of the examples in each student's set, drawn without replacement; or one for each student.
        noise: variance of the noise.
        members: number of students M.
        penalty: L penalties that all students share, or L rows with one for each student.
        width: number of weights N.
        bootstrap: draw with replacement instead; an example that is drawn twice counts twice.
        seed: seed of all draws.

    Source: Sollich & Krogh 1996, section 2.
    """
    if (size := (alpha + 1) * width**2 * members) > _MOST:
        given = f"alpha={alpha}, width={width} and members={members}"
        raise ValueError(f"the matrices must have at most {_MOST:,} numbers, got {size:,.0f} with {given}")
    subsets = [subset] * members if isinstance(subset, int | float) else list(subset)
    rows = penalty[:, None].expand(-1, members) if penalty.dim() == 1 else penalty  # (L, M)
    if len(subsets) != members or rows.shape[-1] != members:
        given = f"{len(subsets)} and {rows.shape[-1]}"
        raise ValueError(f"subset and penalty must be one, or one for each of members={members}, got {given}")
    if penalty.min() < 0:
        raise ValueError(f"penalty must be >= 0, got {penalty.min():g}")

    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    count = max(round(alpha * width), 1)
    teacher = normal(width)
    teacher *= math.sqrt(width) / teacher.norm()
    x = normal(count, width) / math.sqrt(width)
    y = x @ teacher + math.sqrt(noise) * normal(count)

    times = torch.zeros(members, count, dtype=torch.float64)  # how often each example is in each set
    for row, fraction in zip(times, subsets, strict=True):
        size = max(round(fraction * count), 1)
        if bootstrap:
            drawn = torch.randint(count, (size,), generator=generator)
        else:
            drawn = torch.randperm(count, generator=generator)[:size]
        row.index_add_(0, drawn, torch.ones(size, dtype=torch.float64))

    # One eigendecomposition for each student solves (A + penalty) w = b at all penalties.
    a = torch.einsum("mp,pi,pj->mij", times, x, x)
    b = torch.einsum("mp,pi,p->mi", times, x, y)
    values, vectors = torch.linalg.eigh(a)  # (M, N), (M, N, N)
    rotated = torch.einsum("mij,mi->mj", vectors, b)
    denominator = values.clamp(min=0) + rows[..., None]  # (L, M, N)
    # Where an eigenvalue and the penalty are 0, so is b: the minimum-norm solution is 0 in that direction.
    inverse = torch.where(denominator > 1e-12, 1 / denominator, 0.0)
    weights = torch.einsum("mij,lmj->lmi", vectors, rotated * inverse)
    difference = weights - teacher
    residual = (y - torch.einsum("pi,lmi->lmp", x, weights)).square()
    return _RidgeEnsemble(
        cross=torch.einsum("lki,lmi->lkm", difference, difference) / width,
        train=(residual * times).sum(-1) / times.sum(-1),
    )
