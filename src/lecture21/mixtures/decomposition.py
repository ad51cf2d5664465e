"""The gain of an ensemble over its members: identities for the squared error and the log loss, none for the 0-1 loss
(slides 32 to 34).

The squared error of a weighted mean and the log loss of a geometric pool are the weighted average of the members'
losses minus the ambiguity, which does not depend on the target. The log loss of a mixture is that average minus a gap
that does. The identities need one set of weights throughout, with a sum of one; only if no weight is negative is the
ambiguity guaranteed to be nonnegative.
"""

import warnings
from typing import Annotated, NamedTuple

import torch
from jaxtyping import Float, Int, Num
from scipy.stats import binom
from torch import Tensor

from lecture21._support.contract import FINITE, Count, Probability, checked

Predictions = Annotated[Float[Tensor, "*N M"], FINITE]
Target = Annotated[Num[Tensor, "*T"], FINITE]


class _Decomposition(NamedTuple):
    """Three terms, each computed separately: ensemble = average - ambiguity."""

    ensemble: Float[Tensor, "*N"]  # loss of the pool
    average: Float[Tensor, "*N"]  # weighted average of the members' losses
    ambiguity: Float[Tensor, "*N"]  # weighted distance of the members from the pool


@checked
def ambiguity_decomposition(predictions: Predictions, target: Target, weights: Float[Tensor, "*W M"]) -> _Decomposition:
    """Split the squared error of a weighted mean into the members' average error and their ambiguity.

    (y - f)^2 = sum_m g_m (y - f_m)^2 - sum_m g_m (f_m - f)^2, where f = sum_m g_m f_m. The identity holds at each
    point, for any target, noise included, and for any weights that sum to one.

    Returns a named tuple (ensemble, average, ambiguity), each of shape `(*N)`.

    Args:
        predictions: f_m, members last.
        target: y, of a shape that expands to `(*N)`.
        weights: g_m, of a shape that expands to `(*N, M)`; (M) for the same weights everywhere.

    Warns:
        UserWarning: if a weight is negative: the identity holds, but the ambiguity may be negative.

    Source: Krogh & Vedelsby 1995.
    """
    target = _expand("target", target, predictions.shape[:-1])
    weights = _weights(weights, predictions.shape)
    pool = (weights * predictions).sum(-1, keepdim=True)  # (*N, 1)
    return _Decomposition(
        ensemble=(target - pool[..., 0]).square(),
        average=(weights * (target[..., None] - predictions).square()).sum(-1),
        ambiguity=(weights * (predictions - pool).square()).sum(-1),
    )


@checked
def negative_correlation_loss(
    predictions: Predictions, target: Target, weights: Float[Tensor, "*W M"], kappa: Probability
) -> Float[Tensor, "*N"]:
    """Return the members' average squared error minus kappa times their ambiguity, at each point.

    It equals (1 - kappa) times the average error plus kappa times the ensemble error. For kappa = 0 each member is
    trained alone. For kappa = 1 only the error of the pool counts, the cooperative loss of a mixture.

    Args:
        predictions: f_m, members last.
        target: y, of a shape that expands to `(*N)`.
        weights: g_m, of a shape that expands to `(*N, M)`.
        kappa: from 0 to 1; above 1 the loss has no minimum if members are free.

    Source: Liu & Yao 1999, "Ensemble learning via negative correlation".
    """
    _, average, ambiguity = ambiguity_decomposition(predictions, target, weights)
    return average - kappa * ambiguity


@checked
def log_pool_decomposition(
    log_probabilities: Float[Tensor, "*N M K"], target: Int[Tensor, "*T"], weights: Float[Tensor, "*W M"]
) -> _Decomposition:
    """Split the log loss of the normalized geometric pool into the members' average log loss and a KL ambiguity.

    The pool is q = prod_m p_m^{g_m} / Z. Then -log q(y) = sum_m g_m (-log p_m(y)) - sum_m g_m KL(q || p_m), in nats.

    Returns a named tuple (ensemble, average, ambiguity), each of shape `(*N)`.

    Args:
        log_probabilities: log p_m of each of K outcomes, such as the log-softmax of logits.
        target: y, one of 0..K-1, of a shape that expands to `(*N)`.
        weights: g_m, of a shape that expands to `(*N, M)`.

    Warns:
        UserWarning: if a weight is negative.

    Source: Heskes 1998, "Selecting weighting factors in logarithmic opinion pools".
    """
    at_target = _at_target(log_probabilities, target)  # (*N, M)
    weights = _weights(weights, at_target.shape)
    pool = _times(weights[..., None], log_probabilities).sum(-2).log_softmax(-1)  # (*N, K)
    outcome = torch.broadcast_to(target, pool.shape[:-1]).long()[..., None]
    surprise = _times(pool.exp()[..., None, :], pool[..., None, :] - log_probabilities)
    return _Decomposition(
        ensemble=-pool.gather(-1, outcome)[..., 0],
        average=_times(weights, -at_target).sum(-1),
        ambiguity=_times(weights, surprise.sum(-1)).sum(-1),
    )


