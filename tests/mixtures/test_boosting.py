"""Bagging, AdaBoost and L2 boosting: against pencils, scikit-learn, and what theory promises."""

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
from lecture21.ensembles import ambiguity_decomposition
from lecture21.mixtures.bagging import bag, bootstrap_counts
from lecture21.mixtures.boosting import Vote, adaboost, l2_boost
from lecture21.mixtures.em import fit_linear_gaussian
from lecture21.mixtures.learners import likelihood_learner
from lecture21.mixtures.members import LinearClassifier, LinearGaussian, MLPGaussian


class Tree(nn.Module):
    """A member that scikit-learn fits: a tree with one question."""

    def __init__(self, tree):
        super().__init__()
        self.tree = tree

    def mean(self, x):
        return torch.tensor(self.tree.predict_proba(x.numpy()), dtype=x.dtype)


def stump(x, y, weights):
    """Learn a tree with one question."""
    tree = DecisionTreeClassifier(max_depth=1, random_state=0)
    return Tree(tree.fit(x.numpy(), y.numpy(), sample_weight=weights.numpy()))


def line(x, y, weights):
    """Learn a straight line by weighted least squares."""
    member = LinearGaussian(x.shape[1]).double()
    fit_linear_gaussian(member, x, y, weights)
    return member.requires_grad_(False)


class Says(nn.Module):
    """A member that says class 1 above a border, whatever it is taught."""

    def __init__(self, border):
        super().__init__()
        self.border = border

    def mean(self, x):
        above = (x[:, 0] > self.border).to(x.dtype)
        return torch.stack([1 - above, above], dim=1)


def parade(*borders):
    """A learner that returns members with these borders, one after another, and records the weights it got."""
    queue, seen = list(borders), []

    def learn(x, y, weights):
        seen.append(weights)
        return Says(queue.pop(0))

    return learn, seen


# Bagging


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 5))
@settings(max_examples=30)
def test_each_bootstrap_sample_has_as_many_points_as_the_data(n_point, n_member, seed):
    counts = bootstrap_counts(n_point, n_member, seed=seed)
    assert counts.shape == (n_member, n_point)
    assert counts.min() >= 0
    assert (counts.sum(dim=1) == n_point).all()
    assert torch.equal(counts, bootstrap_counts(n_point, n_member, seed=seed))


def test_about_63_percent_of_the_points_are_in_a_sample():
    counts = bootstrap_counts(1000, 200, seed=0)
    assert (counts > 0).double().mean().item() == pytest.approx(1 - 1 / math.e, abs=0.003)
    assert (counts.sum(dim=0) > 0).all()  # no point is out of reach
    assert counts.double().mean(dim=0).std() == pytest.approx(math.sqrt(1 / 200), rel=0.15)  # every point alike


def test_the_mean_of_a_bag_is_the_average_of_its_members():
    x, y = three_regimes(80, 0)
    bagged = bag(line, x, y, n_member=5, seed=1)
    assert_close(bagged.gate_probabilities(x), torch.full((80, 5), 0.2, dtype=torch.float64))
    assert_close(bagged.mean(x), torch.stack([member.mean(x) for member in bagged.members]).mean(dim=0))
    assert bagged.member_means(x).std(dim=1).min() > 1e-4  # the samples differ


def test_a_bag_is_scikit_learns_when_the_samples_are():
    x, y = three_regimes(60, 2)
    theirs = BaggingRegressor(LinearRegression(), n_estimators=4, random_state=0).fit(x.numpy(), y.numpy())
    drawn = theirs.estimators_samples_
    counts = torch.stack([torch.bincount(torch.tensor(rows), minlength=60) for rows in drawn])
    ours = bag(line, x, y, n_member=4, counts=counts)
    np.testing.assert_allclose(ours.mean(x).numpy(), theirs.predict(x.numpy()), rtol=1e-9)


def test_a_point_drawn_twice_counts_twice():
    x, y = three_regimes(40, 3)
    counts = bootstrap_counts(40, 1, seed=4)
    rows = torch.arange(40).repeat_interleave(counts[0])
    twice = line(x[rows], y[rows], torch.ones(40, dtype=torch.float64))
    assert_close(bag(line, x, y, n_member=1, seed=4).mean(x), twice.mean(x))
    torch.manual_seed(0)
    learn = likelihood_learner(lambda: MLPGaussian(1, 2), steps=20)
    by_weight = learn(x, y, counts[0].double())
    torch.manual_seed(0)
    assert_close(by_weight.mean(x), learn(x[rows], y[rows], torch.ones(40, dtype=torch.float64)).mean(x))


def test_as_a_density_a_bag_is_wider_by_the_ambiguity():
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


@pytest.mark.parametrize("counts", [torch.ones(3, 20, dtype=torch.long), torch.ones(2, 19, dtype=torch.long)])
def test_counts_of_another_shape_are_refused(counts, untyped):
    x, y = smooth(20, 0)
    with pytest.raises(ValueError, match=r"counts must have the shape \(2, 20\)"):
        bag(line, x, y, n_member=2, counts=counts)


