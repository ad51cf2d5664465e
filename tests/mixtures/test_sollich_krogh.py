"""Ensembles of ridge students: the formulas against fresh simulations, their limits, and a lower bound."""

import math
from itertools import pairwise, product
from statistics import mean, stdev

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lecture21.mixtures import (
    best_penalty,
    equivalent_penalty,
    ignorance,
    simulate_ridge_ensemble,
    sollich_krogh_error,
)
from lecture21.mixtures.sollich_krogh import _cross_error

alphas, shares, noises = st.floats(0.2, 4), st.floats(0.1, 1), st.floats(0.02, 2)
penalties, counts = st.floats(1e-3, 10), st.integers(1, 50) | st.just(math.inf)


def far(actual: list[float], expected: float) -> float:
    """Return the distance of a mean over seeds from its expected value, in standard errors."""
    return abs(mean(actual) - expected) / (stdev(actual) / math.sqrt(len(actual)))


def simulated(seeds: int, **setting: object) -> Tensor:
    """Return the cross-errors of several seeds, (seed, L, M, M)."""
    return torch.stack([simulate_ridge_ensemble(**setting, seed=seed).cross for seed in range(1000, 1000 + seeds)])


@pytest.mark.parametrize(
    ("alpha", "subset", "noise", "members"), [(0.7, 0.5, 0.35, 3), (1.3, 0.75, 0.1, 6), (2.5, 0.3, 0.8, 4)]
)
def test_theory_agrees_with_fresh_simulations(alpha, subset, noise, members):
    """At settings that no chapter uses; N is finite, so that the bound is loose: theory is off by some 1 / N."""
    chosen = [0.05, 0.3, 1.5]
    cross = simulated(
        60, alpha=alpha, subset=subset, noise=noise, members=members, penalty=torch.tensor(chosen), width=120
    )
    for row, penalty in enumerate(chosen):
        errors = cross[:, row].mean(dim=(1, 2)).tolist()
        expected = sollich_krogh_error(alpha, subset, noise, members, penalty)
        assert far(errors, expected) < 3
        assert abs(mean(errors) / expected - 1) < 0.05
        own = cross[:, row].diagonal(dim1=1, dim2=2).mean(1).tolist()
        assert far(own, _cross_error(alpha, noise, subsets=(subset,) * 2, penalties=(penalty,) * 2, overlap=subset)) < 3


def test_theory_holds_for_students_of_unequal_subsets_and_penalties():
    subsets, chosen = [0.4, 0.9, 0.65], [0.02, 0.5, 1.1]
    cross = simulated(
        80, alpha=1.2, subset=subsets, noise=0.3, members=3, penalty=torch.tensor([chosen]), width=120
    )  # fmt: skip

    def farthest(penalties: list[float]) -> float:
        distances = []
        for k, m in product(range(3), repeat=2):
            two = {"subsets": (subsets[k], subsets[m]), "penalties": (penalties[k], penalties[m])}
            theory = _cross_error(1.2, 0.3, **two, overlap=subsets[k] if k == m else None)
            distances.append(far(cross[:, 0, k, m].tolist(), theory))
        return max(distances)

    assert farthest(chosen) < 3
    assert farthest(chosen[::-1]) > 6  # the test can tell


def test_the_cross_error_on_disjoint_subsets_is_the_squared_ignorance():
    rho = ignorance(0.5, 0.2)
    assert _cross_error(1.0, 0.4, subsets=(0.5, 0.5), penalties=(0.2, 0.2), overlap=0.0) == pytest.approx(rho**2)


@given(alphas, penalties)
def test_ignorance_solves_its_equation_and_is_between_its_limits(alpha, penalty):
    rho = ignorance(alpha, penalty)
    assert rho**2 + (penalty + alpha - 1) * rho - penalty == pytest.approx(0, abs=1e-12)
    assert max(0.0, 1 - alpha) <= rho <= 1
    assert ignorance(alpha, 0.0) == max(0.0, 1 - alpha)
    assert ignorance(alpha, 1e200) == pytest.approx(1)
    assert ignorance(alpha, 2 * penalty) > rho


@given(alphas, noises, penalties, counts)
def test_students_on_all_examples_are_identical(alpha, noise, penalty, members):
    one = sollich_krogh_error(alpha, 1.0, noise, 1, penalty)
    assert sollich_krogh_error(alpha, 1.0, noise, members, penalty) == pytest.approx(one, rel=1e-9)


@given(alphas, shares, noises, penalties)
def test_one_member_is_a_student_on_fewer_examples(alpha, subset, noise, penalty):
    alone = sollich_krogh_error(alpha, subset, noise, 1, penalty)
    assert alone == pytest.approx(sollich_krogh_error(alpha * subset, 1.0, noise, 1, penalty), rel=1e-9)


