import pytest
import torch
from drawn import words

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
