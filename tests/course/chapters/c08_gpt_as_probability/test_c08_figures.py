import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch

from lecture21.course.chapters.c08_gpt_as_probability import figures
from lecture21.course.chapters.c08_gpt_as_probability.figures import _RADIUS

TOKENS = ["a", "b", "c", "d"]


def patches(ax, kind):
    return [patch for patch in ax.patches if isinstance(patch, kind)]


def arrows(ax):
    """Return (from, to) for each arrow between tokens: the nodes whose circles its two ends touch."""
    actual = []
    for arrow in patches(ax, FancyArrowPatch):
        ends = np.asarray(arrow._posA_posB)
        centers = np.round(ends[:, 0]).astype(int)
        assert np.hypot(ends[:, 0] - centers, ends[:, 1]) == pytest.approx(_RADIUS, rel=0.05)
        actual.append(tuple(centers.tolist()))
    return sorted(actual)


@pytest.mark.parametrize("reach", [None, 0, 1, 2, 3])
def test_there_is_one_arrow_from_each_parent(reach):
    ax = figures.token_graph(TOKENS, reach=reach)
    assert arrows(ax) == sorted((s, t) for t in range(4) for s in range(t) if reach is None or t - s <= reach)
    assert [text.get_text() for text in ax.texts] == TOKENS


def test_only_the_arrows_into_the_marked_node_stand_out():
    ax = figures.token_graph(TOKENS, marked=2)
    colors = {}
    for arrow in patches(ax, FancyArrowPatch):
        target = round(arrow._posA_posB[1][0])
        colors.setdefault(target, set()).add(arrow.get_edgecolor())
    assert colors[2] == {to_rgba(figures.SERIES[1])}
    assert colors[1] == colors[3] != colors[2]
