import matplotlib.pyplot as plt
import numpy as np
import pytest

from lecture21.chapters.c05_transformer_block import figures


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


def test_depth_curves_need_one_to_seven_series():
    with pytest.raises(ValueError, match="draws 1 to 7 series, got 0"):
        figures.depth_curves({}, ylabel="norm")
    plt.close("all")
