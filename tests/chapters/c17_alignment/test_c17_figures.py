import pytest
import torch

from lecture21.chapters.c17_alignment import figures

CURVES = {"a": torch.tensor([[[0.0, 1.0], [4.0, 3.0]], [[0.0, 2.0], [6.0, 5.0]]])}
POINTS = {"b": torch.tensor([[1.0, 2.0], [3.0, 6.0]])}


def test_a_frontier_draws_the_seeds_their_mean_and_the_points():
    ax = figures.frontier(CURVES, POINTS, ylabel="reward", title="finding")
    *seeds, mean, point = ax.lines
    assert [line.get_xydata().tolist() for line in seeds] == CURVES["a"].tolist()
    assert mean.get_xydata().tolist() == [[0.0, 1.5], [5.0, 4.0]]
    assert point.get_xydata().tolist() == [[2.0, 4.0]]
    assert ax.collections[0].get_segments()[0].tolist() == [[2.0, 2.0], [2.0, 6.0]]
    assert not ax.texts  # no name can cover a curve
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.get_xlim() == (0, pytest.approx(1.08 * 6))
    assert list(ax.get_xticks()) == [0, 1, 2, 5]
    assert (ax.get_ylabel(), ax.get_title(loc="left")) == ("reward", "finding")
    # The axis is linear in the root.
    zero, one, four = ax.transData.transform([(0, 0), (1, 0), (4, 0)])[:, 0]
    assert four - zero == pytest.approx(2 * (one - zero))


def test_each_point_has_a_marker_of_its_own():
    ax = figures.frontier({}, dict.fromkeys("abcd", POINTS["b"]), ylabel="reward")
    assert len({line.get_marker() for line in ax.lines}) == 4


def test_the_evaluations_of_a_curve_have_their_names_at_the_means():
    ax = figures.frontier(CURVES, {}, ylabel="reward", along={"a": ["", "64"], "other": ["2"]})
    assert [(text.get_text(), list(text.xy)) for text in ax.texts] == [("", [0.0, 1.5]), ("64", [5.0, 4.0])]


def test_curves_need_colors_points_need_markers_and_divergences_are_not_negative():
    with pytest.raises(ValueError, match="at most 6 curves, got 7"):
        figures.frontier({str(n): CURVES["a"] for n in range(7)}, {}, ylabel="reward")
    with pytest.raises(ValueError, match="at most 4 points, got 5"):
        figures.frontier(CURVES, {str(n): POINTS["b"] for n in range(5)}, ylabel="reward")
    with pytest.raises(ValueError, match="'b' has a negative divergence of -3"):
        figures.frontier(CURVES, {"b": -POINTS["b"]}, ylabel="reward")