def test_a_sample_without_a_point_is_refused():
    x, y = smooth(20, 0)
    learn = likelihood_learner(lambda: MLPGaussian(1, 2), steps=1)
    with pytest.raises(ValueError, match="weights must be finite, >= 0, and not all 0, got 0 to 0"):
        bag(learn, x, y, n_member=1, counts=torch.zeros(1, 20, dtype=torch.long))


# AdaBoost


def test_two_rounds_by_hand():
    """Five points; the first member is wrong on one of them, the second on one of weight 1/8."""
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0]], dtype=torch.float64)
    y = torch.tensor([0, 0, 1, 0, 1])
    learn, seen = parade(1.5, 3.5)
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


def test_stumps_boost_as_scikit_learns_do():
    x, y = three_bands(150, 0)
    theirs = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=10, random_state=0)
    theirs.fit(x.numpy(), y.numpy())
    ours = adaboost(stump, x, y, rounds=10)
    np.testing.assert_allclose(ours.errors.numpy(), theirs.estimator_errors_, rtol=1e-9)
    np.testing.assert_allclose(2 * ours.alphas.numpy(), theirs.estimator_weights_, rtol=1e-9)  # theirs leaves out 1/2
    assert ours.predict(x).tolist() == theirs.predict(x.numpy()).tolist()


def test_the_raw_alphas_do_not_sum_to_one_and_divided_by_their_sum_they_decide_the_same():
    """S31: sign has no scale; but a share of votes is not the probability sigmoid(2F)."""
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


def test_classes_may_be_minus_one_and_one():
    x, y = three_bands(60, 0)
    plain, signed = adaboost(stump, x, y, rounds=4), adaboost(stump, x, 2 * y - 1, rounds=4)
    assert_close(plain.alphas, signed.alphas)
    assert torch.equal(plain.predict(x), signed.predict(x))


def test_a_member_without_an_error_decides_alone():
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    y = torch.tensor([0, 0, 0, 1])
    learn, seen = parade(1.5, 2.5, 9.0)  # wrong on one point, on none
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


def test_a_member_no_better_than_chance_ends_it():
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    y = torch.tensor([0, 1, 1, 1])
    learn, _ = parade(1.5, 1.5, 0.5)  # the second is the first again: under the new weights it is wrong on half
    boosted = adaboost(learn, x, y, rounds=3)
    assert len(boosted.members) == 1
    assert boosted.stopped == "member 2 is wrong on 0.500 of the weight, no better than chance"


def test_a_first_member_no_better_than_chance_leaves_both_classes_at_one_half():
    x = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)
    y = torch.tensor([1, 0, 0, 0])
    learn, _ = parade(1.5)
    boosted = adaboost(learn, x, y, rounds=3)
    assert boosted.stopped == "member 1 is wrong on 0.750 of the weight, no better than chance"
    assert (boosted.alphas.tolist(), boosted.errors.tolist()) == ([0], [0.75])
    assert boosted.mean(x).unique().tolist() == [0.5]
    assert boosted.bound == 1
    assert torch.equal(*boosted.weights)
    with pytest.raises(ValueError, match="not all 0"):
        boosted.mixture()


@pytest.mark.parametrize("labels", [[0, 1, 2, 1], [1, 2, 1, 2], [-1, 0, 1, 1]])
def test_other_classes_than_two_are_refused(labels):
    with pytest.raises(ValueError, match="takes the classes 0 and 1, or -1 and 1, got"):
        adaboost(stump, torch.zeros(4, 1, dtype=torch.float64), torch.tensor(labels))


def test_a_vote_is_sure():
    x, y = three_bands(50, 0)
    member = LinearClassifier(2, 2).double()
    vote = Vote(member)
    assert set(vote.mean(x).flatten().tolist()) == {0, 1}
    assert torch.equal(vote.mean(x).argmax(dim=1), member.mean(x).argmax(dim=1))
    right = vote.mean(x).argmax(dim=1) == y
    assert torch.equal(vote.log_prob(x, y) == 0, right)
    assert torch.equal(vote.log_prob(x, y) == -math.inf, ~right)


# L2 boosting


def test_l2_boosting_by_hand():
    """Each member is the mean of what is left, times the shrinkage: 8, then 4, then 2."""

    class Constant(nn.Module):
        def __init__(self, value):
            super().__init__()
            self.value = value

        def mean(self, x):
            return self.value.expand(len(x))

    x, y = torch.zeros(2, 1, dtype=torch.float64), torch.tensor([7.0, 9.0], dtype=torch.float64)
    boosted = l2_boost(lambda x, y, weights: Constant(y.mean()), x, y, rounds=3, shrinkage=0.5)
    assert boosted.member_means(x).tolist() == [[8, 4, 2], [8, 4, 2]]
    assert boosted.mean(x).tolist() == [7, 7]
    assert boosted.sd.item() == pytest.approx(math.sqrt((0**2 + 2**2) / 2))
    normal = torch.distributions.Normal(torch.tensor([7.0, 7.0]).double(), math.sqrt(2))
    assert_close(boosted.log_prob(x, y), normal.log_prob(y))


