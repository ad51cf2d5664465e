import pytest
from said import spread

from lecture21.course.chapters import results
from lecture21.mixtures import sollich_krogh_error

PAGE = "negative_results"


@pytest.fixture
def bag():
    return results.load("bag_of_gpts").query("part == 'run'")


@pytest.fixture
def six(bag):
    (row,) = bag.query("members == 6").to_dict("records")
    return row


def test_longer_training_beats_a_bag_of_more_compute(said, bag, six):
    alone, twice = bag.query("arm == 'bag' and members == 1").average, bag.query("arm == 'twice'")
    said("one member has {:.3f} ± {:.3f}, the average of the probabilities of all six {:.3f}, and the average of their "
         "logits {:.3f}.", *spread(alone), six["probabilities"], six["logits"], on=PAGE)  # fmt: skip
    assert twice.seed.astype(int).tolist() == [0, 1, 2]
    assert (3 * twice.characters == six["characters"]).all()
    assert (twice.average - six["logits"]).abs().max() < 0.01
    said("a third of the compute of the six, has {:.3f} (three seeds, {:.3f} to {:.3f});", twice.average.mean(),
         twice.average.min(), twice.average.max(), on=PAGE)  # fmt: skip
    pooled = bag.query("members > 1")
    ahead = pooled.probabilities - pooled.logits
    said("in each of {} pools of two to six members, by {:.4f} to {:.3f}.", len(pooled), ahead.min(), ahead.max(),
         on=PAGE)  # fmt: skip


@pytest.fixture
def draws():
    """The errors of the reported draws, a row for each arm, number of points, kappa and draw, and of the others."""
    table = results.load("bumps").fillna({"kappa": -1})
    rows = table.set_index(["arm", "points", "kappa", "draw"]).sort_index()
    number = rows.index.get_level_values("draw")
    return rows[number < 50], rows[number >= 50]


@pytest.fixture
def best(draws):
    """The reported errors of an arm, a value for each draw, at the penalty that is best for the other draws."""
    reported, others = draws

    def of(arm, points, kappa=-1.0):
        means = others.loc[arm, points, kappa].mean()
        penalty = means.idxmin()
        assert penalty != means.index[-1]
        return reported.loc[arm, points, kappa][penalty]

    return of


def paired(one, other) -> tuple[float, float]:
    """Return the mean difference and its standard error."""
    difference = one - other
    assert len(difference) == 50
    return difference.mean(), difference.std() / 50**0.5


def test_one_tuned_model_and_thirty(said, draws, best):
    one, thirty, untuned = best("even", 24), best("thirty", 24), draws[0].loc["thirty", 24, -1.0]["0.001"]
    assert one.equals(draws[0].loc["even", 24, -1.0]["0.3"])  # the penalty of the picture
    said("one tuned model has an error of {:.3f}, the mean of the thirty {:.3f}, or {:.3f} with a tuned penalty of "
         "their own.", one.mean(), untuned.mean(), thirty.mean())  # fmt: skip
    every = best("all", 24)
    said("All 240 bumps of the thirty, trained as one model, have {:.3f}, too.", every.mean())
    assert abs(paired(every, one)[0]) < 0.0005
    said("ahead of the thirty by {:.4f} ± {:.4f} (standard error of the paired difference), and ahead in {} of 50 "
         "draws; against the thirty with 0.001 by {:.3f} ± {:.3f}, in {}.", *paired(thirty, one), (one < thirty).sum(),
         *paired(untuned, one), (one < untuned).sum())  # fmt: skip


