import matplotlib.pyplot as plt
import numpy as np
import pytest

from lecture21.course.chapters.c05_transformer_block import figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_rate_curves_draw_means_seeds_and_losses_beyond_the_axis():
    losses = {"post-norm": {0.01: [2.0, 3.0], 0.1: [float("inf"), 9.0]}}
    ax = figures.rate_curves(losses, rules={"unigram": 3.3}, top=4)
    lines = [line for line in ax.lines if line.get_color() == figures.KINDS["post-norm"]]
    np.testing.assert_allclose(lines[0].get_ydata(), [2.5, 4])
    dots = [(line.get_xdata()[0], line.get_ydata()[0], line.get_marker()) for line in lines[1:]]
    assert dots == [(0.01, 2.0, "o"), (0.01, 3.0, "o"), (0.1, 4, "^"), (0.1, 4, "^")]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.01", "0.1"]
