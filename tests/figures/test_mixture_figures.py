"""The pictures of chapter 10: the formula, the members at work, and how methods compare."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from lecture21.figures.mixture import (
    class_map,
    climbs,
    members_at_work,
    method_rows,
    mixture_density,
    mixture_diagram,
)
from lecture21.figures.style import SERIES

LINE = torch.linspace(-1, 1, 5, dtype=torch.float64)
MEANS = torch.stack([LINE, -LINE], dim=1)
GATE = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.0, 1.0]], dtype=torch.float64)


def words(ax) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_the_diagram_names_every_member_and_its_weight():
    ax = mixture_diagram([0.7, 0.25, 0.05])
    found = words(ax)
    for k, weight in enumerate(("0.7", "0.25", "0.05"), start=1):
        assert f"$g_{k}$ = {weight}" in found
        assert any(f"member {k}" in word for word in found)
    assert any("gate" in word for word in found)
    arrows = [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None)]
    widths = [a.get_linewidth() for a in arrows if to_hex(a.get_edgecolor()) in [c.lower() for c in SERIES]]
    assert widths == sorted(widths, reverse=True)  # a larger weight is a wider arrow
    assert len(widths) == 3


def test_the_density_is_the_sum_of_its_weighted_parts():
    y = torch.linspace(-4, 4, 81, dtype=torch.float64)
    each = torch.stack([torch.distributions.Normal(m, 1.0).log_prob(y).exp() for m in (-1.0, 1.0)], dim=1)
    weights = torch.tensor([0.25, 0.75], dtype=torch.float64)
    ax = mixture_density(y, each, weights, marked=0.5)
    total, rule = ax.lines
    np.testing.assert_allclose(total.get_ydata(), (each @ weights).numpy())
    assert set(rule.get_xdata()) == {0.5}
    tops = [part.get_paths()[0].vertices[:, 1].max() for part in ax.collections]
    np.testing.assert_allclose(tops, (each * weights).amax(0).numpy())
    assert next(text.get_text() for text in ax.get_legend().get_texts()).endswith("= 0.25")


def test_the_blend_is_drawn_and_each_member_is_bold_where_the_gate_prefers_it():
    upper, lower = members_at_work(LINE, LINE, LINE, MEANS, GATE)
    bold = [line for line in upper.lines if line.get_linewidth() == 5]
    assert np.isnan(bold[0].get_ydata()).tolist() == [False, False, False, True, True]
    assert np.isnan(bold[1].get_ydata()).tolist() == [True, True, False, False, False]
    (blend,) = (line for line in upper.lines if line.get_color() == "black")
    np.testing.assert_allclose(blend.get_ydata(), (GATE * MEANS).sum(1).numpy())
    assert lower.get_ylim() == (0, 1)
    assert len(lower.collections) == 2
    top = lower.collections[1].get_paths()[0].vertices[:, 1].max()
    assert top == pytest.approx(1)  # the shares fill the strip


def test_members_far_from_the_data_do_not_stretch_the_axis():
    upper, _ = members_at_work(LINE, LINE, LINE, 100 * MEANS, GATE)
    assert upper.get_ylim() == pytest.approx((-1.2, 1.2))


def test_the_map_shows_every_point_and_where_the_mind_changes():
    axis = torch.linspace(-1, 1, 21, dtype=torch.float64)
    probability = (3 * axis).sigmoid().expand(21, 21)  # changes at a vertical line through 0
    points = torch.tensor([[-0.5, 0.0], [0.5, 0.3], [0.2, -0.9]], dtype=torch.float64)
    classes = torch.tensor([0, 1, 1])
    chosen = (axis > 0.5).long().expand(21, 21)
    ax = class_map(points, classes, probability, chosen)
    hollow, filled = ax.lines
    assert (len(hollow.get_xdata()), len(filled.get_xdata())) == (1, 2)
    borders = [
        path.vertices for c in ax.collections for path in c.get_paths() if len(path.vertices) and not c.get_fill()
    ]
    assert any(np.allclose(vertices[:, 0], 0, atol=1e-9) for vertices in borders)
    assert len(ax.collections) == 3  # two regions and a border


def test_each_start_is_a_line_that_ends_in_a_dot():
    ax = climbs({"EM": [[1.0, 2.0, 3.0], [0.0, 2.5]], "Adam": [[1.0, 1.5]]}, ylabel="nats")
    lines = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert [list(line.get_ydata()) for line in lines] == [[1, 2, 3], [0, 2.5], [1, 1.5]]
    assert [list(line.get_xdata()) for line in lines] == [[1, 2, 3], [1, 2], [1, 2]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["EM", "Adam"]
    assert ax.get_xscale() == "log"
    ends = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [line.get_ydata()[0] for line in ends] == [3, 2.5, 1.5]


def test_a_row_shows_its_seeds_and_their_mean():
    ax = method_rows({"a": [1.0, 2.0], "b": [3.0, 5.0]}, xlabel="error", best=0.5)
    seeds, mean, *_ = [line for line in ax.lines if set(line.get_ydata()) == {1}]
    assert list(seeds.get_xdata()) == [3, 5]
    assert list(mean.get_xdata()) == [4]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    bottom, top = ax.get_ylim()
    assert top < 0 < 1 < bottom
    assert any(list(line.get_xdata()) == [0.5, 0.5] for line in ax.lines)


def test_a_mean_off_the_axis_is_written_at_its_edge():
    ax = method_rows({"a": [1.0, 9.0], "b": [1.0, float("inf")], "c": [1.0]}, xlabel="nats", limit=2.0)
    assert words(ax) == ["5.00 →", "∞ →"]
    assert ax.get_xlim()[1] == 2
    assert {line.get_ydata()[0] for line in ax.lines} == {2}


def test_more_members_than_colours_and_nothing_to_draw_are_refused():
    with pytest.raises(ValueError, match="1 to 6 members, got 7"):
        mixture_diagram([1 / 7] * 7)
    with pytest.raises(ValueError, match="1 to 6 members, got 0"):
        mixture_diagram([])
    with pytest.raises(ValueError, match="'EM' has no start"):
        climbs({"EM": []}, ylabel="nats")
    for scores in ({}, {"a": []}):
        with pytest.raises(ValueError, match="at least one score"):
            method_rows(scores, xlabel="error")


@pytest.mark.parametrize("members", [1, 2, 6])
def test_all_of_the_diagram_is_inside_its_axes(members):
    ax = mixture_diagram([1 / members] * members)
    ax.figure.canvas.draw()
    frame = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert box.x0 >= frame.x0 - 2
        assert box.x1 <= frame.x1 + 2
    plt.close(ax.figure)