def test_the_best_kappa_climbs_with_the_penalty(said, draws, best):
    for some in draws:
        means = some.loc["ten", 16].groupby("kappa").mean()
        best_kappa = means.idxmin().tolist()
        assert best_kappa == sorted(best_kappa)
        assert means.min(axis=None) == means.loc[1.0, "0.2"]
    ten = draws[0].loc["ten", 16]
    weak = ten["0.01"].groupby("kappa").mean()
    assert weak.idxmin() == 0.9
    said("At $\\lambda=0.01$, $\\kappa=0.9$ has {:.3f} and 1 has {:.3f};", weak[0.9], weak[1.0])
    end, even = best("ten", 16, 1.0), best("even", 16)
    said("the path ends at $\\kappa=1$, with {:.3f} at $\\lambda=0.2$", end.mean())
    assert ten.loc[0.0].drop(columns=["1e-05"]).mean().min() > 2 * end.mean()
    differences = [paired(best("ten", 16, kappa), end) for kappa in (0.0, 0.9, 0.98)] + [paired(even, end)]
    said("$\\kappa=1$ is ahead of 0 by {:.3f} ± {:.3f} and of 0.9 by {:.4f} ± {:.4f}; 0.98, at {:.4f} ± {:.4f}, and "
         "the single model, at {:.4f} ± {:.4f}, we can't tell from it.",
         *[value for pair in differences for value in pair])  # fmt: skip
    for mean, error in differences[2:]:
        assert abs(mean) < 2 * error  # "we can't tell"
    between, one = ten.loc[0.9]["0.01"], ten.loc[1.0]["0.01"]
    wide_alone, wide_as_one = best("wide", 16, 0.0), best("wide", 16, 1.0)
    said("the ten that learn alone are even a little ahead.")
    assert wide_alone.mean() < wide_as_one.mean()
    said("$\\kappa=0.9$ is ahead of 1 by {:.3f} ± {:.3f}, in {} of 50 draws; with wide bumps (0.5 in "
         "place of 0.2), $\\kappa=0$ has {:.3f} and 1 has {:.3f}, a difference of {:.4f} ± {:.4f}, in {} draws in "
         "favor of 0.", *paired(one, between), (between < one).sum(), wide_alone.mean(), wide_as_one.mean(),
         *paired(wide_as_one, wide_alone), (wide_alone < wide_as_one).sum())  # fmt: skip


def test_two_gpts(said):
    table = results.load("two_gpts")
    runs = table.query("part == 'run'").groupby(["arm", "kappa"])[["average", "ensemble", "trained"]].mean()
    gap = runs.average - runs.ensemble
    said("Its two disagree four times as much, {:.2f} nats against {:.2f},", gap["pair", 1.0], gap["pair", 0.0])
    assert 3.5 < gap["pair", 1.0] / gap["pair", 0.0] < 4.5
    nats = runs.ensemble
    said("It has {:.2f} nats, and GPT-0, which costs as much to run, {:.2f}. The pair that was trained as one has "
         "{:.2f}, hardly better than a single one with {:.2f}.",
         *[nats[arm] for arm in (("pair", 0.0), ("twice", 0.0), ("pair", 1.0), ("one", 0.0))])  # fmt: skip
    same, as_one = table.query("part == 'same settings'")[["ensemble", "trained"]].mean(), runs.loc["pair", 1.0]
    said("$\\kappa=0$ has {:.2f} nats on the text that it has read and {:.2f} on new text, $\\kappa=1$ {:.2f} and "
         "{:.2f}.", same.trained, same.ensemble, as_one.trained, as_one.ensemble)  # fmt: skip
    assert abs(nats["pair", 0.0] - nats["apart", 0.0]) < 0.03
    where = results.load("two_gpts_where").query("place == '3'").groupby(["kappa", "read"])
    divergence, usual = where.divergence.mean(), where.usual.mean()
    assert 1.8 < divergence[0.0, False] / divergence[0.0, True] < 2.5  # "twice as much"
    said("twice as much as after three that do.")
    said("after three that do: {:.2f} nats against {:.2f}; that they are less sure there explains {:.2f} of the "
         "difference.", divergence[0.0, False], divergence[0.0, True],
         usual[0.0, False] - usual[0.0, True])  # fmt: skip
    said("hardly tells the two apart: {:.2f} against {:.2f}.", divergence[1.0, False], divergence[1.0, True])


def test_one_tuned_model_is_ahead_of_thirty(said):
    errors = sollich_krogh_error(1.0, 1.0, 0.2, 1, 0.2), sollich_krogh_error(1.0, 0.65, 0.2, 30, 0.0142)
    said("with an error of {:.2f} against {:.2f} of thirty.", *errors)


def test_ridge_ensembles_are_near_their_formula(said):
    means = (
        results.load("ridge_ensembles")
        .query("sampling == 'subset'")
        .groupby(["subset", "penalty"])
        .mean(numeric_only=True)
    )
    over = [
        100 * (row[f"mean_of_{members}"] / sollich_krogh_error(1.0, subset, 0.2, members, penalty) - 1)
        for (subset, penalty), row in means.loc[[0.8]].iterrows()
        for members in (1, 2, 5, 10, 30)
    ]
    said("For a fraction of 0.8, which the figure does not show, they exceed it by up to {:.1f} % at the smallest",
         max(over), on="ridge_ensembles")  # fmt: skip