@checked
def mixture_gap(
    log_probabilities: Float[Tensor, "*N M K"], target: Int[Tensor, "*T"], weights: Float[Tensor, "*W M"]
) -> _Decomposition:
    """Split the log loss of the mixture sum_m g_m p_m into the average log loss and the gap of Jensen's inequality.

    -log p(y) = sum_m g_m (-log p_m(y)) - KL(g || r), in nats, where r_m = g_m p_m(y) / p(y) are the responsibilities.
    Unlike an ambiguity, the gap depends on the target; it is never negative. Negative weights are refused.

    Returns a named tuple (ensemble, average, gap), each of shape `(*N)`.

    Args:
        log_probabilities: log p_m of each of K outcomes.
        target: y, one of 0..K-1, of a shape that expands to `(*N)`.
        weights: g_m, of a shape that expands to `(*N, M)`.
    """
    at_target = _at_target(log_probabilities, target)  # (*N, M)
    weights = _weights(weights, at_target.shape)
    if (weights < 0).any():
        raise ValueError(f"the weights of a mixture must be >= 0, got {weights.min().item():g}")
    joint = weights.log() + at_target  # log g_m p_m(y)
    mixture = joint.logsumexp(-1)
    responsibilities = joint - mixture[..., None]  # their logarithms
    return _Decomposition(
        ensemble=-mixture,
        average=_times(weights, -at_target).sum(-1),
        ambiguity=_times(weights, weights.log() - responsibilities).sum(-1),
    )


@checked
def majority_error(error: Probability, members: Count) -> float:
    """Return the probability that a majority of M independent voters is wrong; a tie is decided by a fair coin.

    With three or more voters, the vote is better than its voters if their error is between 0 and 1/2, and worse between
    1/2 and 1.

    Args:
        error: the probability that one voter chooses the wrong one of two classes.
        members: number of voters M.
    """
    tie = binom.pmf(members // 2, members, error) / 2 if members % 2 == 0 else 0.0
    return float(binom.sf(members // 2, members, error) + tie)


def _times(weights: Tensor, values: Tensor) -> Tensor:
    """Multiply with 0 * infinity = 0, so that a term of weight or probability 0 contributes nothing."""
    return torch.where(weights == 0, 0.0, weights * values)


def _expand(name: str, tensor: Tensor, shape: torch.Size) -> Tensor:
    """Expand a tensor to a shape, without broadcasting into a larger one."""
    try:
        return tensor.expand(shape)
    except RuntimeError as error:
        raise ValueError(
            f"{name} must have a shape that expands to {tuple(shape)}, got {tuple(tensor.shape)}"
        ) from error


def _weights(weights: Tensor, shape: torch.Size) -> Tensor:
    """Return the weights expanded to a shape, if they are finite and sum to one over the members."""
    expanded = _expand("weights", weights, shape)
    if not weights.isfinite().all():
        raise ValueError(f"weights must be finite, got {weights[~weights.isfinite()][0].item()}")
    total = expanded.sum(-1)  # of the expanded weights: a single weight for all members does not sum to 1
    tolerance = 8 * torch.finfo(weights.dtype).eps * shape[-1] * expanded.abs().sum(-1)
    wrong = (total - 1).abs() > tolerance  # rounding grows with the terms of the sum
    if wrong.any():
        raise ValueError(f"weights must sum to 1 over the members, got a sum of {total[wrong].flatten()[0].item():.7g}")
    if (weights < 0).any():
        least = weights.min().item()
        warnings.warn(f"a weight is negative ({least:g}): the ambiguity may be negative too", stacklevel=3)
    return expanded


def _at_target(log_probabilities: Tensor, target: Tensor) -> Tensor:
    """Return log p_m(y), of shape (*N, M), if each p_m sums to one and y is one of the outcomes."""
    *points, members, outcomes = log_probabilities.shape
    target = _expand("target", target, torch.Size(points))
    total = log_probabilities.logsumexp(-1).exp()
    wrong = ~((total - 1).abs() < 1e-4)  # NaN is wrong too
    if wrong.any():
        first = total[wrong].flatten()[0].item()
        wanted = "log_probabilities must be those of probabilities that sum to 1 over the outcomes"
        raise ValueError(f"{wanted}, got {first:.6g}; pass logits.log_softmax(-1)")
    if target.numel() and not 0 <= target.min() <= target.max() < outcomes:
        raise ValueError(f"target must be one of the outcomes 0..{outcomes - 1}, got {target.min()}..{target.max()}")
    index = target.long()[..., None, None].expand(*points, members, 1)
    return log_probabilities.gather(-1, index)[..., 0]
