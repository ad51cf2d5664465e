"""Bagging, AdaBoost and L2 boosting against hand-worked examples, scikit-learn, and theory."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier
from torch import nn
from torch.testing import assert_close

from lecture21.data.mixtures import smooth, three_bands, three_regimes
from lecture21.mixtures.bagging import _bootstrap_counts, bag
from lecture21.mixtures.boosting import adaboost, l2_boost
from lecture21.mixtures.decomposition import ambiguity_decomposition
from lecture21.mixtures.em import _fit_linear_gaussian
from lecture21.mixtures.learners import likelihood_learner
from lecture21.mixtures.members import LinearGaussian, MLPGaussian


class Tree(nn.Module):
    """A member that scikit-learn fits: a decision stump."""

    def __init__(self, tree):
        super().__init__()
        self.tree = tree

    def mean(self, x):
        return torch.tensor(self.tree.predict_proba(x.numpy()), dtype=x.dtype)


def stump(x, y, weights):
    """Fit a decision stump."""
    tree = DecisionTreeClassifier(max_depth=1, random_state=0)
    return Tree(tree.fit(x.numpy(), y.numpy(), sample_weight=weights.numpy()))


def line(x, y, weights):
    """Fit a straight line by weighted least squares."""
    member = LinearGaussian(x.shape[1]).double()
    _fit_linear_gaussian(member, x, y, weights)
    return member.requires_grad_(False)


class Threshold(nn.Module):
    """A member that predicts class 1 above a border, whatever its training data."""

    def __init__(self, border):
        super().__init__()
        self.border = border

    def mean(self, x):
        above = (x[:, 0] > self.border).to(x.dtype)
        return torch.stack([1 - above, above], dim=1)


def scripted(*borders):
    """A learner that returns members with these borders, one after another, and records the weights it received."""
    queue, seen = list(borders), []

    def learn(x, y, weights):
        seen.append(weights)
        return Threshold(queue.pop(0))

    return learn, seen


# Bagging


def test_about_63_percent_of_the_points_are_in_a_sample():
    counts = _bootstrap_counts(1000, 200, seed=0)
    assert (counts > 0).double().mean().item() == pytest.approx(1 - 1 / math.e, abs=0.003)
    assert (counts.sum(dim=0) > 0).all()  # every point occurs in some sample
    assert counts.double().mean(dim=0).std() == pytest.approx(math.sqrt(1 / 200), rel=0.15)  # all points equally often


def test_bagging_agrees_with_scikit_learn_on_the_same_samples():
    x, y = three_regimes(60, 2)
    reference = BaggingRegressor(LinearRegression(), n_estimators=4, random_state=0).fit(x.numpy(), y.numpy())
    drawn = reference.estimators_samples_
    counts = torch.stack([torch.bincount(torch.tensor(rows), minlength=60) for rows in drawn])
    ours = bag(line, x, y, n_member=4, counts=counts)
    np.testing.assert_allclose(ours.mean(x).numpy(), reference.predict(x.numpy()), rtol=1e-9)


def test_a_point_drawn_twice_counts_twice():
    x, y = three_regimes(40, 3)
    counts = _bootstrap_counts(40, 1, seed=4)
    rows = torch.arange(40).repeat_interleave(counts[0])
    twice = line(x[rows], y[rows], torch.ones(40, dtype=torch.float64))
    assert_close(bag(line, x, y, n_member=1, seed=4).mean(x), twice.mean(x))
    torch.manual_seed(0)
    learn = likelihood_learner(lambda: MLPGaussian(1, 2), steps=20)
    by_weight = learn(x, y, counts[0].double())
    torch.manual_seed(0)
    assert_close(by_weight.mean(x), learn(x[rows], y[rows], torch.ones(40, dtype=torch.float64)).mean(x))


def test_the_variance_of_a_bag_includes_the_ambiguity():
    """S31: variance of the mixture = mean variance of the members + variance of their means."""
    x, y = three_regimes(60, 0)
    bagged = bag(line, x, y, n_member=4, seed=0)
    grid = torch.linspace(-12, 12, 48_001, dtype=torch.float64)
    for point in (x[:1], x[7:8]):
        density = bagged.log_prob(point.expand(len(grid), -1), grid).exp()
        step = grid[1] - grid[0]
        total, mean = density.sum() * step, (density * grid).sum() * step
        variance = (density * (grid - mean) ** 2).sum() * step
        weights = torch.full((4,), 0.25, dtype=torch.float64)
        _, _, ambiguity = ambiguity_decomposition(bagged.member_means(point), y[:1], weights)
        inner = torch.stack([member.variance for member in bagged.members]).mean()
        assert_close(total, torch.ones_like(total))
        assert_close(mean, bagged.mean(point)[0])
        assert_close(variance, inner + ambiguity[0])
        assert ambiguity[0] > 1e-5


# AdaBoost


def test_two_rounds_by_hand():
    """Five points; the first member is wrong on one of them, the second on one of weight 1/8."""
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0]], dtype=torch.float64)
    y = torch.tensor([0, 0, 1, 0, 1])
    learn, seen = scripted(1.5, 3.5)
    boosted = adaboost(learn, x, y, rounds=2)
    fifth, eighth = torch.full((5,), 1 / 5, dtype=torch.float64), 1 / 8
    assert_close(seen[0], fifth)
    assert_close(seen[1], torch.tensor([eighth, eighth, eighth, 1 / 2, eighth], dtype=torch.float64))
    assert_close(boosted.errors, torch.tensor([1 / 5, 1 / 8], dtype=torch.float64))
    alphas = [0.5 * math.log(4), 0.5 * math.log(7)]
    assert_close(boosted.alphas, torch.tensor(alphas, dtype=torch.float64))
    signs = torch.tensor([[-1, -1], [-1, -1], [1, -1], [1, -1], [1, 1]], dtype=torch.float64)
    assert_close(boosted.votes(x), signs)
    assert_close(boosted.decision(x), signs @ torch.tensor(alphas, dtype=torch.float64))
    assert boosted.predict(x).tolist() == [0, 0, 0, 0, 1]
    assert boosted.bound == pytest.approx(2 * math.sqrt(4 / 25) * 2 * math.sqrt(7 / 64))
    assert boosted.stopped is None


@given(st.integers(0, 40), st.integers(1, 12))
@settings(max_examples=25)
def test_the_last_member_is_wrong_on_half_of_the_next_weights_and_the_bound_holds(seed, rounds):
    x, y = three_bands(60, seed)
    boosted = adaboost(stump, x, y, rounds=rounds)
    signs = 2.0 * y - 1
    assert boosted.weights.shape == (len(boosted.members) + 1, 60)
    assert_close(boosted.weights.sum(dim=1), torch.ones(len(boosted.weights), dtype=torch.float64))
    wrong = boosted.votes(x) * signs[:, None] < 0  # (N, M)
    for m in range(len(boosted.members)):
        assert boosted.weights[m][wrong[:, m]].sum().item() == pytest.approx(boosted.errors[m].item())
        assert boosted.weights[m + 1][wrong[:, m]].sum().item() == pytest.approx(0.5, abs=1e-12)
    assert (boosted.errors < 0.5).all()
    assert_close(boosted.alphas, 0.5 * ((1 - boosted.errors) / boosted.errors).log())
    share = (boosted.predict(x) != y).double().mean().item()
    exponential = (-signs * boosted.decision(x)).exp().mean().item()
    assert share <= exponential + 1e-12
    assert exponential == pytest.approx(boosted.bound)  # the bound is the mean exponential loss itself


def test_adaboost_of_stumps_agrees_with_scikit_learn():
    x, y = three_bands(150, 0)
    reference = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=10, random_state=0)
    reference.fit(x.numpy(), y.numpy())
    ours = adaboost(stump, x, y, rounds=10)
    np.testing.assert_allclose(ours.errors.numpy(), reference.estimator_errors_, rtol=1e-9)
    np.testing.assert_allclose(2 * ours.alphas.numpy(), reference.estimator_weights_, rtol=1e-9)  # no factor 1/2
    assert ours.predict(x).tolist() == reference.predict(x.numpy()).tolist()


def test_the_alphas_do_not_sum_to_one_and_normalized_they_predict_the_same_classes():
    """S31: sign has no scale; but a fraction of the votes is not the probability sigmoid(2F)."""
    x, y = three_bands(200, 1)
    boosted = adaboost(stump, x, y, rounds=8)
    assert abs(boosted.alphas.sum() - 1) > 0.2
    mixture = boosted.mixture()
    assert_close(mixture.gate_probabilities(x)[0], boosted.alphas / boosted.alphas.sum())
    shares = mixture.mean(x)
    assert_close(shares.sum(dim=1), torch.ones(200, dtype=torch.float64))
    assert torch.equal(shares.argmax(dim=1), boosted.predict(x))
    assert torch.equal(boosted.mean(x).argmax(dim=1), boosted.predict(x))
    assert_close(shares[:, 1], 0.5 + 0.5 * boosted.decision(x) / boosted.alphas.sum())
    assert (shares - boosted.mean(x)).abs().max() > 0.02


def test_the_probability_is_sigmoid_of_twice_the_decision():
    x, y = three_bands(100, 2)
    boosted = adaboost(stump, x, y, rounds=5)
    p = 1 / (1 + (-2 * boosted.decision(x)).exp())
    assert_close(boosted.mean(x), torch.stack([1 - p, p], dim=1))
    assert_close(boosted.log_prob(x, y), boosted.mean(x).gather(1, y[:, None])[:, 0].log())


def test_labels_minus_one_and_one_are_refused_with_the_remedy():
    x, y = three_bands(60, 0)
    with pytest.raises(
        ValueError, match=r"y must be class labels 0 and 1 for AdaBoost, got -1 and 1: pass \(y > 0\)\.long\(\)"
    ):
        adaboost(stump, x, 2 * y - 1)


@pytest.mark.usefixtures("untyped")
def test_an_adaboost_and_its_mixture_score_no_other_labels():
    x, y = three_bands(60, 0)
    boosted = adaboost(stump, x, y, rounds=4)
    for model in (boosted, boosted.mixture()):
        for labels, actual in ((2 * y - 1, "-1..1"), (y + 1, "1..2"), (torch.full_like(y, -1), "-1..-1")):
            with pytest.raises(ValueError, match=rf"y must be class labels in 0\.\.1, got {actual}"):
                model.log_prob(x, labels)
        with pytest.raises(ValueError, match=r"y must be integers .*got torch.float64"):
            model.log_prob(x, y.double())
        with pytest.raises(ValueError, match=r"y must be .*where N = 60, got"):
            model.log_prob(x, y[:, None])


def test_a_member_without_an_error_is_kept_alone():
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    y = torch.tensor([0, 0, 0, 1])
    learn, seen = scripted(1.5, 2.5, 9.0)  # wrong on one point, on none
    boosted = adaboost(learn, x, y, rounds=3)
    assert len(seen) == 2
    assert_close(boosted.weights[0], torch.tensor([1 / 6, 1 / 6, 1 / 2, 1 / 6], dtype=torch.float64))
    assert "member 2 is right on every point" in boosted.stopped
    assert len(boosted.members) == 1
    assert boosted.errors.tolist() == [0]
    assert boosted.bound == 0
    assert boosted.alphas.item() == pytest.approx(0.5 * math.log(7))  # half a point of four: error 1/8
    assert boosted.weights.shape == (2, 4)
    assert boosted.predict(x).tolist() == y.tolist()


def test_a_member_no_better_than_chance_ends_the_fit():
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    y = torch.tensor([0, 1, 1, 1])
    learn, _ = scripted(1.5, 1.5, 0.5)  # the second is the first again: under the new weights it is wrong on half
    boosted = adaboost(learn, x, y, rounds=3)
    assert len(boosted.members) == 1
    assert boosted.stopped == "member 2 has a weighted error of 0.500, no better than chance"


def test_a_first_member_no_better_than_chance_leaves_both_classes_at_one_half():
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    y = torch.tensor([1, 0, 0, 0])
    learn, _ = scripted(1.5)
    boosted = adaboost(learn, x, y, rounds=3)
    assert boosted.stopped == "member 1 has a weighted error of 0.750, no better than chance"
    assert (boosted.alphas.tolist(), boosted.errors.tolist()) == ([0], [0.75])
    assert boosted.mean(x).unique().tolist() == [0.5]
    assert boosted.predict(x).tolist() == [0, 0, 0, 0]  # ties
    assert boosted.bound == 1
    assert torch.equal(*boosted.weights)
    with pytest.raises(ValueError, match="not all 0"):
        boosted.mixture()


# L2 boosting


def test_l2_boosting_by_hand():
    """Each member is the mean of the residuals, times the shrinkage: 8, then 4, then 2."""

    class Constant(nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def mean(self, x):
            return self.value.expand(len(x))

    x, y = torch.zeros(3, 1, dtype=torch.float64), torch.tensor([7.0, 8.0, 9.0], dtype=torch.float64)
    boosted = l2_boost(lambda x, y, weights: Constant(y.mean()), x, y, rounds=3, shrinkage=0.5)
    assert boosted.member_means(x).tolist() == [[8, 4, 2]] * 3
    assert boosted.mean(x).tolist() == [7, 7, 7]
    sd = math.sqrt((0**2 + 1**2 + 2**2) / 3)  # of residuals with a mean: neither N - 1 nor a variance around the mean
    assert boosted.sd.item() == pytest.approx(sd)
    normal = torch.distributions.Normal(torch.full((3,), 7.0, dtype=torch.float64), sd)
    assert_close(boosted.log_prob(x, y), normal.log_prob(y))


# The learner, and bad input


def test_the_learning_rate_falls_to_zero_along_a_cosine():
    x, y = smooth(30, 0)
    torch.manual_seed(0)
    learned = likelihood_learner(lambda: LinearGaussian(1), steps=4, learning_rate=0.1)(x, y, torch.ones(30).double())
    torch.manual_seed(0)
    member = LinearGaussian(1).double()
    optimizer = torch.optim.Adam(member.parameters())
    for rate in (0.1, 0.05 * (1 + 0.5**0.5), 0.05, 0.05 * (1 - 0.5**0.5)):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        (-member.log_prob(x, y).mean()).backward()
        optimizer.step()
    assert_close(learned.mean(x), member.mean(x).detach())


@pytest.mark.parametrize("value", [math.nan, -math.inf])
@pytest.mark.parametrize("fit", [bag, l2_boost, adaboost, likelihood_learner(lambda: LinearGaussian(1), steps=1)])
def test_data_that_are_not_finite_are_refused_by_name_and_row(fit, value):
    x, y = three_bands(10, 0) if fit is adaboost else smooth(10, 0)
    arguments = [torch.ones(10).double()] if fit not in (bag, l2_boost, adaboost) else []
    wrong = x.clone()
    wrong[7, 0] = wrong[4, -1] = value
    with pytest.raises(ValueError, match=rf"x must be finite, got \[.*{value}\] in row 4"):
        fit(wrong, y, *arguments) if arguments else fit(line, wrong, y)
    if fit is not adaboost:  # its labels are integers
        y[3] = value
        with pytest.raises(ValueError, match=f"y must be finite, got {value} in row 3"):
            fit(x, y, *arguments) if arguments else fit(line, x, y)