def test_each_member_is_fitted_to_what_is_left_and_the_training_error_never_rises():
    x, y = three_regimes(80, 0)
    targets = []

    def step(x, y, weights):  # a step at a place that each round chooses: least squares over all of them
        targets.append(y)
        assert torch.equal(weights, torch.ones_like(weights))
        return min((line_of_two(x, y, border) for border in x[:, 0].tolist()), key=lambda m: m.loss)

    def line_of_two(x, y, border):
        class Step(nn.Module):
            def mean(self, x):
                return torch.where(x[:, 0] <= border, left, right)

        low = x[:, 0] <= border
        left = y[low].mean()
        right = y[~low].mean() if (~low).any() else y.mean()
        member = Step()
        member.loss = (y - member.mean(x)).square().sum().item()
        return member

    boosted = l2_boost(step, x, y, rounds=5)
    left = y
    for m, target in enumerate(targets):
        assert_close(target, left)
        after = left - boosted.members[m].mean(x)
        assert after.square().sum() < left.square().sum()
        left = after
    assert_close(boosted.mean(x), y - left)
    assert_close(boosted.mean(x), boosted.member_means(x).sum(dim=1))


def test_the_later_members_of_l2_boosting_do_not_predict_y():
    """S31: the weights are 1 each, of sum M, and a later member knows only an error."""
    x, y = smooth(200, 0)
    torch.manual_seed(0)
    boosted = l2_boost(likelihood_learner(lambda: MLPGaussian(1, 3), steps=300), x, y, rounds=3)
    errors = (boosted.member_means(x) - y[:, None]).square().mean(dim=0)
    assert errors[0] < 0.05
    assert errors[1:].min() > 0.3  # worse than the spread of y by itself, 0.5, times a little
    assert (boosted.mean(x) - y).square().mean() < 0.05


# The learner, and bad input


def test_a_learner_climbs_the_weighted_likelihood():
    x, y = three_regimes(200, 0)
    weights = (x[:, 0] < -0.4).double()  # only the first regime counts: 2 + 1.5 x, noise 0.15
    torch.manual_seed(0)
    member = likelihood_learner(lambda: LinearGaussian(1), steps=800, learning_rate=0.05)(x, y, weights)
    best = line(x, y, weights)
    assert_close(member.mean(x), best.mean(x), rtol=0, atol=0.02)
    assert_close(member.variance, best.variance, rtol=0.05, atol=0)
    assert not any(parameter.requires_grad for parameter in member.parameters())


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


BAD = {
    "no points": ((0, 0, 0), "at least one point"),
    "too few y": ((4, 3, 4), "each of the 4 points needs one y and one weight"),
    "too few weights": ((4, 4, 5), "each of the 4 points needs one y and one weight"),
}


@pytest.mark.parametrize(("sizes", "message"), BAD.values(), ids=BAD)
def test_points_that_do_not_fit_each_other_are_refused(sizes, message, untyped):
    points, targets, weights = sizes
    learn = likelihood_learner(lambda: LinearGaussian(1), steps=1)
    with pytest.raises(ValueError, match=message):
        learn(torch.zeros(points, 1), torch.zeros(targets), torch.ones(weights))


@pytest.mark.parametrize("weights", [[1.0, -1.0], [0.0, 0.0], [1.0, math.nan], [1.0, math.inf]])
def test_weights_that_are_none_are_refused(weights):
    learn = likelihood_learner(lambda: LinearGaussian(1), steps=1)
    with pytest.raises(ValueError, match="weights must be finite, >= 0, and not all 0"):
        learn(torch.zeros(2, 1), torch.zeros(2), torch.tensor(weights))


@pytest.mark.parametrize("fit", [bag, adaboost, l2_boost])
def test_no_points_and_no_members_are_refused(fit, untyped):
    x, y = three_bands(10, 0) if fit is adaboost else smooth(10, 0)
    size = "n_member" if fit is bag else "rounds"
    with pytest.raises(ValueError, match="at least one point"):
        fit(line, x[:0], y[:0])
    with pytest.raises(ValueError, match="one y and one weight"):
        fit(line, x, y[:5])
    with pytest.raises(ValueError, match=f"{size} must be a whole number >= 1, got 0"):
        fit(line, x, y, **{size: 0})


@pytest.mark.parametrize("settings", [{"steps": 0}, {"learning_rate": 0.0}, {"learning_rate": math.inf}])
def test_a_learner_that_cannot_move_is_refused(settings):
    (name, value), *_ = settings.items()
    with pytest.raises(ValueError, match=f"{name} must be .* got {value}"):
        likelihood_learner(lambda: LinearGaussian(1), **settings)


@pytest.mark.parametrize("shrinkage", [0.0, 1.5, math.nan])
def test_a_shrinkage_out_of_range_is_refused(shrinkage):
    x, y = smooth(10, 0)
    with pytest.raises(ValueError, match=f"shrinkage must be above 0 and at most 1, got {shrinkage}"):
        l2_boost(line, x, y, shrinkage=shrinkage)
