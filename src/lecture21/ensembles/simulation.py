"""Ridge students of a linear teacher, drawn and solved: what the formulas of `sollich_krogh` are held against."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lecture21._support.validation import require_switch, require_whole
from lecture21.ensembles.sollich_krogh import require_setting


class RidgeEnsemble(NamedTuple):
    """One teacher, one set of examples and M students, solved at each of L penalties; all in float64."""

    cross: Float[Tensor, "L M M"]
    """E_kl = (w_k - w0).(w_l - w0) / N; the diagonal has the students' own errors, the mean of a block its pool's."""
    train: Float[Tensor, "L M"]
    """Mean squared error of each student on its own examples, noise included."""


def simulate_ridge_ensemble(
    alpha: int | float,
    subset: int | float | Sequence[int | float],
    noise: int | float,
    members: int,
    penalty: Float[Tensor, " L"] | Float[Tensor, "L M"],
    *,
    width: int = 50,
    bootstrap: bool = False,
    seed: int = 0,
) -> RidgeEnsemble:
    """Draw a teacher, its examples and a subset for each student, and solve the students.

    The setting and the normalisations are those of `sollich_krogh`. Errors are exact, without a test set.

    Args:
        alpha: examples for each weight; there are round(alpha * width) of them.
        subset: the share of the examples that each student sees, drawn without repetition; or one share for each.
        noise: variance of the noise.
        members: number of students M.
        penalty: L penalties that all students share, or L rows with one for each.
        width: number of weights N.
        bootstrap: draw with repetition instead; an example that is drawn twice counts twice.
        seed: decides everything that is drawn.

    Raises:
        ValueError: if a number is out of range, or there is not one subset or penalty for each member.

    Source: Sollich & Krogh 1996, section 2.
    """
    require_whole("members", members)
    require_whole("width", width)
    require_whole("seed", seed, least=0)
    require_switch("bootstrap", bootstrap)
    subsets = [subset] * members if isinstance(subset, int | float) else list(subset)
    rows = penalty[:, None].expand(-1, members) if penalty.dim() == 1 else penalty  # (L, M)
    if len(subsets) != members or rows.shape[-1] != members:
        raise ValueError(f"each of {members} members needs one, got {len(subsets)} subsets, {rows.shape[-1]} penalties")
    require_setting(alpha, subsets, noise, rows.flatten().tolist())

    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    count = max(round(alpha * width), 1)
    teacher = normal(width)
    teacher *= math.sqrt(width) / teacher.norm()
    x = normal(count, width) / math.sqrt(width)
    y = x @ teacher + math.sqrt(noise) * normal(count)

    times = torch.zeros(members, count, dtype=torch.float64)  # how often each student sees each example
    for row, share in zip(times, subsets, strict=True):
        size = max(round(share * count), 1)
        if bootstrap:
            seen = torch.randint(count, (size,), generator=generator)
        else:
            seen = torch.randperm(count, generator=generator)[:size]
        row.index_add_(0, seen, torch.ones(size, dtype=torch.float64))

    # One decomposition for each student serves all penalties: (A + penalty) w = b.
    a = torch.einsum("mp,pi,pj->mij", times, x, x)
    b = torch.einsum("mp,pi,p->mi", times, x, y)
    values, vectors = torch.linalg.eigh(a)  # (M, N), (M, N, N)
    turned = torch.einsum("mij,mi->mj", vectors, b)
    shrunk = values.clamp(min=0) + rows[..., None]  # (L, M, N)
    # Where an eigenvalue and the penalty are 0, so is b: the shortest solution leaves that direction alone.
    inverse = torch.where(shrunk > 1e-12, 1 / shrunk, 0.0)
    weights = torch.einsum("mij,lmj->lmi", vectors, turned * inverse)
    away = weights - teacher
    residual = (y - torch.einsum("pi,lmi->lmp", x, weights)).square()
    return RidgeEnsemble(
        cross=torch.einsum("lki,lmi->lkm", away, away) / width,
        train=(residual * times).sum(-1) / times.sum(-1),
    )
