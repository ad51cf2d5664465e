import pytest
import torch
from drawn import cells, hatched
from matplotlib.colors import same_color

from lecture21.attention import attention, causal_mask
from lecture21.course.chapters.c04_causal_mask import figures
from lecture21.course.figures.heatmaps import FUTURE
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, X

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


def test_masked_softmax_writes_scores_and_weights_and_marks_minus_infinity():
    q, k = X @ W_QUERY.T, X @ W_KEY.T
    mask = causal_mask(4)
    _, weights = attention(q, k, X, mask)
    left, right = figures.masked_softmax(q @ k.T / 2, mask, weights, TOKENS)
    assert hatched(left) == hatched(right) == cells(~mask)
    assert sum(text.get_text() == "−∞" for text in left.texts) == 6
    numbers = [text.get_text() for text in right.texts]
    assert numbers == [f"{weights[i, j]:.2f}" for i, j in mask.nonzero().tolist()]
