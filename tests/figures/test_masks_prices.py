"""The pictures of chapter 04: who may read whom, exact zeros, the price of each position."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import same_color, to_rgba

from lecture21 import figures
from lecture21.attention import attention, causal_mask
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, X
from lecture21.figures.masks import ALLOWED, LEAK

EVERYTHING = torch.ones(4, 4, dtype=torch.bool)


def hatched(ax: plt.Axes) -> set[tuple[int, int]]:
    """Return the (row, column) of every hatched cell."""
    squares = [square for patch in ax.patches if patch.get_hatch() for square in patch.get_path().to_polygons()]
    return {(int(square[:, 1].min()), int(square[:, 0].min())) for square in squares}


def cells(mask: torch.Tensor) -> set[tuple[int, int]]:
    return {(i, j) for i, j in mask.nonzero().tolist()}


@pytest.mark.parametrize("mask", [causal_mask(4), EVERYTHING, EVERYTHING.tril(1), causal_mask(4).T])
def test_wires_join_the_pairs_that_the_mask_allows(mask):
    ax = figures.wires(mask, TOKENS)
    drawn = {(int(line.get_xdata()[1]), int(line.get_xdata()[0])): line for line in ax.lines}
    assert drawn.keys() == cells(mask)
    for (query, key), line in drawn.items():
        assert same_color(line.get_color(), LEAK) == (key > query)
        assert (line.get_linewidth() > 2) == (key == query + 1)


def test_wires_name_what_is_read_and_what_must_be_predicted():
    ax = figures.wires(causal_mask(4), TOKENS)
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


@pytest.mark.parametrize("mask", [causal_mask(4), EVERYTHING, causal_mask(4).tril(-1)])
def test_mask_map_colours_past_and_future_and_hatches_the_rest(mask):
    ax = figures.mask_map(mask, TOKENS)
    assert hatched(ax) == cells(~mask)
    image = ax.images[0]
    colours = image.cmap(image.norm(image.get_array()))
    for i, j in cells(mask):
        assert tuple(colours[i, j]) == to_rgba(LEAK if j > i else ALLOWED)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("key", "query")


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (causal_mask(4), "no cell of the future"),
        (causal_mask(4).triu(-1), "no cell of the future"),
        (EVERYTHING.tril(1), "3 cells of the future"),
        (causal_mask(2).T, "1 cell of the future"),
        (EVERYTHING, "6 cells of the future"),
        (causal_mask(4).tril(-1), "1 row with no key"),
        (causal_mask(4).tril(-2), "2 rows with no key"),
        (~causal_mask(4), "1 row with no key"),
        (torch.tensor([[True, False], [True, False]]), "no cell of the future"),
    ],
)
def test_the_verdict_counts_blind_rows_before_the_future(mask, said):
    assert figures.mask_verdict(mask) == said


@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_gallery_draws_one_map_for_each_mask(count):
    masks = {f"rule {i}": EVERYTHING.tril(i) for i in range(count)}
    axes = figures.mask_gallery(masks, TOKENS)
    assert len(axes) == count
    for ax, (name, mask) in zip(axes, masks.items(), strict=True):
        assert ax.get_title("left") == f"{name}\n{figures.mask_verdict(mask)}"
        assert hatched(ax) == cells(~mask)


def test_masked_softmax_writes_scores_and_weights_and_marks_minus_infinity():
    q, k = X @ W_QUERY.T, X @ W_KEY.T
    mask = causal_mask(4)
    _, weights = attention(q, k, X, mask)
    left, right = figures.masked_softmax(q @ k.T / 2, mask, weights, TOKENS)
    assert hatched(left) == hatched(right) == cells(~mask)
    assert sum(text.get_text() == "−∞" for text in left.texts) == 6
    numbers = [text.get_text() for text in right.texts]
    assert numbers == [f"{weights[i, j]:.2f}" for i, j in mask.nonzero().tolist()]


def test_influence_hatches_exact_zeros_only():
    values = torch.tensor([[1.0, 0.0], [1e-12, 2.0]])
    ax = figures.influence_map(values, ["a", "b"])
    assert hatched(ax) == {(0, 1)}


def test_influence_is_shaded_on_a_shared_logarithmic_scale():
    values = torch.tensor([[1.0, 0.0], [0.1, 10.0]])
    ax = figures.influence_map(values, ["a", "b"], limits=(0.01, 100.0))
    shade = np.ma.filled(ax.collections[0].get_array(), -1.0).reshape(2, 2)
    np.testing.assert_allclose(shade, [[0.5, -1.0], [0.25, 0.75]], atol=1e-6)


def test_influence_that_is_all_zero_is_refused():
    with pytest.raises(ValueError, match="no input moves any output"):
        figures.influence_map(torch.zeros(2, 2), ["a", "b"])


def test_positions_show_each_seed_and_their_mean():
    losses = {"first": torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]), "second": torch.ones(1, 3)}
    ax = figures.nats_by_position(losses, rules={"uniform": 4.0})
    drawn = [list(line.get_ydata()) for line in ax.lines]
    assert drawn[:3] == [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [2.0, 3.0, 4.0]]
    assert [4.0, 4.0] in drawn
    assert {text.get_text() for text in ax.texts} == {"first", "second", "uniform"}


def test_the_strip_shows_every_price_and_makes_blanks_visible():
    nats = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    ax = figures.token_strip(nats, ["one", "two"], "a \n", vmax=5.0)
    np.testing.assert_allclose(ax.images[0].get_array(), nats.numpy())
    assert ax.images[0].get_clim() == (0, 5)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "␣", "↵"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.wires(causal_mask(3), TOKENS),
        lambda: figures.mask_map(causal_mask(3), TOKENS),
        lambda: figures.mask_gallery({"causal": causal_mask(3)}, TOKENS),
        lambda: figures.influence_map(torch.ones(3, 3), TOKENS),
        lambda: figures.token_strip(torch.ones(2, 3), ["a", "b"], "abcd", vmax=1.0),
    ],
)
def test_sizes_that_do_not_fit_are_refused(draw):
    with pytest.raises(ValueError, match=r"does not fit|do not fit"):
        draw()
