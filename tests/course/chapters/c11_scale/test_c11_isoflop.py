"""The fits of the best size for a budget, which a wrong line would make wrong without a sign."""

import math

import pandas as pd
import pytest
import torch

from lecture21 import GPT, accounting
from lecture21.course.chapters import results

LONG = 10**6  # windows: more than any size needs
SIZES = torch.tensor([1e3, 2e3, 5e3, 1e4]).double()


@pytest.mark.parametrize("known", [True, False])
def test_the_lowest_points_of_parabolas_are_found(known):
    import c11_isoflop

    x, curvature = SIZES.log(), torch.tensor([0.07, 0.07]).double()
    first = 2.1 + 0.07 * (x - math.log(3000)) ** 2
    second = 1.9 + 0.07 * (x - math.log(4000)) ** 2
    losses = torch.stack([torch.cat([first, second]), torch.cat([second, first + 1])])
    budget = torch.tensor([0] * 4 + [1] * 4)
    lowest, a, curves = c11_isoflop.vertices(x.repeat(2), budget, losses, curvature if known else None)
    expected = [[[math.log(3000), 2.1], [math.log(4000), 1.9]], [[math.log(4000), 1.9], [math.log(3000), 3.1]]]
    assert torch.allclose(lowest, torch.tensor(expected).double())
    assert torch.allclose(a, curvature)
    assert torch.allclose(curves, losses)


def test_every_run_has_its_budget_and_reads_no_character_twice(monkeypatch):
    import c11_isoflop

    targets = []

    def loss(model, ids, wanted):
        targets.append(wanted)
        assert (wanted == ids + 1).all()
        return sum(p.sum() for p in model.parameters()) * 0.0

    monkeypatch.setattr(GPT, "loss", loss)
    width, budget, tokens = 4, 2e8, torch.arange(100_000)
    c11_isoflop.trained(width, budget, 0.01, 0, tokens)
    read = torch.cat(targets).flatten()
    assert len(read.unique()) == len(read)
    flops = len(read) * accounting.flops_per_token(c11_isoflop.shape(width)).training
    batch = len(targets[0].flatten()) / len(read)
    assert flops == pytest.approx(budget, rel=batch / 2)
    with pytest.raises(ValueError, match=r"width 4 at 2e\+09 FLOPs needs \d+ windows, the text has 1562"):
        c11_isoflop.trained(width, 10 * budget, 0.01, 0, tokens)


def means(noise: float) -> dict[float, dict[int, float]]:
    """Losses whose best size is 3 sqrt(C / 3000), with noise of alternating sign."""
    import c11_isoflop

    def loss(width, budget):
        best = 3 * math.sqrt(budget / 3e3)
        return 3.5 * (budget / 1e9) ** -0.1 + 0.06 * math.log(c11_isoflop.weights(width) / best) ** 2

    return {
        budget: {width: loss(width, budget) + noise * (-1) ** n for n, width in enumerate(widths)}
        for budget, widths in c11_isoflop.FITTED.items()
    }


def test_a_power_law_is_continued_to_the_budget_that_is_predicted():
    import c11_isoflop

    row = c11_isoflop.Fit(means(1e-9)).prediction(LONG)
    assert row["weights_exponent"] == 0.5
    assert row["nats_exponent"] == -0.1
    assert row["predicted_weights"] == pytest.approx(3 * math.sqrt(1e11 / 3e3), rel=1e-3)
    assert row["predicted_nats"] == pytest.approx(3.5 * 100**-0.1, abs=1e-4)
    low, middle, high = (c11_isoflop.weights(int(width)) for width in row["predicted_widths"].split())
    assert 1.6 < middle / low < 2.5
    assert 1.6 < high / middle < 2.5
    least = c11_isoflop.steps(24, 1e11) * c11_isoflop.BATCH
    assert c11_isoflop.nearest(math.log(middle), least)[0] == 24  # the text is too short for smaller ones


def test_the_intervals_contain_the_truth_and_widen_with_the_noise():
    import c11_isoflop

    narrow, wide = (c11_isoflop.Fit(means(noise)).prediction(LONG) for noise in (0.002, 0.004))
    truth = 3 * math.sqrt(1e11 / 3e3)
    for row in (narrow, wide):
        assert row["predicted_weights_low"] < truth < row["predicted_weights_high"]
        assert row["predicted_nats_low"] < 3.5 * 100**-0.1 < row["predicted_nats_high"]
        assert row["weights_exponent_low"] < 0.5 < row["weights_exponent_high"]
    assert wide["residual"] == pytest.approx(2 * narrow["residual"], rel=0.01)
    assert wide["predicted_nats_high"] - wide["predicted_nats_low"] > 1.5 * (
        narrow["predicted_nats_high"] - narrow["predicted_nats_low"]
    )


