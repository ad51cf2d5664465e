import math

import pandas as pd
import pytest

from lecture21.course.chapters import results

PAGE, EM, LAB = "negative_results", "em_in_depth", "which_method"


@pytest.fixture
def race() -> pd.DataFrame:
    return results.load("em_against_gradient")


def scores(task: str, column: str, tuned_on: str = "nats") -> pd.DataFrame:
    """Return a column of the runs of `three_estimators`, one row for each seed and one column for each method."""
    runs = results.load("three_estimators").query("part == 'run' and task == @task")
    runs = runs[runs["tuned_on"].str.contains(tuned_on)]
    return runs.pivot(index="seed", columns="method", values=column)


def standard_errors(table: pd.DataFrame, a: str, b: str) -> float:
    difference = table[a] - table[b]
    return difference.mean() / difference.sem()


def test_em_against_gradients(said, race):
    rows = race.query("part == 'race' and data == 'three_regimes' and gate == 'linear'")
    there = rows[rows["nats"] > rows["nats"].max() - 0.001].groupby("method").size()
    gradients = rows.query("method == 'L-BFGS'").loc[lambda each: each.nats > rows.nats.max() - 0.001].steps
    said("EM reaches {:.3f} nats per point in {} of 20 runs, L-BFGS in {}, after {:.0f} to {:.0f} gradients.",
         rows.nats.max(), there["EM"], there["L-BFGS"], gradients.min(), gradients.max(), on=EM)  # fmt: skip
    search = race.query("part == 'search' and data == 'three_regimes' and gate == 'linear' and method == 'Adam'")
    adam = rows.query("method == 'Adam'")
    assert adam.learning_rate.unique() == [search.groupby("learning_rate").nats.mean().idxmax()]
    said("Adam, at the rate with the best mean likelihood, {:g}, gets to {:.3f} at best.", adam.learning_rate.iloc[0],
         adam.nats.max(), on=EM)  # fmt: skip
    soft = race.query("part == 'race' and data == 'soft_gate'")
    assert soft.groupby("method").size().to_dict() == {"Adam": 20, "EM": 20, "L-BFGS": 20}
    ends = soft[soft["method"] != "L-BFGS"].error
    said("EM and Adam end at the same error, {:.3f}, in all twenty runs.", ends.mean(), on=EM)
    assert f"{ends.min():.3f}" == f"{ends.max():.3f}"


def test_the_learning_rates_of_adam(said, race):
    search = race.query("part == 'search' and data == 'three_regimes' and gate == 'linear' and method == 'Adam'")
    medians = search.groupby("learning_rate").error.median()
    said("Adam at learning rates 0.01, 0.03, 0.1, 0.3 and 1: medians {:.3f}, {:.3f}, {:.3f}, {:.3f} and {:.3f}.",
         *medians, on=EM)  # fmt: skip
    best = search.groupby("learning_rate").nats.max()
    said("(0.03: {:.3f}, 0.1: {:.3f}, 0.3: {:.3f})", best[0.03], best[0.1], best[0.3], on=PAGE)


