"""The pictures of chapter 11: what cancels, which side of the diagonal, and where curves are lowest."""

import pytest
import torch
from matplotlib.colors import to_hex

from lecture21 import figures
from lecture21.figures.ensemble import CANCELLED, KEPT

HALF = torch.tensor([0.5, 0.5])


def inside(figure) -> bool:
    """Whether all that is drawn lies inside the figure."""
    figure.canvas.draw()
    box = figure.get_tightbbox()
    return min(box.x0, box.y0) >= -0.05 and box.x1 <= figure.get_figwidth() + 0.05


def test_a_bar_is_the_average_error_cut_into_what_stays_and_what_cancels():
    figure = figures.cancellation(torch.tensor([1.0, 5.0]), 4.0, HALF, limits=(0, 6), largest=6.0, title="finding")
    line, bar = figure.axes
    kept, cancelled = bar.patches
    assert (kept.get_x(), kept.get_width(), cancelled.get_x(), cancelled.get_width()) == (0, 1, 1, 4)
    assert [to_hex(patch.get_facecolor()).lower() for patch in (kept, cancelled)] == [KEPT.lower(), CANCELLED.lower()]
    assert [text.get_text() for text in bar.texts] == [
        "average error 5.00 =", "ensemble error 1.00", "+ ambiguity 4.00, which cancels",
    ]  # fmt: skip
    assert [text.get_text() for text in line.texts] == ["truth", "pool"]
    assert [text.xy[0] for text in line.texts] == [4, 3]
    assert line.collections[0].get_offsets()[:, 0].tolist() == [1, 5]
    assert line.get_title(loc="left") == "finding"
    assert inside(figure)


def test_weights_are_areas_and_move_the_pool():
    figure = figures.cancellation(
        torch.tensor([1.0, 5.0]), 4.0, torch.tensor([0.25, 0.75]), limits=(0, 6), largest=6.0
    )  # fmt: skip
    small, large = figure.axes[0].collections[0].get_sizes()
    assert large == pytest.approx(3 * small)
    assert figure.axes[0].texts[1].xy[0] == 4
    assert figure.axes[1].patches[0].get_width() == 0


def test_points_above_the_diagonal_have_another_colour_and_are_counted():
    ensemble, average = torch.tensor([1.0, 2.0, 3.0, 8.0]), torch.tensor([2.0, 3.0, 4.0, 4.0])
    ax = figures.error_scatter(ensemble, average, limits=(0.1, 10))
    below, above, diagonal = ax.lines
    assert list(above.get_xdata()) == [4]
    assert list(above.get_ydata()) == [8]
    assert above.get_color() == KEPT
    assert len(below.get_xdata()) == 3
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert ax.texts[0].get_text() == "worse: 25%"
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "error" in ax.get_xlabel()


CURVES = {
    "one": ([0.1, 1.0, 10.0], torch.tensor([3.0, 2.0, 1.0])),
    "many": ([0.1, 1.0, 10.0], torch.tensor([2.0, 0.5, 1.0])),
}


def test_each_curve_has_a_ring_where_it_is_lowest_in_its_own_colour():
    points = {"many": figures.Points([0.1, 1.0], torch.tensor([2.1, 0.6]), torch.tensor([0.1, 0.1]))}
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
    assert [text.get_text() for text in ax.texts] == ["noise"]
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()) == ("log", "penalty", "error", (0, 4))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "many"]


def test_minima_over_steps_need_no_logarithm_and_one_curve_no_legend():
    ax = figures.minima({"one": CURVES["one"]}, xlabel="step", ylabel="nats", limits=(0, 4), log_x=False)
    assert ax.get_xscale() == "linear"
    assert ax.get_legend() is None


def test_points_without_a_line_are_refused():
    points = {"few": figures.Points([1.0], torch.tensor([1.0]), torch.tensor([0.1]))}
    with pytest.raises(ValueError, match=r"\['few'\] beside \['many', 'one'\]"):
        figures.minima(CURVES, xlabel="x", ylabel="y", limits=(0, 1), points=points)


def test_sizes_show_every_choice_and_their_mean():
    ax = figures.pool_sizes(
        {"average": {1: [2.0, 2.2], 2: [2.1]}, "mean": {1: [2.0, 2.2], 2: [1.8]}},
        ylabel="nats per character", rules={"one": 1.7},
    )  # fmt: skip
    means = [line for line in ax.lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in means] == [pytest.approx([2.1, 2.1]), pytest.approx([2.1, 1.8])]
    dots = [line for line in ax.lines if line.get_marker() == "."]
    assert sorted(value for line in dots for value in line.get_ydata()) == [1.8, 2.0, 2.0, 2.1, 2.2, 2.2]
    assert means[0].get_xdata()[0] < 1 < means[1].get_xdata()[0]  # side by side, not one behind the other
    assert ax.get_ylabel() == "nats per character"
    assert "members" in ax.get_xlabel()
    assert [text.get_text() for text in ax.texts] == ["one"]
    assert inside(ax.figure)
