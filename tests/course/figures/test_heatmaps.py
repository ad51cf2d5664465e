import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from drawn import cells, columns, contrast, hatched
from matplotlib.colors import to_rgba

from lecture21.attention import basic_self_attention, causal_mask
from lecture21.course import figures
from lecture21.course.figures.heatmaps import _ALLOWED, _MAX_TICK_LABELS, FUTURE
from lecture21.data.worked_example import TOKENS

WEIGHTS = basic_self_attention(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))[1]
EVERYTHING = torch.ones(4, 4, dtype=torch.bool)


def values(ax: plt.Axes) -> np.ma.MaskedArray:
    """Return the numbers that a heatmap shows."""
    mesh = ax.collections[0].get_array()
    return mesh.reshape(len(ax.get_yticks()) or -1, -1) if mesh.ndim == 1 else mesh


def test_an_attention_map_shows_the_weights_with_queries_as_rows():
    ax = figures.attention_map(WEIGHTS, TOKENS, title="finding")
    np.testing.assert_allclose(values(ax), WEIGHTS.numpy())
    assert [label.get_text() for label in ax.get_yticklabels()] == list(TOKENS)
    assert [label.get_text() for label in ax.get_xticklabels()] == list(TOKENS)
    assert ax.get_ylim() == (4, 0)  # the first token is at the top
    assert "query" in ax.get_ylabel()
    assert "key" in ax.get_xlabel()
    assert ax.get_title(loc="left") == "finding"


def test_masked_cells_are_hatched_and_hold_no_color():
    mask = causal_mask(4)
    ax = figures.attention_map(WEIGHTS, TOKENS, mask=mask)
    assert np.array_equal(np.ma.getmaskarray(values(ax)), ~mask.numpy())
    assert hatched(ax) == cells(~mask)


def test_maps_that_are_compared_share_their_limits():
    left, right = plt.subplots(1, 2)[1]
    for ax, weights in ((left, WEIGHTS), (right, WEIGHTS / 2)):
        figures.attention_map(weights, TOKENS, ax=ax)
    assert left.collections[0].get_clim() == right.collections[0].get_clim() == (0.0, 1.0)


