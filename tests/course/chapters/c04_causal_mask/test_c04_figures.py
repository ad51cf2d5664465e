import numpy as np
import pytest
import torch
from drawn import cells
from matplotlib.colors import same_color

from lecture21.attention import causal_mask
from lecture21.course.chapters import results
from lecture21.course.chapters.c04_causal_mask import figures
from lecture21.course.figures.heatmaps import FUTURE
from lecture21.data.worked_example import TOKENS

EVERYTHING = torch.ones(4, 4, dtype=torch.bool)


@pytest.mark.parametrize("mask", [causal_mask(4), EVERYTHING, EVERYTHING.tril(1), causal_mask(4).T])
def test_connections_join_the_pairs_that_the_mask_allows(mask):
    ax = figures.connections(mask, TOKENS)
    drawn = {(int(line.get_xdata()[1]), int(line.get_xdata()[0])): line for line in ax.lines}
    assert drawn.keys() == cells(mask)
    for (query, key), line in drawn.items():
        assert same_color(line.get_color(), FUTURE) == (key > query)
        assert (line.get_linewidth() > 2) == (key == query + 1)


def test_connections_name_the_inputs_and_the_targets():
    ax = figures.connections(causal_mask(4), TOKENS)
    above = [
        text.get_text()
        for text in sorted(ax.texts, key=lambda t: t.get_position()[0])
        if text.get_position()[1] == 1.13
    ]
    below = [
        text.get_text()
        for text in sorted(ax.texts, key=lambda t: t.get_position()[0])
        if text.get_position()[1] == -0.13
    ]
    assert below == ["the", "cat", "sat", "down"]
    assert above == ["cat", "sat", "down", "?"]


def test_the_curves_of_the_leak_are_those_of_the_table():
    table = results.load("leak")
    ax = figures.leak_by_position(table)
    drawn = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 32]
    for case in (("no mask", "prefix"), ("mask", "window"), ("no mask", "window")):
        rows = table[table["seed"].notna()].set_index(["model", "view"]).loc[case].sort_values("position")
        seeds = [each["nats"].to_numpy() for _, each in rows.groupby("seed")]
        assert len(seeds) == 5
        for curve in [*seeds, sum(seeds) / len(seeds)]:
            assert any(np.allclose(curve, line) for line in drawn)
    assert {text.get_text() for text in ax.texts} >= {"uniform 4.17", "with the mask"}
