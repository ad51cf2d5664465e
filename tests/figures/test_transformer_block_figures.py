import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import inside, words
from matplotlib.colors import same_color

from lecture21 import figures
from lecture21.figures.style import COLOURS


@pytest.mark.parametrize(
    ("norm_position", "first", "second"),
    [
        ("pre", "x = x + attention(norm(x))", "x = x + feed_forward(norm(x))"),
        ("post", "x = norm(x + attention(x))", "x = norm(x + feed_forward(x))"),
    ],
)
def test_the_block_has_two_norms_two_layers_and_two_sums_with_their_code(norm_position, first, second):
    ax = figures.block_diagram(norm_position=norm_position)
    assert words(ax).count("norm") == 2
    assert words(ax).count("+") == 2
    assert {"attention", "feed-forward", first, second} <= set(words(ax))
    assert inside(ax.figure)


@pytest.mark.parametrize(("norm_position", "on_the_stream"), [("pre", False), ("post", True)])
def test_norms_are_on_the_stream_in_a_post_norm_block_only(norm_position, on_the_stream):
    ax = figures.block_diagram(norm_position=norm_position)
    (stream,) = [line for line in ax.lines if same_color(line.get_color(), COLOURS["stream"])]
    (height,) = set(stream.get_ydata())
    norms = [text.get_position()[1] for text in ax.texts if text.get_text() == "norm"]
    assert [bool(np.isclose(norm, height)) for norm in norms] == [on_the_stream] * 2


def test_a_block_is_pre_norm_or_post_norm():
    with pytest.raises(ValueError, match="must be pre or post, got 'none'"):
        figures.block_diagram(norm_position="none")


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