def test_white_space_is_made_visible_and_too_many_tokens_are_left_out():
    ax = figures.attention_map(torch.eye(3), [" ", "\n", "a"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["␣", "↵", "a"]
    n = _MAX_TICK_LABELS + 1
    assert not figures.attention_map(torch.eye(n), ["a"] * n).get_yticklabels()


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\(4, 4\) do not fit 3 queries and 3 keys"):
        figures.attention_map(WEIGHTS, TOKENS[:3])
    with pytest.raises(ValueError, match=r"\(4, 4\) does not fit 4 rows and 2 columns"):
        figures.matrix(WEIGHTS, TOKENS, ["a", "b"])


def test_a_signed_matrix_is_centred_at_zero_and_writes_its_numbers():
    ax = figures.matrix(torch.tensor([[1.0, -3.0], [0.5, 0.0]]), ["a", "b"], ["c", "d"])
    assert ax.collections[0].get_clim() == (-3.0, 3.0)
    assert [text.get_text() for text in ax.texts] == ["1", "-3", "0.5", "0"]
    assert figures.matrix(torch.zeros(1, 1), ["a"], ["b"]).collections[0].get_clim() == (-1.0, 1.0)


def test_numbers_in_cells_can_be_read_on_every_color():
    """Whichever of black and white is used, the contrast is at least 4.5 to 1, as WCAG 2 requires for text."""
    shades = torch.linspace(-1, 1, 41)[None]
    names = [str(i) for i in range(41)]
    for ax in (
        figures.matrix(shades, ["row"], names),
        figures.attention_map(shades.abs(), ["row"], keys=names, annotate=True),
    ):
        ax.figure.canvas.draw()
        for text, cell in zip(ax.texts, ax.collections[0].get_facecolors(), strict=True):
            assert contrast(text.get_color(), tuple(cell[:3])) >= 4.5


@pytest.mark.parametrize("n_head", [1, 2, 3, 5, 8])
def test_head_maps_show_each_head_on_one_scale(n_head):
    weights = torch.randn(n_head, 4, 4, generator=torch.Generator().manual_seed(0)).softmax(dim=-1)
    axes = figures.head_maps(weights, TOKENS)
    assert len(axes) == n_head
    for h, ax in enumerate(axes):
        mesh = ax.collections[0]
        np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(4, 4), weights[h].numpy())
        assert mesh.get_clim() == (0.0, 1.0)
        assert ax.get_title(loc="left") == f"head {h + 1}"
    assert (axes[0].get_xlabel(), axes[0].get_ylabel()) == ("key", "query")


def test_head_maps_require_a_title_for_each_head():
    with pytest.raises(ValueError, match="2 heads need 2 titles, got 1"):
        figures.head_maps(torch.full((2, 4, 4), 0.25), TOKENS, titles=["one"])


def test_a_head_among_all_layers_can_be_framed_without_token_labels():
    maps = torch.zeros(2, 3, 4, 4)
    maps[..., 0] = 1
    maps[1, 2] = torch.eye(4)
    titles = [f"layer {i // 3 + 1}, head {i % 3 + 1}" for i in range(6)]
    axes = figures.head_maps(maps.flatten(0, 1), "abcd", mask=causal_mask(4), titles=titles, labels=False, marked=5)
    assert len(axes) == 6
    assert axes[5].get_title(loc="left") == "layer 2, head 3"
    drawn = axes[5].collections[0].get_array().reshape(4, 4)
    assert drawn.filled(0).tolist() == torch.eye(4).tolist()
    assert drawn.mask.tolist() == (~causal_mask(4)).tolist()
    assert [ax.spines["top"].get_visible() for ax in axes] == [False] * 5 + [True]
    assert axes[0].get_ylim() == (4, 0)  # the first query is at the top
    assert not any(columns(ax) + ax.get_yticklabels() for ax in axes)
    assert (axes[0].get_xlabel(), axes[0].get_ylabel(), axes[5].get_xlabel()) == ("key", "query", "")


def test_tokens_and_maps_must_have_consistent_shapes():
    with pytest.raises(ValueError, match=r"\(4, 4\) do not fit 3 queries"):
        figures.head_maps(torch.zeros(1, 4, 4), "abc")


@pytest.mark.parametrize("mask", [causal_mask(4), EVERYTHING, causal_mask(4).tril(-1)])
def test_mask_map_colors_past_and_future_and_hatches_the_rest(mask):
    ax = figures.mask_map(mask, TOKENS)
    assert hatched(ax) == cells(~mask)
    image = ax.images[0]
    colors = image.cmap(image.norm(image.get_array()))
    for i, j in cells(mask):
        assert tuple(colors[i, j]) == to_rgba(FUTURE if j > i else _ALLOWED)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("key", "query")


@pytest.mark.parametrize(
    ("mask", "report"),
    [
        (causal_mask(4), "no future cells"),
        (causal_mask(4).triu(-1), "no future cells"),
        (EVERYTHING.tril(1), "3 future cells"),
        (causal_mask(2).T, "1 future cell"),
        (EVERYTHING, "6 future cells"),
        (causal_mask(4).tril(-1), "1 row with no key"),
        (causal_mask(4).tril(-2), "2 rows with no key"),
        (~causal_mask(4), "1 row with no key"),
        (torch.tensor([[True, False], [True, False]]), "no future cells"),
    ],
)
def test_the_report_counts_empty_rows_before_future_cells(mask, report):
    tokens = TOKENS[: len(mask)]
    assert figures.mask_map(mask, tokens, report=True).get_title("left") == report
    assert figures.mask_map(mask, tokens, report=True, title="window").get_title("left") == f"window\n{report}"
    assert figures.mask_map(mask, tokens, title="window").get_title("left") == "window"


def test_token_losses_show_every_loss_and_make_spaces_visible():
    nats = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    ax = figures.token_losses(nats, ["one", "two"], "a \n", vmax=5.0)
    np.testing.assert_allclose(ax.images[0].get_array(), nats.numpy())
    assert ax.images[0].get_clim() == (0, 5)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "␣", "↵"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: figures.mask_map(causal_mask(3), TOKENS), r"\(3, 3\) does not fit 4 tokens"),
        (
            lambda: figures.token_losses(torch.ones(2, 3), ["a", "b"], "abcd", vmax=1.0),
            "do not fit 2 rows and 4 symbols",
        ),
    ],
)
def test_masks_and_losses_must_match_their_labels(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()
