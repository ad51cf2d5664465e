import math
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb

from lecture21 import figures
from lecture21.attention import basic_self_attention, causal_mask
from lecture21.figures.heatmaps import MAX_TICK_LABELS
from lecture21.training.evaluation import History


def luminance(colour: str | tuple) -> float:
    """Return the relative luminance of WCAG 2, from 0 (black) to 1 (white)."""
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def cells(ax: plt.Axes) -> np.ma.MaskedArray:
    """Return the numbers that a heatmap shows."""
    mesh = ax.collections[0].get_array()
    return mesh.reshape(len(ax.get_yticks()) or -1, -1) if mesh.ndim == 1 else mesh


WEIGHTS = basic_self_attention(torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))[1]
TOKENS = ["the", "cat", "sat", "down"]


def test_magnitude_runs_from_light_to_dark_and_sign_is_white_at_zero():
    shades = [luminance(figures.MAGNITUDE(x)) for x in np.linspace(0, 1, 11)]
    assert shades == sorted(shades, reverse=True)
    assert shades[0] > 0.7 > 0.1 > shades[-1]
    assert luminance(figures.SIGNED(0.5)) > 0.85
    assert luminance(figures.SIGNED(0.0)) < 0.4 > luminance(figures.SIGNED(1.0))


def test_figures_are_opaque_white_whatever_the_theme():
    with plt.style.context("dark_background"):
        figures.apply()
        figure = plt.figure()
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    assert mpl.rcParams["savefig.facecolor"] == "white"


def test_an_attention_map_shows_the_weights_with_queries_as_rows():
    ax = figures.attention_map(WEIGHTS, TOKENS, title="what each word reads")
    np.testing.assert_allclose(cells(ax), WEIGHTS.numpy())
    assert [label.get_text() for label in ax.get_yticklabels()] == TOKENS
    assert [label.get_text() for label in ax.get_xticklabels()] == TOKENS
    assert ax.get_ylim() == (4, 0)  # the first token is at the top
    assert "query" in ax.get_ylabel()
    assert "key" in ax.get_xlabel()
    assert ax.get_title(loc="left") == "what each word reads"


def test_masked_cells_are_hatched_and_hold_no_colour():
    mask = causal_mask(4)
    ax = figures.attention_map(WEIGHTS, TOKENS, mask=mask)
    assert np.array_equal(np.ma.getmaskarray(cells(ax)), ~mask.numpy())
    (patch,) = (patch for patch in ax.patches if patch.get_hatch())
    centres = [(i, j) for i in range(4) for j in range(4)]
    assert {(i, j) for i, j in centres if patch.get_path().contains_point((j + 0.5, i + 0.5))} == {
        (i, j) for i, j in centres if j > i
    }


def test_maps_that_are_compared_share_their_limits():
    left, right = plt.subplots(1, 2)[1]
    for ax, weights in ((left, WEIGHTS), (right, WEIGHTS / 2)):
        figures.attention_map(weights, TOKENS, ax=ax)
    assert left.collections[0].get_clim() == right.collections[0].get_clim() == (0.0, 1.0)


def test_white_space_is_made_visible_and_too_many_tokens_are_left_out():
    ax = figures.attention_map(torch.eye(3), [" ", "\n", "a"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["␣", "↵", "a"]
    n = MAX_TICK_LABELS + 1
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


def history(end: float) -> History:
    result = History()
    for step, loss in ((0, 4.2), (500, 2.5), (1000, end)):
        result.append(step, math.nan if step == 0 else loss, loss, 1e-3)
    return result


def test_loss_curves_draw_a_thin_line_for_each_seed_and_a_thick_mean():
    ax = figures.loss_curves({"GPT-0": [history(1.8), history(2.0)]})
    *seeds, mean = ax.get_lines()
    assert [line.get_ydata()[-1] for line in seeds] == [1.8, 2.0]
    assert mean.get_ydata().tolist() == pytest.approx([4.2, 2.5, 1.9])
    assert mean.get_linewidth() > seeds[0].get_linewidth()
    assert ax.get_xlabel() == "training step"
    assert "nats" in ax.get_ylabel()


def test_baselines_are_rules_with_their_number_and_labels_do_not_touch():
    ax = figures.loss_curves({"GPT-0": history(1.8)}, rules={"5-gram": 1.81, "bigram": 2.48})
    labels = {text.get_text(): text for text in ax.texts}
    assert {"GPT-0", "5-gram 1.81", "bigram 2.48"} <= set(labels)
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in labels.values()), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))


def test_an_unknown_split_is_named():
    with pytest.raises(ValueError, match="'test'"):
        figures.loss_curves({"GPT-0": history(1.8)}, split="test")


@pytest.mark.parametrize("role", figures.TEXT_COLOURS)
def test_words_in_a_role_s_colour_can_be_read_on_white(role):
    assert 1.05 / (luminance(figures.TEXT_COLOURS[role]) + 0.05) >= 4.5


def contrast(a: str | tuple, b: str | tuple) -> float:
    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_numbers_in_cells_can_be_read_on_every_colour():
    """Whichever of black and white is used, the contrast is at least 4.5 to 1, as WCAG 2 asks of text."""
    shades = torch.linspace(-1, 1, 41)[None]
    names = [str(i) for i in range(41)]
    for ax in (
        figures.matrix(shades, ["row"], names),
        figures.attention_map(shades.abs(), ["row"], keys=names, annotate=True),
    ):
        ax.figure.canvas.draw()
        for text, cell in zip(ax.texts, ax.collections[0].get_facecolors(), strict=True):
            assert contrast(text.get_color(), tuple(cell[:3])) >= 4.5
