"""Exercises of chapter 13: the log loss of a mixture, and two pools of a bag of language models."""

import math
import random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 13.3


def _mixture_and_average(probabilities, weights):
    """Return (mixture, average) at each of N positions: two tensors of shape (N,), in nats.

    `probabilities` has the shape (N, M): the probability that each of the M members gave to the
    observed symbol. It may be 0, and the average is then infinite. `weights` has the shape (M,),
    with entries above 0 that sum to 1. The first value is the log loss of the weighted mean of
    the probabilities, the second the weighted mean of the members' log losses. The results have
    the dtype of the arguments.
    """
    mixture = -(weights * probabilities).sum(dim=-1).log()
    average = -(weights * probabilities.log()).sum(dim=-1)
    return mixture, average


def _given(rng: random.Random, n: int, m: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return random probabilities, and weights that are not equal."""
    weights = torch.arange(1, m + 1, dtype=dtype) + normal(rng, m, dtype=dtype).sigmoid() / 2
    return normal(rng, n, m, dtype=dtype).sigmoid(), weights / weights.sum()


def _mixture_cases(rng: random.Random) -> list[Case]:
    n, m = rng.randint(4, 6), rng.randint(7, 9)
    never, weights = _given(rng, 2, 3)
    never[0, 1] = 0
    return [
        Case(_given(rng, 1, 2), "one position and two members"),
        Case(_given(rng, 3, 3), "three positions and three members"),
        Case((never, weights), "a member that gave the probability 0"),
        Case(_given(rng, 3, 1), "one member"),
        Case(_given(rng, n, m), f"N = {n}, M = {m}"),
        Case(_given(rng, 5, 4, torch.float64), "float64"),
    ]


def _jensen(arguments: tuple[Any, ...], result: Any) -> bool:
    mixture, average = result
    return bool((mixture <= average + 1e-5).all())


_MIXTURE = Exercise(
    number="13.3",
    name="mixture_and_average",
    title="Jensen's inequality for the log loss",
    solution=_mixture_and_average,
    cases=_mixture_cases,
    properties=(
        ("a log loss is never negative", lambda arguments, result: all(bool((each >= -1e-5).all()) for each in result)),
        ("by Jensen's inequality, the mixture's loss is never above the average loss", _jensen),
    ),
    returns=("the mixture's loss", "the average loss"),
)


@_MIXTURE.mistake(
    looks="All values are right up to the factor 1.44: they are bits instead of nats.",
    hint="your losses are in bits. Which logarithm gives nats?",
)
def _bits(probabilities, weights):
    return -(weights * probabilities).sum(dim=-1).log2(), -(weights * probabilities.log2()).sum(dim=-1)


@_MIXTURE.mistake(
    looks="Both values are negative: these are log probabilities, and a loss is their negative.",
    hint="these are log probabilities, which are at most 0. A loss has the opposite sign.",
)
def _no_minus(probabilities, weights):
    return (weights * probabilities).sum(dim=-1).log(), (weights * probabilities.log()).sum(dim=-1)


@_MIXTURE.mistake(
    looks="The two values are exchanged, so the mixture seems worse than its average member.",
    hint="your two values are exchanged. Is the logarithm of the mixture taken before or after the mean?",
)
def _exchanged(probabilities, weights):
    return -(weights * probabilities.log()).sum(dim=-1), -(weights * probabilities).sum(dim=-1).log()


@_MIXTURE.mistake(
    looks="The two values are equal, as if pooling had no effect.",
    hint="both values are the mean of the members' losses. For the mixture, average the probabilities first, then take "
    "the logarithm.",
)
def _logarithm_before_the_mean(probabilities, weights):
    average = -(weights * probabilities.log()).sum(dim=-1)
    return average, average


@_MIXTURE.mistake(
    looks="Right for equal weights only.",
    hint="your means give each member the weight 1/M. Where do the weights enter?",
)
def _equal_weights(probabilities, weights):
    return -probabilities.mean(dim=-1).log(), -probabilities.log().mean(dim=-1)


@_MIXTURE.mistake(
    looks="Two numbers for all positions together.",
    hint="you averaged over the positions as well. Which dimension holds the members?",
)
def _mean_over_the_positions(probabilities, weights):
    mixture = -(weights * probabilities).sum(dim=-1).log()
    return mixture.mean(), -(weights * probabilities.log()).sum(dim=-1).mean()


@_MIXTURE.mistake(
    looks="The average has equal weights, the mixture has those that are given.",
    hint="your average gives each member the weight 1/M. Both values need the same weights.",
)
def _equal_weights_in_the_average(probabilities, weights):
    return -(weights * probabilities).sum(dim=-1).log(), -probabilities.log().mean(dim=-1)


@_MIXTURE.mistake(
    looks="Finite where it should be infinite: a small constant keeps the logarithm away from 0.",
    hint="you add a small constant, so a member that excludes the observed symbol gets a finite loss. It must be "
    "infinite: torch.log(torch.tensor(0.0)) is -inf, and needs no protection.",
)
def _small_constant(probabilities, weights):
    average = -(weights * (probabilities + 1e-9).log()).sum(dim=-1)
    return -((weights * probabilities).sum(dim=-1) + 1e-9).log(), average


# 13.4


def _bag_losses(logits, targets):
    """Return (average, probabilities, logits): three losses in nats, tensors of shape ().

    `logits` has the shape (M, T, V): the scores of M models at T positions for V tokens, float32
    or float64. `targets` has the shape (T,) and holds the observed tokens. All members have the
    same weight, and each loss is the mean over the positions. The first is the members' average
    loss. The second is the loss of the mean of their probabilities, the third the loss of the
    softmax of the mean of their logits. All three have the dtype of the logits, and are finite
    even if each model's score of a target is 1,000 below its other scores.
    """
    log_p = logits.log_softmax(dim=-1)
    at_target = log_p[:, torch.arange(len(targets)), targets]  # (M, T)
    average = -at_target.mean()
    probabilities = -(at_target.logsumexp(dim=0) - math.log(len(logits))).mean()
    return average, probabilities, F.cross_entropy(logits.mean(dim=0), targets)


def _bag(rng: random.Random, m: int, t: int, v: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return scores of models of different sharpness, and targets."""
    sharpness = torch.linspace(1, 3, m, dtype=dtype)[:, None, None]
    targets = torch.tensor([rng.randrange(v) for _ in range(t)])
    return sharpness * normal(rng, m, t, v, dtype=dtype), targets


def _bag_cases(rng: random.Random) -> list[Case]:
    m, t = rng.randint(3, 4), rng.randint(5, 7)
    improbable, targets = _bag(rng, 2, 3, 4)
    improbable[:, 1, targets[1]] -= 1000
    shifted, others = _bag(rng, 3, 4, 6)
    return [
        Case(_bag(rng, 2, 1, 3), "M = 2, T = 1, V = 3"),
        Case(_bag(rng, 3, 3, 3), "M = T = V = 3"),
        Case((improbable, targets), "a target whose scores are 1,000 below the others"),
        Case((shifted + torch.tensor([0.0, 9.0, -9.0])[:, None, None], others), "logits of different levels"),
        Case(_bag(rng, 1, 4, 5), "one model"),
        Case(_bag(rng, m, t, 6, torch.float64), f"M = {m}, T = {t}, V = 6 in float64"),
    ]


_BAG = Exercise(
    number="13.4",
    name="bag_losses",
    title="average the probabilities or the logits",
    solution=_bag_losses,
    cases=_bag_cases,
    properties=(
        ("all losses must be finite", lambda arguments, result: all(bool(each.isfinite().all()) for each in result)),
        (
            "neither pool can be worse than the average member",
            lambda arguments, result: bool((torch.stack(result[1:]) <= result[0] + 1e-4 * result[0].abs()).all()),
        ),
    ),
    returns=("the average loss", "the loss of the mean probabilities", "the loss of the mean logits"),
)


@_BAG.mistake(
    looks="The second loss is far too high, near ln V, because the softmax is applied twice.",
    hint="cross_entropy expects logits and applies a softmax itself, so probabilities are flattened a second "
    "time. Take the logarithm of the mean probability of the target.",
)
def _softmax_twice(logits, targets):
    log_p = logits.log_softmax(dim=-1)
    average = -log_p[:, torch.arange(len(targets)), targets].mean()
    probabilities = F.cross_entropy(logits.softmax(dim=-1).mean(dim=0), targets)
    return average, probabilities, F.cross_entropy(logits.mean(dim=0), targets)


@_BAG.mistake(
    looks="The third loss equals the first, as if averaging logits had no effect.",
    hint="the mean of the members' log probabilities is not the logarithm of a distribution: its exponentials sum to "
    "less than 1. Normalize after the mean.",
)
def _not_normalized(logits, targets):
    log_p = logits.log_softmax(dim=-1)
    at_target = log_p[:, torch.arange(len(targets)), targets]
    probabilities = -(at_target.logsumexp(dim=0) - math.log(len(logits))).mean()
    return -at_target.mean(), probabilities, -at_target.mean()


@_BAG.mistake(
    looks="The third pool is too sharp, as if sampled at a temperature of 1/M.",
    hint="you add the logits. Their sum is M times their mean, which sharpens the distribution like a temperature of "
    "1/M.",
)
def _sum_of_logits(logits, targets):
    log_p = logits.log_softmax(dim=-1)
    at_target = log_p[:, torch.arange(len(targets)), targets]
    probabilities = -(at_target.logsumexp(dim=0) - math.log(len(logits))).mean()
    return -at_target.mean(), probabilities, F.cross_entropy(logits.sum(dim=0), targets)


@_BAG.mistake(
    looks="The second loss is too low by ln M, and sometimes negative: the probabilities were added, not averaged.",
    hint="the members' probabilities are added, so they sum to M. What must be subtracted from the logarithm?",
)
def _sum_of_probabilities(logits, targets):
    log_p = logits.log_softmax(dim=-1)
    at_target = log_p[:, torch.arange(len(targets)), targets]
    return -at_target.mean(), -at_target.logsumexp(dim=0).mean(), F.cross_entropy(logits.mean(dim=0), targets)


@_BAG.mistake(
    looks="Right for usual scores, and infinite where all members' probabilities of the target underflow to 0.",
    hint="the probability of an improbable target underflows to 0, and its logarithm is infinite. logsumexp adds "
    "probabilities that are given by their logarithms.",
)
def _underflow(logits, targets):
    at_target = logits.log_softmax(dim=-1)[:, torch.arange(len(targets)), targets]
    probabilities = -at_target.exp().mean(dim=0).log().mean()
    return -at_target.mean(), probabilities, F.cross_entropy(logits.mean(dim=0), targets)


@_BAG.mistake(
    looks="The softmax runs over the models, so each model's probabilities do not sum to 1.",
    hint="your softmax runs over the models. A distribution sums to 1 over the tokens: which dimension is that?",
)
def _softmax_over_the_models(logits, targets):
    at_target = logits.log_softmax(dim=0)[:, torch.arange(len(targets)), targets]
    probabilities = -(at_target.logsumexp(dim=0) - math.log(len(logits))).mean()
    return -at_target.mean(), probabilities, F.cross_entropy(logits.mean(dim=0), targets)


@_BAG.mistake(
    looks="All three values are right up to the factor 1.44: they are bits instead of nats.",
    hint="your losses are in bits. Which logarithm gives nats?",
)
def _bits_of_the_bag(logits, targets):
    at_target = logits.log_softmax(dim=-1)[:, torch.arange(len(targets)), targets]
    probabilities = -(at_target.logsumexp(dim=0) - math.log(len(logits))).mean()
    losses = -at_target.mean(), probabilities, F.cross_entropy(logits.mean(dim=0), targets)
    return tuple(loss / math.log(2) for loss in losses)


@_BAG.mistake(
    looks="The losses grow with the length of the text.",
    hint="you added the losses of the positions. Each loss is a mean over the positions.",
)
def _sum_over_the_positions(logits, targets):
    at_target = logits.log_softmax(dim=-1)[:, torch.arange(len(targets)), targets]
    probabilities = -(at_target.logsumexp(dim=0) - math.log(len(logits))).sum()
    together = F.cross_entropy(logits.mean(dim=0), targets, reduction="sum")
    return -at_target.mean(dim=0).sum(), probabilities, together


@_BAG.mistake(
    looks="The last two losses are exchanged, which often goes unnoticed because they are similar.",
    hint="your last two losses are exchanged. The second belongs to the mean of the probabilities.",
)
def _exchanged_pools(logits, targets):
    at_target = logits.log_softmax(dim=-1)[:, torch.arange(len(targets)), targets]
    probabilities = -(at_target.logsumexp(dim=0) - math.log(len(logits))).mean()
    return -at_target.mean(), F.cross_entropy(logits.mean(dim=0), targets), probabilities
