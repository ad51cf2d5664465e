import matplotlib.pyplot as plt
import pytest
import torch
from drawn import inside, words
from matplotlib.colors import to_rgb

from lecture21.course.chapters.c13_ensemble_vs_average import figures

CURVES = {
    "one": ([0.1, 1.0, 10.0], torch.tensor([3.0, 2.0, 1.0])),
    "many": ([0.1, 1.0, 10.0], torch.tensor([2.0, 0.5, 1.0])),
}


def test_each_curve_has_a_ring_at_its_minimum():
    points = {"many": ([0.1, 1.0], torch.tensor([2.1, 0.6]), torch.tensor([0.1, 0.1]))}
    ax = figures.minima(
        CURVES, xlabel="penalty", ylabel="error", limits=(0, 4), points=points, rules={"noise": 0.2}, title="finding"
    )
    lines = {line.get_label(): line for line in ax.lines}
    rings = [line for line in ax.lines if line.get_marker() == "o"]
    assert [(list(ring.get_xdata()), list(ring.get_ydata())) for ring in rings] == [([10.0], [1.0]), ([1.0], [0.5])]
    assert [ring.get_color() for ring in rings] == [lines["one"].get_color(), lines["many"].get_color()]
    (bars,) = ax.containers
    assert list(bars.lines[0].get_ydata()) == pytest.approx([2.1, 0.6])
    assert bars.lines[0].get_color() == lines["many"].get_color()
    assert any(list(line.get_xdata()) == [0.2, 0.2] for line in ax.lines)
    assert words(ax) == ["noise"]
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()) == ("log", "penalty", "error", (0, 4))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "many"]


def test_minima_over_steps_need_no_logarithm_and_one_curve_no_legend():
    ax = figures.minima({"one": CURVES["one"]}, xlabel="step", ylabel="nats", limits=(0, 4), log_x=False)
    assert ax.get_xscale() == "linear"
    assert ax.get_legend() is None


def test_a_bar_reaches_from_the_ensemble_to_the_average_and_its_length_is_the_ambiguity():
    losses = {
        "alone": (torch.tensor([2.4, 2.5]), torch.tensor([2.2, 2.3])),
        "as one": (torch.tensor([3.0, 3.0]), torch.tensor([2.1, 2.3])),
    }
    ax = figures.ambiguity_bars(losses, ylabel="nats", rules={"one GPT": 2.35})
    bars = [(bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert bars == [pytest.approx(pair, abs=1e-6) for pair in ((2.25, 0.2), (2.2, 0.8))]
    written = ["ambiguity\n0.20", "average\n2.45", "ensemble\n2.25", "0.80", "3.00", "2.20", "one GPT"]
    assert words(ax) == written
    dots = [line.get_ydata() for line in ax.lines if line.get_marker() == "."]
    assert [list(each) for each in dots] == [pytest.approx(row.tolist()) for pair in losses.values() for row in pair]
    (rule,) = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert list(rule.get_ydata()) == [2.35, 2.35]
    assert [label.get_text() for label in ax.get_xticklabels()] == list(losses)
    assert ax.get_ylabel() == "nats"
    assert inside(ax.figure)
    assert ax.figure.get_size_inches()[0] <= 4.75


def test_each_character_has_the_color_of_its_value_and_a_line_break_begins_a_line():
    values = torch.tensor([0.0, 0.1, 0.2, 0.9])
    ax = figures.colored_characters("ab\nc", values, limit=0.2, label="nats", underlined=[False, True, False, True])
    assert words(ax) == ["a", "b", "\u21b5", "c"]
    places = [cell.get_xy() for cell in ax.patches]
    assert places == [(0, 0), (1, 0), (2, 0), (0, 1)]
    below = [(line.get_xdata()[0], round(line.get_ydata()[0] - 0.5)) for line in ax.lines]
    assert below == [(1, 0), (0, 1)]
    white, half, full, beyond = [cell.get_facecolor()[:3] for cell in ax.patches]
    assert min(white) > 0.93
    assert full == beyond == pytest.approx(to_rgb("#D55E00"), abs=0.01)
    assert white[2] > half[2] > full[2]
    (scale,) = [other for other in ax.figure.axes if other is not ax]
    assert scale.get_xlabel() == "nats"
    assert scale.get_xlim() == (0, 0.2)
    assert inside(ax.figure)
    plt.close(ax.figure)
    with pytest.raises(ValueError, match="got 4 values and 3 lines below for 3 characters"):
        figures.colored_characters("abc", values, limit=0.2, label="nats")


def test_a_map_of_errors_has_a_ring_in_each_column_and_a_second_one_at_the_least():
    errors = torch.tensor([[0.064, 0.09, 0.13], [0.07, 0.031, 0.05]])
    ax = figures.error_map(errors, (0.0, 1.0), (0.01, 0.1, 1.0))
    assert [text.get_text() for text in ax.texts] == ["64", "90", "130", "70", "31", "50"]
    each, least = ax.lines
    assert list(zip(each.get_xdata(), each.get_ydata(), strict=True)) == [(0, 0), (1, 1), (2, 1)]
    assert (list(least.get_xdata()), list(least.get_ydata())) == ([1], [1])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1"]
    with pytest.raises(ValueError, match=r"shape \(2, 2\), got \(2, 3\)"):
        figures.error_map(errors, (0.0, 1.0), (0.01, 0.1))
