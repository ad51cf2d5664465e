import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from lecture21.course.chapters.c05_transformer_block import figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_depth_curves_draw_the_geometric_mean_and_the_range_over_seeds():
    ax = figures.depth_curves({"a": [[1, 4, 9], [4, 9, 1]], "b": [[2, 2, 2]]}, ylabel="norm")
    first, second = ax.lines
    np.testing.assert_allclose(first.get_ydata(), [2, 6, 3])
    np.testing.assert_allclose(second.get_ydata(), [2, 2, 2])
    np.testing.assert_array_equal(first.get_xdata(), [1, 2, 3])
    edges = ax.collections[0].get_paths()[0].vertices
    assert edges[:, 1].min() == 1
    assert edges[:, 1].max() == 9
    assert ax.get_yscale() == "log"
    assert all(tick == int(tick) for tick in ax.get_xticks())


def test_depth_curves_can_begin_with_the_embedding_and_keep_the_color_of_a_kind():
    ax = figures.depth_curves({"no residual": [[1, 4, 9]]}, ylabel="norm", first=0)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0, 1, 2])
    assert ax.get_xlabel() == "block, 0 is the embedding"
    assert ax.lines[0].get_color() == figures.KINDS["no residual"] != figures.SERIES[0]


def test_a_position_map_has_a_row_for_each_position():
    table = torch.linspace(-1, 1, 12).view(3, 4)
    ax = figures.position_map(table)
    np.testing.assert_allclose(ax.images[0].get_array(), table)
    assert ax.get_ylabel() == "position"


def test_rate_curves_draw_means_seeds_and_losses_beyond_the_axis():
    losses = {"post-norm": {0.01: [2.0, 3.0], 0.1: [float("inf"), 9.0]}}
    ax = figures.rate_curves(losses, rules={"unigram": 3.3}, top=4)
    lines = [line for line in ax.lines if line.get_color() == figures.KINDS["post-norm"]]
    np.testing.assert_allclose(lines[0].get_ydata(), [2.5, 4])
    dots = [(line.get_xdata()[0], line.get_ydata()[0], line.get_marker()) for line in lines[1:]]
    assert dots == [(0.01, 2.0, "o"), (0.01, 3.0, "o"), (0.1, 4, "^"), (0.1, 4, "^")]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.01", "0.1"]
