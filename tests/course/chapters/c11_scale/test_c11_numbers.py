import math

import numpy as np
import pandas as pd
import pytest
import torch

from lecture21.course.chapters import results

PAGE = "negative_results"


LATER = 10**11
"""The budget that was predicted."""


@pytest.fixture
def runs():
    return results.load("isoflop").query("part == 'run'")


@pytest.fixture
def later():
    return results.load("isoflop").query("part == 'later run'")


def test_isoflop_curves(said):
    table = results.load("isoflop_optima").set_index("budget")
    last = table.loc[LATER]
    said("a loss of {:.3f} nats, with 95 % between {:.3f} and {:.3f}.", last.predicted_nats,
         last.predicted_nats_low, last.predicted_nats_high)  # fmt: skip
    said("Predicted: {:.3f} nats. Measured: {:.3f}.", last.predicted_nats, last.nats)
    assert last.predicted_weights_low < last.weights < last.predicted_weights_high
    assert last.predicted_nats_low < last.nats < last.predicted_nats_high
    assert abs(last.nats - last.predicted_nats) < 0.015
    assert last.predicted_weights_high > 3 * last.predicted_weights_low  # "no sharp test"
    said("a model more than twice as large, and about five times the text")
    assert 2.1 < table.weights[10**10] / table.weights[10**9] < 2.6
    said("Our parabolas give {:.2f}, and", last.weights_exponent)
    assert last.weights_exponent_high < 0.5  # "prefer more text still"
    said("the loss is multiplied by {:.2f}", 10**last.nats_exponent)
    said("a size that is wrong by a factor of two costs {:.2f} nats", last.curvature * math.log(2) ** 2)


def test_seeds_differ_by_more_than_a_wrong_size_costs(said, runs):
    small = runs[runs.budget < LATER].groupby(["budget", "weights"]).nats
    said("Seeds differ by {:.2f} nats", small.var().mean() ** 0.5)


def test_what_the_budgets_buy(said, runs):
    read = runs.groupby(["budget", "weights"]).characters.first()
    budget = 10**10
    said("a GPT of {:.0f} thousand weights on {:.0f} thousand characters of Shakespeare, or one of {:.0f} thousand on "
         "{:.0f} thousand.", 4.236, read[budget][4236] / 1000, 41.0, read[budget][41000] / 1000)  # fmt: skip
    best = results.load("isoflop_optima").set_index("budget").weights

    def characters(budget: float) -> float:
        known = np.log(read[budget].index.values), np.log(read[budget].values)
        return np.exp(np.interp(np.log(best[budget]), *known))

    assert 4.5 < characters(budget) / characters(10**9) < 5.5  # "five times the text"
    attention = [1 - 6 * w * c / b for (b, w), c in read.items()]
    assert 0.58 < max(attention) < 0.62  # "up to three fifths"


def test_the_first_seed_does_not_decide(said, runs):
    import c11_isoflop

    means = runs[(runs.seed > 0) & (runs.budget < LATER)].groupby(["budget", "d_model"]).nats.mean()
    losses = {budget: means[budget].to_dict() for budget in means.index.levels[0]}
    row = c11_isoflop.Fit(losses).prediction(10**6)
    said("Without that seed, the exponent below is {:.2f} again.", row["weights_exponent"])


def test_one_rate_for_all_sizes_doubles_the_exponent(said):
    import c11_isoflop

    search = results.load("isoflop").query("part == 'search'")
    assert set(search.seed) == {0}  # "the first seed alone"
    arms = (
        search.query("learning_rate == 0.08").set_index(["budget", "d_model"]).nats,
        search.groupby(["budget", "d_model"]).nats.min(),
    )
    all_four, without_smallest = [], []
    for losses in arms:
        fit = c11_isoflop.Fit({budget: losses[budget].to_dict() for budget in c11_isoflop.FITTED})
        x, y = np.log(fit.budgets), fit.lowest[0, :, 0].numpy()
        all_four.append(np.polyfit(x, y, 1)[0])
        without_smallest.append(np.polyfit(x[1:], y[1:], 1)[0])
    last = results.load("isoflop_optima").set_index("budget").loc[LATER]
    said("the best size to grow as $F^{{{:.2f}}}$ in place of $F^{{{:.2f}}}$", all_four[0], last.weights_exponent)
    said("Tuned, this seed gives an exponent of {:.2f}.", all_four[1])
    said("without the smallest, one rate gives {:.2f}, and tuned rates {:.2f}.", *without_smallest)