def test_the_stored_optima_follow_from_the_stored_runs():
    import c11_isoflop
    import common

    runs = results.load("isoflop").groupby(["part", "budget", "d_model"])["nats"].mean()
    losses = {budget: runs["run", budget].to_dict() for budget in runs["run"].index.unique("budget")}
    last = losses.pop(c11_isoflop.PREDICTED)
    later = runs["later run", c11_isoflop.PREDICTED].to_dict()
    assert {budget: tuple(widths) for budget, widths in losses.items()} == c11_isoflop.FITTED
    fit = c11_isoflop.Fit(losses)
    stored = results.load("isoflop_optima")
    tokens = common.encoded_plays()[1]
    prediction = fit.prediction((len(tokens) - 1) // c11_isoflop.WINDOW)
    assert list(last) == [int(width) for width in prediction["predicted_widths"].split()]
    measured = fit.measured(last) | prediction
    measured |= {f"later_{name}": value for name, value in fit.measured(later).items() if name != "budget"}
    for actual, expected in zip(stored.to_dict("records"), [*fit.optima(), measured], strict=True):
        for name, value in expected.items():
            assert actual[name] == (pytest.approx(value, rel=1e-3) if isinstance(value, int | float) else value), name


def test_the_law_behind_some_losses_is_found_and_seeds_that_agree_leave_no_interval():
    import c11_isoflop

    weights, characters = SIZES.repeat(2), torch.cat([1e6 / SIZES, 1e7 / SIZES])
    losses = 1.2 + 20 * weights**-0.4 + 30 * characters**-0.25
    exponents, factors = c11_isoflop.laws(weights, characters, torch.stack([losses, 2 * losses]))
    assert exponents.tolist() == [[0.4, 0.25]] * 2
    assert torch.allclose(factors, torch.tensor([[1.2, 20, 30], [2.4, 40, 60]]).double())
    same = c11_isoflop.resampled(losses[:, None].expand(-1, 3))
    assert torch.allclose(same, losses.expand(c11_isoflop.REFITS + 1, -1))


def test_means_of_drawn_seeds_vary_as_means_of_new_seeds_do():
    import c11_isoflop

    noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1)).double()
    mean, *drawn = c11_isoflop.resampled(noise)
    assert torch.allclose(mean, noise.mean(1))
    assert (torch.stack(drawn[:100]) - mean).var().item() == pytest.approx(1 / 3, rel=0.05)


@pytest.mark.parametrize("width", [4, 12, 20, 36, 40])
def test_the_flops_of_a_character_between_the_widths_are_those_of_the_widths(width):
    import c11_isoflop

    expected = accounting.flops_per_token(c11_isoflop.shape(width)).training
    actual = c11_isoflop.per_character(torch.tensor([float(c11_isoflop.weights(width))]).double())
    assert actual.item() == pytest.approx(expected)


def test_the_best_size_of_a_law_is_the_lowest_on_the_budget_as_it_is_spent():
    import c11_isoflop

    exponents, factors = torch.tensor([[0.34, 0.15]]).double(), torch.tensor([[0.97, 6.85, 5.75]]).double()
    best = c11_isoflop.lowest(exponents, factors, 1e11).exp()

    def loss(size):
        text = 1e11 / c11_isoflop.per_character(size)
        return 0.97 + 6.85 * size**-0.34 + 5.75 * text**-0.15

    assert loss(best) < min(loss(best / 1.02), loss(best * 1.02))


def test_the_stored_law_follows_from_the_stored_runs():
    import c11_isoflop

    stored, again = results.load("isoflop_law"), pd.DataFrame(c11_isoflop.law("0 1 2"))
    assert stored["quantity"].tolist() == again["quantity"].tolist()
    columns = ["value", "value_low", "value_high"]
    assert stored[columns].to_numpy() == pytest.approx(again[columns].to_numpy(), rel=2e-3, abs=2e-4)


def test_the_rates_of_the_fifth_budget_were_tuned_later_with_a_seed_that_is_not_reported():
    import c11_isoflop

    rows = results.load("isoflop").query("budget == 1e11")
    search, again = rows.query("part == 'later search'"), rows.query("part == 'later run'")
    assert set(search.seed) == {c11_isoflop.TUNED_WITH}
    assert c11_isoflop.TUNED_WITH not in set(again.seed)
    for width, runs in again.groupby("d_model"):
        tried = search[search.d_model == width].set_index("learning_rate").nats
        assert set(runs.learning_rate) == {tried.idxmin()}
        assert tried.index.min() < tried.idxmin() < tried.index.max()
        assert len(runs) == 3
    tested = rows.query("part == 'run'").d_model
    assert set(again.d_model) == {*tested, c11_isoflop.WIDER}