@given(alphas, shares, noises, penalties)
def test_more_members_err_less_down_to_the_limit(alpha, subset, noise, penalty):
    errors = [sollich_krogh_error(alpha, subset, noise, members, penalty) for members in (1, 2, 5, 10**9, math.inf)]
    assert all(fewer >= more - 1e-9 * fewer for fewer, more in pairwise(errors))
    assert errors[-2] == pytest.approx(errors[-1], rel=1e-6)


@given(alphas, shares, noises)
def test_one_member_is_best_where_the_penalty_is_the_noise_at_any_subset(alpha, subset, noise):
    assert best_penalty(alpha, subset, noise, 1) == pytest.approx(noise, rel=1e-3)


@given(alphas, shares, noises, counts)
def test_the_best_penalty_is_better_than_any_of_a_grid(alpha, subset, noise, members):
    best = best_penalty(alpha, subset, noise, members)
    least = sollich_krogh_error(alpha, subset, noise, members, best)
    for penalty in [0.0, *torch.logspace(-8, 1, 40).tolist()]:
        assert least <= sollich_krogh_error(alpha, subset, noise, members, penalty) * (1 + 1e-9)


@given(alphas, shares, noises, penalties, counts)
def test_no_ensemble_is_better_than_the_best_student_on_all_examples(alpha, subset, noise, penalty, members):
    floor = sollich_krogh_error(alpha, 1.0, noise, 1, noise)
    assert floor == pytest.approx(ignorance(alpha, noise), rel=1e-9)
    assert sollich_krogh_error(alpha, subset, noise, members, penalty) >= floor * (1 - 1e-12)


@given(alphas, shares, noises)
def test_infinitely_many_students_match_the_best_student_if_the_subsets_are_large_enough(alpha, subset, noise):
    floor = ignorance(alpha, noise)
    best = best_penalty(alpha, subset, noise, math.inf)
    gap = sollich_krogh_error(alpha, subset, noise, math.inf, best) - floor
    room = alpha * subset - (1 - floor)
    if room > 1e-3:
        assert gap < 1e-7
    elif room < -1e-2:
        assert best == 0
        assert gap > 1e-7


@given(alphas, shares, noises, penalties)
def test_infinitely_many_students_equal_one_student_with_a_larger_penalty(alpha, subset, noise, penalty):
    equivalent = equivalent_penalty(alpha, subset, penalty)
    assert equivalent >= penalty * (1 - 1e-9)
    ensemble = sollich_krogh_error(alpha, subset, noise, math.inf, penalty)
    assert ensemble == pytest.approx(sollich_krogh_error(alpha, 1.0, noise, 1, equivalent), rel=1e-6)


def test_more_members_lower_the_best_penalty_unless_all_have_the_same_examples():
    for subset, moves in ((1.0, False), (0.8, True), (0.65, True)):
        best = [best_penalty(1.0, subset, 0.2, members) for members in (1, 2, 5, 10, 30, math.inf)]
        assert best[0] == pytest.approx(0.2, rel=1e-3)
        if moves:
            assert all(more < 0.97 * fewer for fewer, more in pairwise(best))
        else:
            assert best == pytest.approx([0.2] * 6, rel=1e-3)
    assert best_penalty(1.0, 0.65, 0.2, 30) == pytest.approx(0.0142, abs=2e-4)
    assert best_penalty(1.0, 0.5, 0.2, math.inf) == 0  # 0.5 < 1 - 0.358: too small
    assert sollich_krogh_error(1.0, 0.5, 0.2, math.inf, 0.0) == pytest.approx(0.4)


def test_the_best_penalty_of_thirty_has_a_flat_minimum():
    """As the lab says: from no penalty to 0.03 the error hardly changes."""
    errors = [sollich_krogh_error(1.0, 0.65, 0.2, 30, penalty / 1000) for penalty in range(31)]
    assert 0.368 < min(errors) < max(errors) < 0.371


def test_without_a_penalty_the_error_is_infinite_at_the_interpolation_threshold():
    assert sollich_krogh_error(2.0, 0.5, 0.2, 3, 0.0) == math.inf
    assert sollich_krogh_error(2.0, 0.5, 0.2, math.inf, 0.0) < 1  # the mean of infinitely many members is finite
    assert 0 < best_penalty(2.0, 0.5, 0.2, 3) < 0.2