def test_the_formula_misses_on_the_fifth_budget(said, runs):
    law = results.load("isoflop_law").set_index("quantity")
    last = results.load("isoflop_optima").set_index("budget").loc[LATER]
    value, low, high = (law[name] for name in ("value", "value_low", "value_high"))
    said("and our formula, attention counted, {:.2f}.", value.exponent)
    said("with seeds drawn again, the fit says anything from {:.2f} to {:.2f}.", low.E, high.E)
    measured = runs[runs.budget == LATER].groupby("weights").nats.mean()
    formula = {size: value[f"nats of {size}"] for size in measured.index}
    worst = max(formula, key=formula.__getitem__)
    assert measured.idxmin() == worst
    said("is the best, and {:.3f} nats lower than the formula says.", formula[worst] - measured[worst])
    assert measured[worst] < low[f"nats of {worst}"]  # outside of the gray band
    assert value["best weights"] < last.later_weights_low


def noise_of_the_formula(runs: pd.DataFrame) -> float:
    """Return the deviation of its residuals: five numbers are fitted."""
    law = results.load("isoflop_law").set_index("quantity").value
    means = runs[runs.budget < LATER].groupby(["weights", "characters"]).nats.mean()
    size, text = (means.index.get_level_values(name) for name in ("weights", "characters"))
    misses = means - (law.E + law.A * size**-law.alpha + law.B * text**-law.beta)
    assert len(misses) == 20
    return math.sqrt((misses**2).sum() / (len(misses) - 5))


def test_with_the_noise_of_runs_the_first_miss_is_none_and_the_later_one_is(said, runs, later):
    law = results.load("isoflop_law").set_index("quantity")
    size = runs[runs.budget == LATER].groupby("weights").nats.mean().idxmin()
    value, low, high = law.loc[f"nats of {size}", ["value", "value_low", "value_high"]]
    half = math.hypot((high - low) / 2, 1.96 * noise_of_the_formula(runs))
    said("the formula's interval at this size is ±{:.2f} nats, just enough.", half)
    first, again = (each[(each.budget == LATER) & (each.weights == size)].nats.mean() for each in (runs, later))
    assert value - half < first
    assert again < value - half - 0.015


def test_without_a_floor_the_level_is_better_and_the_ranking_is_not(said, runs, later):
    said("The formula then misses the new runs by less, and still prefers the wrong, small sizes.")
    table = runs.groupby(["budget", "weights", "characters"]).nats.mean().reset_index()
    small = table[table.budget < LATER]
    new = later.groupby(["weights", "characters"]).nats.mean().reset_index()

    def fit(n_term: int) -> np.ndarray:
        found = []
        for alpha in np.arange(0.02, 0.6, 0.02):
            for beta in np.arange(0.02, 0.4, 0.02):
                terms, later = (
                    np.stack([rows.weights**-alpha, rows.characters**-beta, 1 + 0 * rows.weights])[:n_term].T
                    for rows in (small, new)
                )
                factors = np.linalg.lstsq(terms, small.nats, rcond=None)[0]
                found.append((np.sqrt(np.mean((terms @ factors - small.nats) ** 2)), list(later @ factors)))
        return np.array(min(found)[1])

    with_floor, without = fit(3), fit(2)
    assert np.square(without - new.nats).mean() < np.square(with_floor - new.nats).mean()
    assert abs((without - new.nats).mean()) < abs((with_floor - new.nats).mean())
    assert (np.diff(without) > 0).all()
    assert new.nats.idxmin() == 2  # the second largest of four


def test_the_rates_are_not_to_blame(said, runs, later):
    last = results.load("isoflop_optima").set_index("budget").loc[LATER]
    law = results.load("isoflop_law").set_index("quantity")
    again = later.groupby("weights").nats.mean()
    formula = pd.Series({size: law.value[f"nats of {size}"] for size in again.index})
    gain = runs[runs.budget == LATER].groupby("weights").nats.mean() - again
    said("The miss grows to {:.3f} nats.", (formula - again).max())
    assert (formula - again).idxmax() == runs[runs.budget == LATER].groupby("weights").nats.mean().idxmin()
    assert gain.min() > 0
    assert (formula > again).all()
    assert last.predicted_nats_low < last.later_nats < last.predicted_nats_high  # "and held"
    below = [again[size] < law.value_low[f"nats of {size}"] for size in again.index]
    assert below == [False, True, True, True]  # the caption's "for all but the smallest"


def test_the_exponents_of_papers(said):
    hoffmann, besiroglu = (beta / (alpha + beta) for alpha, beta in ((0.3392, 0.2849), (0.3478, 0.3658)))
    said("In Hoffmann's paper the exponent is {:.2f}, but 0.49 by IsoFLOP curves.", hoffmann)
    said("read the points off its figure, and fitted the formula again: {:.2f}.", besiroglu)


