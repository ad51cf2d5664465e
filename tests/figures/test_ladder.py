"""The pictures of chapter 08: what a change buys, and what grows with a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lecture21 import figures
from lecture21.figures.ladder import BETTER, NEITHER, WORSE, verdict

T95 = 4.303  # Student's t, 97.5 %, 2 degrees of freedom
CHANGES = {"helps": [-0.11, -0.10, -0.09], "hurts": [0.11, 0.10, 0.09], "nothing": [-0.02, 0.03, 0.01]}


def drawn(ax) -> list[list[float]]:
    """Return what stands at the height of each row: the x data of its lines."""
    rows = {}
    for line in ax.lines:
        height = np.unique(line.get_ydata())
        if len(height) == 1:
            rows.setdefault(float(height[0]), []).append(list(line.get_xdata()))
    return [rows.get(float(row), []) for row in range(len(ax.get_yticks()))]


@given(st.floats(-1, 1), st.floats(0.001, 0.2), st.floats(1, 10))
def test_a_verdict_is_whether_the_interval_leaves_zero_out(mean, half, factor):
    differences = [mean - half, mean, mean + half]  # standard deviation half, standard error half / sqrt 3
    interval = factor * half / np.sqrt(3)
    expected = NEITHER if abs(mean) <= interval else BETTER if mean < 0 else WORSE
    assert abs(abs(mean) - interval) < 1e-9 or verdict(differences, factor) == expected


def test_one_seed_has_no_error():
    with pytest.raises(ValueError, match="at least two seeds, got 1"):
        verdict([0.1], T95)
    with pytest.raises(ValueError, match="at least two seeds, got 1"):
        figures.ladder({"a": [0.1]}, factor=T95, limit=1.0, xlabel="bits")
    with pytest.raises(ValueError, match="at least one rung"):
        figures.ladder({}, factor=T95, limit=1.0, xlabel="bits")


def test_a_rung_shows_its_seeds_their_mean_their_error_and_the_interval_that_decides():
    ax = figures.ladder(CHANGES, factor=T95, limit=0.3, xlabel="bits")
    error = 0.01 / np.sqrt(3)
    interval, bar, seeds, mean = drawn(ax)[0]
    assert interval == pytest.approx([-0.1 - T95 * error, -0.1 + T95 * error])
    assert bar == pytest.approx([-0.1 - error, -0.1 + error])
    assert seeds == CHANGES["helps"]
    assert mean == pytest.approx([-0.1])
    assert [text.get_text() for text in ax.texts] == ["−0.100 ± 0.006", "+0.100 ± 0.006", "+0.007 ± 0.015"]
    assert [text.get_color() for text in ax.texts] == [BETTER, WORSE, NEITHER]


def test_the_first_rung_is_on_top_and_zero_is_in_the_middle():
    ax = figures.ladder(CHANGES, factor=T95, limit=0.3, xlabel="bits")
    assert [label.get_text() for label in ax.get_yticklabels()] == list(CHANGES)
    bottom, top = ax.get_ylim()
    assert top < 0 < 2 < bottom
    assert ax.get_xlim() == (-0.3, 0.3)
    assert any(list(line.get_xdata()) == [0, 0] for line in ax.lines)


def test_a_rung_off_the_axis_is_an_arrow_with_its_number():
    ax = figures.ladder({"far": [1.5, 1.6, 1.55]}, factor=T95, limit=0.3, xlabel="bits")
    assert drawn(ax) == [[]]
    arrow, number = ax.texts
    assert arrow.xy == (0.3, 0)
    assert number.get_text() == "+1.550 ± 0.029"


@pytest.mark.parametrize("count", [1, 17])
def test_all_of_a_ladder_is_inside_the_figure(count):
    changes = {f"a change with a long name {i}": [0.1 * i, 0.1 * i + 0.01] for i in range(count)}
    figure = figures.ladder(changes, factor=12.7, limit=0.5, xlabel="bits", title="Finding").figure
    figure.canvas.draw()
    box = figure.get_tightbbox()
    assert box.x0 >= -0.05
    assert box.x1 <= figure.get_figwidth() + 0.05


PARTS = {"small": {"tables": 30, "blocks": 70}, "large": {"tables": 5, "blocks": 995}}


def test_shares_lie_end_to_end_and_sum_to_one():
    ax = figures.part_shares(PARTS)
    for row, counts in enumerate(PARTS.values()):
        bars = [bar for bar in ax.patches if abs(bar.get_y() + bar.get_height() / 2 - row) < 0.01]
        total = sum(counts.values())
        assert [bar.get_width() for bar in bars] == pytest.approx([n / total for n in counts.values()])
        assert bars[0].get_x() == 0
        assert bars[1].get_x() == pytest.approx(bars[0].get_width())
    # A share too narrow for its number goes without.
    assert [text.get_text() for text in ax.texts] == ["30%", "70%", "100%"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["tables", "blocks"]


@pytest.mark.parametrize("models", [{}, {"a": {}}, {"a": {"x": 1}, "b": {"y": 1}}])
def test_models_without_the_same_parts_are_refused(models):
    with pytest.raises(ValueError, match="same 1 to"):
        figures.part_shares(models)


SIZES = {"A": 1e5, "B": 1e9}


def test_costs_stand_over_the_size_of_their_model():
    ax = figures.scaling(
        SIZES, {"weights": {"A": 2e5, "B": 2e9}, "cache": {"B": 1e8}}, ylabel="bytes", rules={"80 GB": 8e10}
    )
    weights, cache, rule = ax.lines
    assert list(zip(*weights.get_data(), strict=True)) == [(1e5, 2e5), (1e9, 2e9)]
    assert list(zip(*cache.get_data(), strict=True)) == [(1e9, 1e8)]
    assert set(rule.get_ydata()) == {8e10}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    (names,) = (child for child in ax.child_axes)
    assert [label.get_text() for label in names.get_xticklabels()] == ["A", "B"]


def test_a_cost_of_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match=r"\['C'\]"):
        figures.scaling(SIZES, {"weights": {"C": 1}}, ylabel="bytes")