def test_mixtures_and_single_networks_of_equal_size(said):
    sizes = results.load("three_estimators").query("part == 'run'").groupby(["task", "method"])["parameters"].first()
    for task in ("three_regimes", "three_bands", "smooth"):
        mixture, wide, wider = (sizes[task, name] for name in ("MoE, MLP gate", "single, wide", "single, wider"))
        assert abs(mixture - wider) <= 1
        assert 2 < mixture / wide < 2.4
    pieces, bands, smooth = (scores(task, "error") for task in ("three_regimes", "three_bands", "smooth"))
    assert len(pieces) == 8
    wide, wider = "single, wide", "single, wider"
    three = [(pieces[name].mean(), pieces[name].sem()) for name in ("MoE, MLP gate", wide, wider)]
    said("better than both wide networks: {:.3f} ± {:.3f} against {:.3f} ± {:.3f} and {:.3f} ± {:.3f}.",
         *three[0], *three[1], *three[2], on=PAGE)  # fmt: skip
    three = [(bands[name].mean(), bands[name].sem()) for name in ("MoE, MLP gate", wide, wider)]
    said("({:.3f} ± {:.3f}, {:.3f} ± {:.3f} and {:.3f} ± {:.3f}, standard errors)", *three[0], *three[1], *three[2],
         on=PAGE)  # fmt: skip
    soft, sharp = pieces["MoE, linear gate"].mean(), pieces["MoE, linear gate x 4"].mean()
    said("squared error than the wide network, {:.3f} against {:.3f}.", soft, pieces[wide].mean(), on=LAB)
    said("the squared error falls from {:.3f} to {:.3f}, below the wide network's {:.3f}.", soft, sharp,
         pieces[wide].mean(), on=LAB)  # fmt: skip
    for name in (wide, wider):
        assert standard_errors(pieces, "MoE, MLP gate", name) < -2.36
        assert (pieces["MoE, linear gate"] > pieces[name]).all()
        assert abs(standard_errors(bands, "MoE, MLP gate", name)) < 1
        assert (smooth["MoE, MLP gate"] > smooth[name]).all()
    each = scores("smooth", "error", "error")
    worse = [(each["MoE, MLP gate"] - each[name]).mean() for name in ("single", wide, wider)]
    assert all((each["MoE, MLP gate"] > each[name]).all() for name in ("single", wide, wider))
    said("better than the mixture for all eight seeds, by {:.4f} to {:.4f}.", min(worse), max(worse), on=PAGE)
    nats = scores("three_regimes", "nats")
    for name in ("single", wide, wider, "bagging", "L2 boosting"):
        assert (nats["MoE, MLP gate"] < nats[name]).all()


def test_gates_that_are_too_sharp(said):
    pieces, bands, smooth = (scores(task, "nats").mean() for task in ("three_regimes", "three_bands", "smooth"))
    soft, sharp = "MoE, linear gate", "MoE, linear gate x 4"
    said("from {:.3f} to {:.3f} in the mean", pieces[soft], pieces[sharp], on=LAB)
    said("takes -ln P from {:.3f} to {:.3f}, and on the smooth curve from {:.3f} to {:.3f}.", bands[soft], bands[sharp],
         smooth[soft], smooth[sharp], on=LAB)  # fmt: skip


def test_experts_that_cancel(said):
    for task, runs in {"smooth": 8, "three_regimes": 1, "three_bands": 0}.items():
        ratio = scores(task, "weighted_member", "error") / scores(task, "squared", "error")
        assert (ratio["MoE, cooperative"] > 10).sum() == runs
        if task == "smooth":
            most = ratio["MoE, cooperative"].max()
            said("the members cancel for all eight seeds, at up to {:.0f} times the mixture's error.", most, on=LAB)


def test_votes_as_probabilities(said):
    votes = results.load("three_estimators").query("method == 'AdaBoost, shares' and tuned_on.str.contains('nats')")
    below = -votes.overconfidence
    said("their mean confidence is {:.2f} to {:.2f} below accuracy for all eight seeds, and for {:words} seeds the "
         "loss is infinite", below.min(), below.max(), votes.nats.eq(math.inf).sum(), on=LAB)  # fmt: skip


def test_em_without_damping(said, race):
    runs = race.query("part == 'damping' and start == 'wild'")
    fell = (runs.falls > 0).groupby([runs.method, runs.newton_steps, runs.members]).sum()
    said("the likelihood decreases in {} of 20 runs with three experts and in {} of 20 with six. With damping it never "
         "decreases.", *fell["undamped", 1], on=EM)  # fmt: skip
    assert fell["damped"].max() == 0
    said("still decreases in {} of 20 wild runs with three experts and in {} of 20 with six", *fell["undamped", 10],
         on=EM)  # fmt: skip
