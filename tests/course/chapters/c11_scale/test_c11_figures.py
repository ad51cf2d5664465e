import numpy as np
import pytest
import torch
from drawn import inside, words
from matplotlib.patches import FancyArrowPatch

from lecture21.course.chapters.c11_scale import figures

SIZES = [100, 200, 400]
CURVATURE = 1 / np.log(2) ** 2
CURVES = {
    "small": (SIZES, torch.tensor([[3.0, 2.0, 3.0], [3.2, 2.2, 3.2]])),
    "large": (SIZES, torch.tensor([[2.5, 1.8, 1.6]])),
}


class TestIsoflopCurves:
    def test_the_stars_are_the_lowest_points_of_the_curves_and_the_dashes_join_them(self):
        ax = figures.isoflop_curves(CURVES, curvature=CURVATURE, xlabel="weights", ylabel="nats")
        lines = {line.get_label(): line for line in ax.lines}
        x, y = lines["lowest point"].get_data()
        assert x[0] == pytest.approx(200)
        assert y[0] == pytest.approx(2.1)
        assert 200 < x[1] < 400
        assert y[1] < 1.6
        assert any(line.get_linestyle() == "--" and np.allclose(line.get_xdata(), x) for line in ax.lines)
        assert np.allclose(lines["small"].get_ydata(), [3.1, 2.1, 3.1])
        assert ax.get_xscale() == "log"


class TestLowestLosses:
    def test_the_line_is_fitted_to_all_but_the_last_budget_and_the_prediction_is_beside_it(self):
        losses = torch.tensor([[2.8, 2.6, 3.0], [1.4, 1.3, 1.5], [0.9, 0.8, 1.0]])
        ax = figures.lowest_losses([1e2, 1e4, 1e6], losses, (0.6, 0.75), xlabel="FLOPs", ylabel="nats")
        law = next(line for line in ax.lines if "propto" in str(line.get_label()))
        assert law.get_label() == r"loss $\propto F^{-0.151}$, fitted to the first 2"
        x, y = law.get_data()
        assert np.allclose(y, 2.8 * (x / 1e2) ** (np.log(0.5) / np.log(100)))
        before = [line for line in ax.collections if line.get_label() == "predicted before the run"]
        assert np.allclose([line.get_segments()[0] for line in before], [[[1e6, 0.6], [1e6, 0.75]]])
        ends = [c.get_segments()[0][:, 1].tolist() for c in ax.collections if c not in before]
        assert np.allclose(ends, losses[:, 1:])
        hollow = [line.get_xdata().tolist() for line in ax.lines if line.get_markerfacecolor() == "white"]
        assert hollow == [[1e6]]
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")

    def test_a_budget_without_a_loss_is_refused(self):
        with pytest.raises(ValueError, match="a loss of each, got 4, 3"):
            figures.lowest_losses([1, 2, 3, 4], torch.ones(3, 3), (1, 2), xlabel="", ylabel="")


class TestFormulaAndRuns:
    def test_the_formula_has_its_interval_and_the_runs_their_seeds_and_means(self):
        formula = torch.tensor([[2.0, 1.9, 2.1], [2.1, 2.0, 2.2], [2.4, 2.2, 2.5]])
        seeds = torch.tensor([[2.0, 1.9, 1.8], [2.2, 2.1, 2.0]])
        runs = {"measured": (SIZES, seeds), "some": (SIZES[1:], seeds[:, 1:] + 1)}
        ax = figures.formula_and_runs(SIZES, formula, runs, xlabel="weights", ylabel="nats")
        drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
        assert np.allclose(drawn["the formula, fitted to smaller budgets"], formula[:, 0])
        assert np.allclose(drawn["measured"], [2.1, 2.0, 1.9])
        assert np.allclose(drawn["some"], [3.0, 2.9])
        assert any(np.array_equal(line.get_ydata(), seeds[1]) for line in ax.lines)
        (band,) = ax.collections
        assert {(x, round(y, 2)) for x, y in band.get_paths()[0].vertices} >= {(100, 1.9), (400, 2.2), (400, 2.5)}
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["100", "200", "400"]


class TestLookupHeads:
    def test_every_value_attends_to_its_key_and_the_query_to_the_values_of_its_key(self):
        ax = figures.lookup_heads("aFcBaFdLa", title="finding")
        arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
        ends = [tuple(tuple(point) for point in arrow._posA_posB) for arrow in arrows]
        above = sorted((start[0], end[0]) for start, end in ends if start[1] > 0)
        below = sorted((start[0], end[0]) for start, end in ends if start[1] < 0)
        assert above == [(1, 0), (3, 2), (5, 4), (7, 6)]
        assert below == [(8, 1), (8, 5)]
        assert words(ax)[:9] == list("aFcBaFdLa")
        assert inside(ax.figure)
