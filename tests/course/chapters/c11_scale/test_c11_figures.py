import numpy as np
import pytest
import torch
from drawn import inside, words
from matplotlib.patches import FancyArrowPatch

from lecture21.course.chapters.c11_scale import figures
from lecture21.course.figures.style import COLORS

SIZES = [100, 200, 400]
CURVATURE = 1 / np.log(2) ** 2
CURVES = {
    "small": (SIZES, torch.tensor([[3.0, 2.0, 3.0], [3.2, 2.2, 3.2]])),
    "large": (SIZES, torch.tensor([[2.5, 1.8, 1.6]])),
}


class TestIsoflopCurves:
    def test_the_stars_are_the_lowest_points_of_the_curves_and_the_dashes_join_them(self):
        ax = figures.isoflop_curves(CURVES, curvature=CURVATURE, xlabel="weights", ylabel="nats", held_back="large")
        lines = {line.get_label(): line for line in ax.lines}
        x, y = lines["lowest point"].get_data()
        assert x[0] == pytest.approx(200)
        assert y[0] == pytest.approx(2.1)
        assert 200 < x[1] < 400
        assert y[1] < 1.6
        assert any(line.get_linestyle() == "--" and np.allclose(line.get_xdata(), x) for line in ax.lines)
        assert np.allclose(lines["small"].get_ydata(), [3.1, 2.1, 3.1])
        assert lines["large"].get_markerfacecolor() == "white" != lines["small"].get_markerfacecolor()
        assert ax.get_xscale() == "log"


class TestBestSizes:
    def test_the_line_is_fitted_to_all_but_the_last_budget_and_the_prediction_is_beside_it(self):
        sizes = torch.tensor([[10.0, 8, 12], [100, 90, 120], [300, 200, 400]])
        ax = figures.best_sizes([1e2, 1e4, 1e6], sizes, (700, 1400), ylabel="best size")
        law = next(line for line in ax.lines if "propto" in str(line.get_label()))
        assert law.get_label() == r"$N^* \propto F^{0.50}$"
        x, y = law.get_data()
        assert np.allclose(y, np.sqrt(x))
        bands = [collection.get_segments()[0] for collection in ax.collections if collection.get_label() == "predicted"]
        assert np.allclose(bands, [[[1e6, 700], [1e6, 1400]]])
        ends = [c.get_segments()[0][:, 1].tolist() for c in ax.collections if c.get_label() != "predicted"]
        assert [8, 12] in ends
        assert [200, 400] in ends
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


PANELS = {"zero-shot": (["task", "cheese = ?"], "weights fixed"), "few-shot": (["task", "a = b", "c = ?"], "same")}


class TestPromptPanels:
    def test_each_panel_has_its_lines_and_its_note_and_the_query_in_its_color(self):
        axes = figures.prompt_panels(PANELS, title="finding")
        assert [ax.get_title(loc="left") for ax in axes] == list(PANELS)
        assert [words(ax) for ax in axes] == [[*lines, note] for lines, note in PANELS.values()]
        colors = {text.get_text(): text.get_color() for text in axes[0].texts}
        assert colors["cheese = ?"] == COLORS["query"] != colors["task"]
        assert inside(axes[0].figure)


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