@pytest.mark.parametrize("members", [1, 3, math.inf])
def test_at_the_interpolation_threshold_identical_students_have_an_infinite_error_unless_there_is_no_noise(members):
    """As many examples as weights and no penalty: the weights are determined, and are the teacher's without noise."""
    assert sollich_krogh_error(1.0, 1.0, 0.2, members, 0.0) == math.inf
    assert sollich_krogh_error(1.0, 1.0, 0.0, members, 0.0) == 0
    assert best_penalty(1.0, 1.0, 0.0, members) == 0
    alone = simulate_ridge_ensemble(1.0, 1.0, 0.0, 1, torch.tensor([0.0]), width=20).cross
    assert alone.item() < 1e-12


@pytest.mark.parametrize("bootstrap", [False, True])
def test_a_student_minimizes_the_sum_of_squares_plus_the_penalty(bootstrap):
    """The sum of squares plus penalty |w|^2, checked through a step in any direction of a student's training error."""
    run = simulate_ridge_ensemble(1.5, 0.6, 0.2, 2, torch.tensor([0.0, 0.1, 1e6]), width=20, bootstrap=bootstrap)
    assert run.train.shape == (3, 2)
    assert (run.train[0] <= run.train[1]).all()
    assert (run.train[1] < run.train[2]).all()
    # Under a huge penalty w is 0, and the error is the squared norm of the teacher over N.
    assert torch.allclose(run.cross[2], torch.ones(2, 2, dtype=torch.float64), atol=1e-4)


def test_a_simulation_is_determined_by_its_seed_and_extends_smaller_ensembles():
    setting = {"alpha": 1.0, "subset": 0.8, "noise": 0.2, "penalty": torch.tensor([0.1, 0.4])}
    first, again = (simulate_ridge_ensemble(members=4, seed=3, **setting).cross for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, simulate_ridge_ensemble(members=4, seed=4, **setting).cross)
    fewer = simulate_ridge_ensemble(members=2, seed=3, **setting).cross
    assert torch.allclose(first[:, :2, :2], fewer)  # so that one run serves every number of members
    assert torch.allclose(first, first.mT)


def test_students_without_a_penalty_fit_fewer_examples_than_weights_exactly():
    run = simulate_ridge_ensemble(1.0, 0.5, 0.2, 3, torch.tensor([0.0]), width=30)
    assert run.train.max() < 1e-12
    assert run.cross.isfinite().all()
    assert run.cross.max() < 10  # the solution of minimum norm


def test_an_example_that_a_bootstrap_draws_twice_counts_twice():
    """A bootstrap has 63 % distinct examples; repetitions weaken the penalty, compared with 63 % drawn once."""
    setting = {"alpha": 2.0, "noise": 0.2, "members": 3, "penalty": torch.tensor([0.05, 3.0]), "width": 60}
    once, twice = (
        simulated(60, subset=share, bootstrap=bootstrap, **setting).diagonal(dim1=2, dim2=3).mean(2)
        for share, bootstrap in ((0.632, False), (1.0, True))
    )
    weak, strong = (twice - once).T.tolist()
    assert mean(weak) > 3 * stdev(weak) / math.sqrt(60)  # fits more of the noise
    assert mean(strong) < -3 * stdev(strong) / math.sqrt(60)  # has a weaker effective penalty


@pytest.mark.usefixtures("untyped")
def test_inconsistent_subsets_and_penalties_are_refused():
    with pytest.raises(ValueError, match=r"overlap must be between 0 and 0\.5, got 0\.6"):
        _cross_error(1.0, 0.2, subsets=(0.5, 0.5), penalties=(0.1, 0.1), overlap=0.6)
    with pytest.raises(ValueError, match=r"overlap must be between 0\.6 and 0\.8, got 0\.5"):
        _cross_error(1.0, 0.2, subsets=(0.8, 0.8), penalties=(0.1, 0.1), overlap=0.5)
    with pytest.raises(ValueError, match=r"members=2, got 3 and 2"):
        simulate_ridge_ensemble(1.0, [0.5] * 3, 0.2, 2, torch.tensor([0.1]))
    with pytest.raises(ValueError, match="members=2, got 2 and 3"):
        simulate_ridge_ensemble(1.0, 0.5, 0.2, 2, torch.tensor([[0.1, 0.2, 0.3]]))


def test_the_equivalent_penalty_keeps_its_digits_with_few_examples():
    """With alpha near 0 a student learns alpha r / (1 + penalty) of the teacher, and 1 - ignorance has no digits."""
    for alpha in (1e-10, 1e-20, 1e-300):
        assert equivalent_penalty(alpha, 0.5, 0.2) == pytest.approx(1.2 / 0.5 - 1)
    assert equivalent_penalty(0.7, 1.0, 0.2) == 0.2
