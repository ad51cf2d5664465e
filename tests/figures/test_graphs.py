"""The pictures of chapter 06: the graph of a sequence model, and probabilities as shares of one whole."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lecture21 import figures
from lecture21.figures.graphs import RADIUS, parents
from lecture21.generation import next_token_probabilities

TOKENS = ["a", "b", "c", "d"]


def patches(ax, kind):
    return [patch for patch in ax.patches if isinstance(patch, kind)]


def arrows(ax):
    """Return (from, to) for each arrow between tokens: the nodes whose circles its two ends stand on."""
    found = []
    for arrow in patches(ax, FancyArrowPatch):
        ends = np.asarray(arrow._posA_posB)
        centres = np.round(ends[:, 0]).astype(int)
        assert np.hypot(ends[:, 0] - centres, ends[:, 1]) == pytest.approx(RADIUS, rel=0.05)
        found.append(tuple(centres.tolist()))
    return sorted(found)


@given(st.integers(1, 7), st.integers(0, 8))
def test_parents_are_the_last_few_places_and_all_of_them_without_a_reach(length, reach):
    assert parents(length) == [list(range(t)) for t in range(length)]
    assert parents(length, reach) == [[s for s in range(t) if t - s <= reach] for t in range(length)]


@pytest.mark.parametrize("reach", [None, 0, 1, 2, 3])
def test_there_is_an_arrow_from_every_parent_and_no_other(reach):
    ax = figures.token_graph(TOKENS, reach=reach)
    assert arrows(ax) == sorted((s, t) for t, places in enumerate(parents(4, reach)) for s in places)
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
            assert (between[:, 1] > RADIUS).all()
            assert between[:, 1].max() < ax.get_ylim()[1]


def test_what_is_given_is_shaded():
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
        assert frame.get_x() < x - RADIUS < x + RADIUS < frame.get_x() + frame.get_width()
        assert frame.get_y() < y - RADIUS < y + RADIUS < frame.get_y() + frame.get_height()
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
def test_a_graph_that_cannot_be_is_refused(tokens, options, message):
    with pytest.raises(ValueError, match=message):
        figures.token_graph(tokens, **options)


def bars(ax):
    return [bar for group in ax.containers if isinstance(group, BarContainer) for bar in group]


def test_strips_are_as_long_as_the_symbols_are_probable():
    plain = torch.tensor([0.4, 0.3, 0.2, 0.1])
    choices = {"model": plain, "top-k 2": next_token_probabilities(plain.log(), top_k=2)}
    ax = figures.share_strips(choices, TOKENS)
    rows = [[bar for bar in bars(ax) if round(bar.get_y() + bar.get_height() / 2) == row] for row in (0, 1)]
    assert [bar.get_width() for bar in rows[0]] == pytest.approx(plain.tolist())
    assert [bar.get_width() for bar in rows[1]] == pytest.approx([4 / 7, 3 / 7])  # what was cut has no piece
    for row in rows:
        ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in row]
        assert ends[0][0] == pytest.approx(0)
        assert ends[-1][1] == pytest.approx(1)
        assert [end for _, end in ends[:-1]] == pytest.approx([start for start, _ in ends[1:]])
    assert rows[0][0].get_facecolor() == rows[1][0].get_facecolor()  # a symbol keeps its colour
    assert [label.get_text() for label in ax.get_yticklabels()] == ["model", "top-k 2"]


@pytest.mark.parametrize(
    ("choices", "symbols", "message"),
    [
        ({}, ["a"], "at least one distribution"),
        ({"model": torch.full((8,), 1 / 8)}, list("abcdefgh"), "got 1 over 8"),
        ({"model": torch.tensor([1.0])}, ["a", "b"], "'model' has probabilities of shape"),
    ],
)
def test_strips_that_cannot_be_drawn_are_refused(choices, symbols, message):
    with pytest.raises(ValueError, match=message):
        figures.share_strips(choices, symbols)


def test_deviations_are_binomial_and_stand_in_the_order_of_the_probabilities():
    exact, counts = torch.tensor([0.5, 0.2, 0.3]), torch.tensor([60, 10, 30])
    upper, lower = figures.frequencies(exact, {"sampled": counts}, ["x", "y", "z"])
    assert [bar.get_height() for bar in bars(upper)] == pytest.approx([0.5, 0.3, 0.2])
    assert upper.lines[0].get_ydata() == pytest.approx([0.6, 0.3, 0.1])
    # sqrt(0.5 * 0.5 / 100) = 0.05 and sqrt(0.2 * 0.8 / 100) = 0.04
    assert lower.lines[-1].get_ydata() == pytest.approx([0.1 / 0.05, 0, -0.1 / 0.04], abs=1e-5)
    assert [label.get_text() for label in lower.get_xticklabels()] == ["x", "z", "y"]


def test_what_is_certain_has_no_standard_deviation():
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
def test_counts_that_do_not_compare_are_refused(counts, labels):
    with pytest.raises(ValueError, match="equally many draws"):
        figures.frequencies(torch.tensor([0.5, 0.5]), counts, labels)


def test_the_masses_of_all_lengths_stack_up_to_one():
    masses = [0.1, 0.52, 0.228]
    ax = figures.mass_by_length(masses)
    before, own, remainder = ([bar.get_height() for bar in group] for group in ax.containers)
    assert own == pytest.approx(masses)
    assert before == pytest.approx([0, 0.1, 0.62])
    assert np.add(np.add(before, own), remainder) == pytest.approx([1, 1, 1])
    plt.close(ax.figure)


@pytest.mark.parametrize("masses", [[], [0.5, 0.6], [-0.1]])
def test_masses_that_are_no_shares_are_refused(masses):
    with pytest.raises(ValueError, match="shares of 1"):
        figures.mass_by_length(masses)
