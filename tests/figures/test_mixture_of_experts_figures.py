import numpy as np
import pytest
import torch
from drawn import words
from matplotlib.colors import to_hex

from lecture21 import figures

LINE = torch.linspace(-1, 1, 5, dtype=torch.float64)
MEANS = torch.stack([LINE, -LINE], dim=1)
GATE = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.5, 0.5], [0.1, 0.9], [0.0, 1.0]], dtype=torch.float64)


def test_the_diagram_names_every_member_and_its_weight():
    ax = figures.mixture_diagram([0.7, 0.25, 0.05])
    found = words(ax)
    for k, weight in enumerate(("0.7", "0.25", "0.05"), start=1):
        assert f"$g_{k}$ = {weight}" in found
        assert any(f"member {k}" in word for word in found)
    assert any("gate" in word for word in found)
    arrows = [text.arrow_patch for text in ax.texts if getattr(text, "arrow_patch", None)]
    widths = [a.get_linewidth() for a in arrows if to_hex(a.get_edgecolor()) in [c.lower() for c in figures.SERIES]]
    assert widths == sorted(widths, reverse=True)  # a larger weight is a wider arrow
    assert len(widths) == 3


def test_the_mixture_is_drawn_and_each_member_is_bold_where_its_gate_is_largest():
    upper, lower = figures.gated_members(LINE, LINE, LINE, MEANS, GATE)
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
    upper, _ = figures.gated_members(LINE, LINE, LINE, 100 * MEANS, GATE)
    assert upper.get_ylim() == pytest.approx((-1.2, 1.2))


def test_the_class_map_shows_every_point_and_the_decision_boundary():
    axis = torch.linspace(-1, 1, 21, dtype=torch.float64)
    probability = (3 * axis).sigmoid().expand(21, 21)  # changes at a vertical line through 0
    points = torch.tensor([[-0.5, 0.0], [0.5, 0.3], [0.2, -0.9]], dtype=torch.float64)
    classes = torch.tensor([0, 1, 1])
    chosen = (axis > 0.5).long().expand(21, 21)
    ax = figures.class_map(points, classes, probability, chosen)
    hollow, filled = ax.lines
    assert (len(hollow.get_xdata()), len(filled.get_xdata())) == (1, 2)
    borders = [
        path.vertices for c in ax.collections for path in c.get_paths() if len(path.vertices) and not c.get_fill()
    ]
    assert any(np.allclose(vertices[:, 0], 0, atol=1e-9) for vertices in borders)
    assert len(ax.collections) == 3  # two regions and a border


def test_there_must_be_members_and_a_colour_for_each():
    with pytest.raises(ValueError, match="1 to 6 members, got 7"):
        figures.mixture_diagram([1 / 7] * 7)
    with pytest.raises(ValueError, match="1 to 6 members, got 0"):
        figures.mixture_diagram([])


@pytest.mark.parametrize("members", [1, 2, 6])
def test_all_of_the_diagram_is_inside_its_axes(members):
    ax = figures.mixture_diagram([1 / members] * members)
    ax.figure.canvas.draw()
    frame = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert box.x0 >= frame.x0 - 2
        assert box.x1 <= frame.x1 + 2
