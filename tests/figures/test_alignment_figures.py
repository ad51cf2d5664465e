import pytest
import torch

from lecture21 import figures

CURVES = {"a": torch.tensor([[[0.0, 1.0], [4.0, 3.0]], [[0.0, 2.0], [6.0, 5.0]]])}
POINTS = {"b": torch.tensor([[1.0, 2.0], [3.0, 6.0]])}


def test_a_frontier_draws_the_seeds_their_mean_and_the_points():
    ax = figures.frontier(CURVES, POINTS, points_label="others", ylabel="reward", title="finding")
    *seeds, mean, point = ax.lines
    assert [line.get_xydata().tolist() for line in seeds] == CURVES["a"].tolist()
    assert mean.get_xydata().tolist() == [[0.0, 1.5], [5.0, 4.0]]
    assert point.get_xydata().tolist() == [[2.0, 4.0]]
    assert ax.collections[0].get_segments()[0].tolist() == [[2.0, 2.0], [2.0, 6.0]]
    assert [text.get_text() for text in ax.texts] == ["b"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "others"]
    assert ax.get_xlim() == (0, pytest.approx(1.08 * 6))
    assert list(ax.get_xticks()) == [0, 1, 2, 5]
    assert (ax.get_ylabel(), ax.get_title(loc="left")) == ("reward", "finding")
    # The axis is linear in the root.
    zero, one, four = ax.transData.transform([(0, 0), (1, 0), (4, 0)])[:, 0]
    assert four - zero == pytest.approx(2 * (one - zero))


@pytest.mark.parametrize(("above", "height"), [(True, 6.0), (False, 2.0)])
def test_the_points_have_their_names_at_the_end_of_their_bars(above: bool, height: float):
    ax = figures.frontier(CURVES, POINTS, points_label="others", ylabel="reward", names_above=above)
    assert ax.texts[0].xy == (2.0, height)


def test_the_evaluations_of_a_curve_have_their_names_at_the_means():
    ax = figures.frontier(CURVES, {}, points_label="", ylabel="reward", along={"a": ["", "64"], "other": ["2"]})
    assert [(text.get_text(), list(text.xy)) for text in ax.texts] == [("", [0.0, 1.5]), ("64", [5.0, 4.0])]


def test_curves_need_colours_and_divergences_are_not_negative():
    with pytest.raises(ValueError, match="at most 6 curves, got 7"):
        figures.frontier({str(n): CURVES["a"] for n in range(7)}, {}, points_label="", ylabel="reward")
    with pytest.raises(ValueError, match="'b' has a negative divergence of -3"):
        figures.frontier(CURVES, {"b": -POINTS["b"]}, points_label="", ylabel="reward")
