import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from lecture21.course.chapters.c05_transformer_block import figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


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
