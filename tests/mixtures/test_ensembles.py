"""Ensemble error against average error: identities to rounding error, and the slide's weights, for which they fail."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from lecture21.mixtures import (
    LinearGate,
    LinearGaussian,
    Mixture,
    ambiguity_decomposition,
    log_pool_decomposition,
    majority_error,
    mixture_gap,
    negative_correlation_loss,
)
from lecture21.mixtures.gradient import _cooperative_loss


def gaussians(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@st.composite
def problems(draw, signed: bool = True):
    """Points, members and outcomes; weights that sum to one, negative ones among them if `signed`."""
    points = draw(st.lists(st.integers(1, 4), max_size=2))
    members, outcomes = draw(st.integers(1, 6)), draw(st.integers(2, 5))
    seed = draw(st.integers(0, 2**31))
    places = points if draw(st.booleans()) else []  # the same weights everywhere, or others at each point
    weights = gaussians(*places, members, seed=seed)
    weights = 2 * weights if signed else weights.exp() + 0.01
    total = weights.sum(-1, keepdim=True)
    # Signed weights are shifted, not scaled, to sum to one: dividing by a sum near 0 would make them arbitrarily large.
    weights = weights - (total - 1) / members if signed else weights / total
    return points, members, outcomes, weights, seed


@pytest.mark.filterwarnings("ignore:a weight is negative")
@given(problems(), st.floats(0.01, 10))
def test_the_ambiguity_decomposition_is_an_identity_for_weights_that_sum_to_one(problem, scale):
    points, members, _, weights, seed = problem
    predictions, target = scale * gaussians(*points, members, seed=seed + 1), scale * gaussians(*points, seed=seed + 2)
    actual = ambiguity_decomposition(predictions, target, weights)
    assert all(term.shape == tuple(points) for term in actual)
    size = 1 + (weights.abs() * (predictions.square() + target.square()[..., None])).sum(-1)
    assert ((actual.ensemble - (actual.average - actual.ambiguity)).abs() <= 1e-12 * size).all()


@given(problems(signed=False))
def test_with_weights_that_are_not_negative_a_pool_is_never_worse_than_its_average_member(problem):
    points, members, outcomes, weights, seed = problem
    predictions, target = gaussians(*points, members, seed=seed + 1), gaussians(*points, seed=seed + 2)
    logs = (3 * gaussians(*points, members, outcomes, seed=seed + 3)).log_softmax(-1)
    outcome = gaussians(*points, outcomes, seed=seed + 4).argmax(-1)
    for actual in (
        ambiguity_decomposition(predictions, target, weights),
        log_pool_decomposition(logs, outcome, weights),
        mixture_gap(logs, outcome, weights),
    ):
        assert (actual.ambiguity >= -1e-12).all()
        assert (actual.ensemble <= actual.average + 1e-12).all()


@given(problems(signed=False), st.floats(0, 1))
def test_negative_correlation_is_between_the_two_losses_and_so_is_its_gradient(problem, kappa):
    points, members, _, weights, seed = problem
    predictions = gaussians(*points, members, seed=seed + 1).requires_grad_()
    target = gaussians(*points, seed=seed + 2)
    ensemble, average, _ = ambiguity_decomposition(predictions, target, weights)
    for at, expected in ((0, average), (1, ensemble), (kappa, (1 - kappa) * average + kappa * ensemble)):
        actual = negative_correlation_loss(predictions, target, weights, at)
        assert actual.shape == tuple(points)
        assert torch.allclose(actual, expected, atol=1e-12)
    (gradient,) = torch.autograd.grad(actual.sum(), predictions)
    pool = (weights * predictions).sum(-1, keepdim=True)
    own, shared = predictions - target[..., None], pool - target[..., None]
    assert torch.allclose(gradient, 2 * weights * ((1 - kappa) * own + kappa * shared), atol=1e-12)


def test_negative_correlation_at_one_is_the_cooperative_loss_of_a_mixture():
    torch.manual_seed(0)
    mixture = Mixture([LinearGaussian(1) for _ in range(3)], LinearGate(1, 3)).double()
    x, y = gaussians(40, 1, seed=0), gaussians(40, seed=1)
    by_hand = negative_correlation_loss(mixture.member_means(x), y, mixture.gate_probabilities(x), 1).mean()
    cooperative = _cooperative_loss(mixture, x, y)
    assert torch.allclose(by_hand, cooperative)
    # Neither trains the standard deviations.
    trained = [p for name, p in mixture.named_parameters() if "log_sd" not in name]
    for mine, theirs in zip(
        torch.autograd.grad(by_hand, trained), torch.autograd.grad(cooperative, trained), strict=True
    ):
        assert torch.allclose(mine, theirs)


def test_with_the_two_sets_of_weights_of_the_slide_the_ensemble_can_be_worse_than_its_average():
    """f-bar with g, the average with 1 / M: the truth is 0, members say 0, 0 and 3, and the gate trusts the third."""
    predictions, target, gate = torch.tensor([0.0, 0.0, 3.0]), torch.tensor(0.0), torch.tensor([0.0, 0.0, 1.0])
    uniform = torch.full((3,), 1 / 3)
    ensemble = ambiguity_decomposition(predictions, target, gate).ensemble.item()
    slide = ambiguity_decomposition(predictions, target, uniform).average.item()
    assert (ensemble, round(slide, 5)) == (9.0, 3.0)
    assert ambiguity_decomposition(predictions, target, gate).average.item() == 9.0


def test_the_decomposition_with_mixed_weights_needs_a_cross_term():
    """eps = eps_bar(1/M) + sum (g - 1/M) eps_m - ambiguity: the identity needs the middle term."""
    predictions, target = gaussians(500, 7, seed=0), gaussians(500, seed=1)
    gates = torch.distributions.Dirichlet(torch.full((7,), 0.5, dtype=torch.float64)).sample((500,))
    gated = ambiguity_decomposition(predictions, target, gates)
    uniform = ambiguity_decomposition(predictions, target, torch.full((7,), 1 / 7, dtype=torch.float64))
    cross = ((gates - 1 / 7) * (target[:, None] - predictions).square()).sum(-1)
    assert torch.allclose(gated.ensemble, uniform.average + cross - gated.ambiguity, rtol=0, atol=1e-12)
    naive = (gated.ensemble - (uniform.average - gated.ambiguity)).abs()
    assert naive.mean() > 0.1
    assert (gated.ensemble > uniform.average).double().mean() > 0.05
    assert not (gated.ensemble > gated.average).any()


def test_with_negative_weights_the_identity_holds_but_the_ambiguity_can_be_negative():
    predictions, target = gaussians(50, 2, seed=0), gaussians(50, seed=1)
    weights = torch.tensor([2.0, -1.0], dtype=torch.float64)
    with pytest.warns(UserWarning, match=r"negative \(-1\)"):
        actual = ambiguity_decomposition(predictions, target, weights)
    assert torch.allclose(actual.ensemble, actual.average - actual.ambiguity, rtol=0, atol=1e-12)
    assert (actual.ambiguity < 0).all()


@pytest.mark.filterwarnings("error")
def test_weights_that_are_not_negative_do_not_warn():
    ambiguity_decomposition(
        gaussians(5, 2, seed=0), gaussians(5, seed=1), torch.tensor([0.0, 1.0], dtype=torch.float64)
    )


@pytest.mark.filterwarnings("ignore:a weight is negative")
@given(problems())
def test_the_log_loss_of_the_geometric_pool_is_average_less_kullback_leibler(problem):
    points, members, outcomes, weights, seed = problem
    logs = gaussians(*points, members, outcomes, seed=seed + 1).log_softmax(-1)
    target = gaussians(*points, outcomes, seed=seed + 2).argmax(-1)
    actual = log_pool_decomposition(logs, target, weights)
    assert all(term.shape == tuple(points) for term in actual)
    pool = Categorical(logits=(weights[..., None] * logs).sum(-2))
    assert torch.allclose(actual.ensemble, -pool.log_prob(target), rtol=0, atol=1e-12)
    each = kl_divergence(Categorical(logits=pool.logits[..., None, :].expand(logs.shape)), Categorical(logits=logs))
    assert torch.allclose(actual.ambiguity, (weights * each).sum(-1), rtol=0, atol=1e-11)
    assert torch.allclose(actual.ensemble, actual.average - actual.ambiguity, rtol=0, atol=1e-11)


@given(problems(signed=False))
def test_the_gap_of_a_mixture_is_how_far_the_weights_are_from_the_responsibilities(problem):
    points, members, outcomes, weights, seed = problem
    logs = (2 * gaussians(*points, members, outcomes, seed=seed + 1)).log_softmax(-1)
    target = gaussians(*points, outcomes, seed=seed + 2).argmax(-1)
    actual = mixture_gap(logs, target, weights)
    at_target = logs.gather(-1, target[..., None, None].expand(*points, members, 1))[..., 0]
    joint = weights * at_target.exp()
    assert torch.allclose(actual.ensemble, -joint.sum(-1).log(), rtol=0, atol=1e-12)
    responsibilities = Categorical(probs=joint)
    gap = kl_divergence(Categorical(probs=weights.expand(joint.shape)), responsibilities)
    assert torch.allclose(actual.ambiguity, gap, rtol=0, atol=1e-11)
    assert torch.allclose(actual.ensemble, actual.average - actual.ambiguity, rtol=0, atol=1e-12)


def test_a_gap_depends_on_the_target_and_an_ambiguity_does_not():
    logs = torch.tensor([[0.5, 0.4, 0.1], [0.5, 0.1, 0.4]]).log()
    weights = torch.tensor([0.5, 0.5])
    gaps = [mixture_gap(logs, torch.tensor(y), weights).ambiguity.item() for y in range(3)]
    assert gaps[0] == pytest.approx(0, abs=1e-6)  # the members agree there
    assert gaps[1] > 0.2
    ambiguities = [log_pool_decomposition(logs, torch.tensor(y), weights).ambiguity.item() for y in range(3)]
    assert ambiguities == pytest.approx([ambiguities[0]] * 3)


def test_a_member_of_weight_zero_does_not_count_even_where_its_probability_is_zero():
    logs = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]).log()
    for split in (mixture_gap, log_pool_decomposition):
        actual = split(logs, torch.tensor(0), torch.tensor([1.0, 0.0]))
        assert [term.item() for term in actual] == pytest.approx([math.log(2), math.log(2), 0], abs=1e-6)


def test_one_probability_of_zero_determines_the_geometric_pool_and_not_the_mixture():
    logs = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]).log()
    half = torch.tensor([0.5, 0.5])
    assert mixture_gap(logs, torch.tensor(0), half).ensemble.item() == pytest.approx(math.log(4))
    assert log_pool_decomposition(logs, torch.tensor(0), half).ensemble.item() == math.inf
    assert log_pool_decomposition(logs, torch.tensor(1), half).ensemble.item() == pytest.approx(0, abs=1e-6)


@given(st.integers(1, 7), st.floats(0, 1))
def test_majority_error_agrees_with_enumerating_every_vote(members, error):
    total = 0.0
    for votes in product((0, 1), repeat=members):  # 1: this voter is wrong
        wrong = sum(votes)
        chance = error**wrong * (1 - error) ** (members - wrong)
        total += chance * (1.0 if 2 * wrong > members else 0.5 if 2 * wrong == members else 0.0)
    assert majority_error(error, members) == pytest.approx(total, abs=1e-12)


def test_voters_below_one_half_are_better_together_and_above_it_worse():
    """Slide 34's consensus, for votes: three that err in 40 % err together in 35.2 %, 101 in 2.1 %."""
    assert round(majority_error(0.4, 3), 3) == 0.352
    assert round(majority_error(0.4, 101), 3) == 0.021
    assert round(majority_error(0.6, 101), 3) == 0.979
    assert majority_error(0.5, 101) == pytest.approx(0.5)
    assert majority_error(0.45, 100_001) < 1e-9


def test_a_mixture_refuses_negative_weights():
    logs = torch.tensor([[0.5, 0.5], [0.9, 0.1]]).log()
    with pytest.raises(ValueError, match=r"must be >= 0, got -1"), pytest.warns(UserWarning, match="negative"):
        mixture_gap(logs, torch.tensor(0), torch.tensor([2.0, -1.0]))
