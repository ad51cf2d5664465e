import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lecture21 import figures
from lecture21.figures.gpt_as_probability import _RADIUS, _parents

TOKENS = ["a", "b", "c", "d"]


def patches(ax, kind):
    return [patch for patch in ax.patches if isinstance(patch, kind)]


def arrows(ax):
    """Return (from, to) for each arrow between tokens: the nodes whose circles its two ends touch."""
    found = []
    for arrow in patches(ax, FancyArrowPatch):
        ends = np.asarray(arrow._posA_posB)
        centres = np.round(ends[:, 0]).astype(int)
        assert np.hypot(ends[:, 0] - centres, ends[:, 1]) == pytest.approx(_RADIUS, rel=0.05)
        found.append(tuple(centres.tolist()))
    return sorted(found)


@given(st.integers(1, 7), st.integers(0, 8))
def test_parents_are_the_last_positions_or_all_of_them(length, reach):
    assert _parents(length) == [list(range(t)) for t in range(length)]
    assert _parents(length, reach) == [[s for s in range(t) if t - s <= reach] for t in range(length)]


@pytest.mark.parametrize("reach", [None, 0, 1, 2, 3])
def test_there_is_one_arrow_from_each_parent(reach):
    ax = figures.token_graph(TOKENS, reach=reach)
    assert arrows(ax) == sorted((s, t) for t, places in enumerate(_parents(4, reach)) for s in places)
    assert [text.get_text() for text in ax.texts] == TOKENS


def test_arrows_that_skip_a_token_pass_over_it():
    ax = figures.token_graph(TOKENS)
    figure = ax.figure
    figure.canvas.draw()
    for arrow in patches(ax, FancyArrowPatch):
        (x0, _), (x1, _) = arrow._posA_posB
        if x1 - x0 > 1:
            pixels = ax.transData.transform_path(arrow.get_path()).to_polygons(closed_only=False)[0]
            path = ax.transData.inverted().transform(pixels)  # the curve as a fine chain of points
            between = path[(path[:, 0] > x0 + 0.4) & (path[:, 0] < x1 - 0.4)]
            assert len(between) > 3
            assert (between[:, 1] > _RADIUS).all()
            assert between[:, 1].max() < ax.get_ylim()[1]


def test_given_nodes_are_shaded():
    ax = figures.token_graph(TOKENS, given=2, source="X")
    shades = {circle.center: circle.get_facecolor()[0] for circle in patches(ax, Circle)}
    assert [shades[t, 0] < 1 for t in range(4)] == [True, True, False, False]
    (source,) = (centre for centre in shades if centre[1] < 0)
    assert shades[source] < 1
    assert len(patches(ax, FancyArrowPatch)) == 6 + 4  # between tokens, and from the source to each of them


def test_only_the_arrows_into_the_marked_node_stand_out():
    ax = figures.token_graph(TOKENS, marked=2)
    colours = {}
    for arrow in patches(ax, FancyArrowPatch):
        target = round(arrow._posA_posB[1][0])
        colours.setdefault(target, set()).add(arrow.get_edgecolor())
    assert colours[2] == {to_rgba(figures.SERIES[1])}
    assert colours[1] == colours[3] != colours[2]


def test_a_plate_frames_every_node():
    ax = figures.token_graph(TOKENS, source="X", plate="i = 1 … N")
    (frame,) = patches(ax, FancyBboxPatch)
    for circle in patches(ax, Circle):
        x, y = circle.center
        assert frame.get_x() < x - _RADIUS < x + _RADIUS < frame.get_x() + frame.get_width()
        assert frame.get_y() < y - _RADIUS < y + _RADIUS < frame.get_y() + frame.get_height()
    assert "i = 1 … N" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    ("tokens", "options", "message"),
    [
        ([], {}, "length >= 1"),
        (TOKENS, {"reach": -1}, "got 4 and -1"),
        (TOKENS, {"given": 5}, "given must be between 0 and the number of tokens 4, got 5"),
        (TOKENS, {"marked": 4}, "from 0 to 3, got 4"),
    ],
)
def test_arguments_of_a_graph_must_be_in_range(tokens, options, message):
    with pytest.raises(ValueError, match=message):
        figures.token_graph(tokens, **options)


def bars(ax):
    return [bar for group in ax.containers if isinstance(group, BarContainer) for bar in group]


def test_deviations_are_binomial_and_sorted_by_probability():
    exact, counts = torch.tensor([0.5, 0.2, 0.3]), torch.tensor([60, 10, 30])
    upper, lower = figures.frequencies(exact, {"sampled": counts}, ["x", "y", "z"])
    assert [bar.get_height() for bar in bars(upper)] == pytest.approx([0.5, 0.3, 0.2])
    assert upper.lines[0].get_ydata() == pytest.approx([0.6, 0.3, 0.1])
    # sqrt(0.5 * 0.5 / 100) = 0.05 and sqrt(0.2 * 0.8 / 100) = 0.04
    assert lower.lines[-1].get_ydata() == pytest.approx([0.1 / 0.05, 0, -0.1 / 0.04], abs=1e-5)
    assert [label.get_text() for label in lower.get_xticklabels()] == ["x", "z", "y"]


def test_a_certain_outcome_has_no_standard_deviation():
    with pytest.raises(ValueError, match="between 0 and 1, got 0 to 1"):
        figures.frequencies(torch.tensor([1.0, 0.0]), {"sampled": torch.tensor([5, 0])}, ["x", "y"])


@pytest.mark.parametrize(
    ("counts", "labels"),
    [
        ({}, ["x", "y"]),
        ({"one": torch.tensor([1, 2]), "other": torch.tensor([1, 3])}, ["x", "y"]),
        ({"one": torch.tensor([1, 2, 3])}, ["x", "y"]),
        ({"one": torch.tensor([1, 2])}, ["x"]),
    ],
)
def test_counts_must_be_comparable(counts, labels):
    with pytest.raises(ValueError, match="equally many draws"):
        figures.frequencies(torch.tensor([0.5, 0.5]), counts, labels)


def test_the_masses_of_all_lengths_sum_to_one():
    masses = [0.1, 0.52, 0.228]
    ax = figures.probability_by_length(masses)
    before, own, remainder = ([bar.get_height() for bar in group] for group in ax.containers)
    assert own == pytest.approx(masses)
    assert before == pytest.approx([0, 0.1, 0.62])
    assert np.add(np.add(before, own), remainder) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("masses", [[], [0.5, 0.6], [-0.1]])
def test_masses_must_be_fractions_of_one(masses):
    with pytest.raises(ValueError, match="shares of 1"):
        figures.probability_by_length(masses)