def test_the_answer_to_the_open_exercise(said, runs):
    import c11_isoflop

    hidden = 3 * 10**10
    small = runs[runs.budget < hidden]
    means = small.groupby(["budget", "d_model"]).nats.mean()
    fit = c11_isoflop.Fit({budget: means[budget].to_dict() for budget in means.index.levels[0]})
    x, y = torch.tensor(fit.budgets).double().log(), fit.lowest[:, :, 1]
    _, log_loss = c11_isoflop.line(x, y.log(), math.log(hidden))
    _, steps = c11_isoflop.line(x, y, math.log(hidden))
    optima = results.load("isoflop_optima").set_index("budget")
    said("three budgets predicts {:.3f} nats", log_loss.exp().item())
    said("equal steps for each tenfold predict {:.3f}. The measured lowest point is {:.3f}", steps.item(),
         optima.nats[hidden])  # fmt: skip
    table = small.groupby(["weights", "characters"]).nats.mean()
    size, text = (torch.tensor(table.index.get_level_values(name)).double() for name in ("weights", "characters"))
    ((alpha, beta),), ((e, a, b),) = c11_isoflop.laws(size, text, torch.tensor(table.values)[None].double())
    losses = runs[runs.budget == hidden].groupby(["weights", "characters"]).nats.mean()
    expected = [(e + a * n**-alpha + b * d**-beta).item() for n, d in losses.index]
    said("has E = {:.2f} and predicts {:.3f}, {:.3f}, {:.3f}, {:.3f} and {:.3f} for the five sizes, where {:.3f}, "
         "{:.3f}, {:.3f}, {:.3f} and {:.3f} were measured", e.item(), *expected, *losses)  # fmt: skip
    assert all(losses < expected)


def test_in_context_learning(said):
    runs = results.load("in_context_training").query("part == 'run'")
    seen = runs.query("task == 'mapping' and scored == 'seen'").set_index(["arm", "step"]).accuracy
    assert seen["2 layers, Muon"].groupby("step").min().loc[150:].min() > 0.99
    assert abs(seen["2 layers, AdamW", 400].mean() - seen["1 layer, Muon", 400].mean()) < 0.03  # "no better than one"
    rules = results.load("in_context").query("task == 'linear' and arm == '2 layers, Muon' and examples == 2")
    right = rules.groupby("rules").accuracy
    held = right.mean()["held out"], right.std()["held out"]
    said("right after two examples ({:.3f}), but for the four rules that were held out it is right in {:.2f} ± {:.2f}",
         right.mean()["trained"], *held, on=PAGE)  # fmt: skip


def test_a_prompt_uses_some_of_the_keys(said):
    import c11_in_context

    task = c11_in_context.MAPPING
    said("from {} small letters (keys) to {} capital letters (values), uses {:words} of the keys, and lists {} pairs",
         task.n_symbol, task.n_symbol, task.n_used, task.n_pair)  # fmt: skip


def test_seen_and_unseen_keys():
    scores = results.load("in_context").query("task == 'mapping'").set_index(["arm", "scored"])
    mean = scores.set_index("examples", append=True).accuracy.groupby(level=[0, 1, 2]).mean()
    assert (mean["2 layers, Muon", "all"] - mean["optimal", "all"]).abs().max() < 0.01
    assert scores.accuracy["2 layers, Muon", "seen"].min() > 0.99
    one = scores.loc[("1 layer, Muon", "new")]
    assert one[one.examples > 0].accuracy.max() < 0.001


def test_the_plateau_of_adamw_ends_within_two_hundred_updates(said):
    said("nothing happens for 500 to 700. Then, within 200, AdamW learns the look-up, for all three seeds.")
    runs = results.load("in_context_training").query(
        "arm == '2 layers, AdamW, 2,000 updates' and part == 'run' and scored == 'seen'"
    )
    curves = runs.pivot(index="step", columns="seed", values="accuracy")
    assert len(curves.columns) == 3
    for curve in (curves[seed] for seed in curves):
        begins = curve[curve < 0.3].index.max()
        assert 500 <= begins <= 700
        assert curve.loc[begins + 200] > 0.97
    assert curves.loc[1100:].min(axis=None) > 0.999


def test_a_single_head_may_do_the_first_step(said):
    heads = results.load("in_context_heads").query("arm == '2 layers, Muon' and step == 400 and layer == 1")
    without = heads.groupby("seed").without.min()
    said("without it, the accuracy falls to {:.2f}, {:.2f} and {:.2f}.", *without, on=PAGE)
