import numpy as np
import pytest
import torch

from lecture21 import figures

IMAGE = torch.arange(24.0).view(4, 6)


def test_a_patch_grid_numbers_the_patches_in_reading_order():
    ax = figures.patch_grid(IMAGE, 2, title="six")
    np.testing.assert_array_equal(ax.images[0].get_array(), IMAGE.numpy())
    assert [text.get_text() for text in ax.texts] == ["1", "2", "3", "4", "5", "6"]
    x, y = ax.texts[3].get_position()  # the first of the second row
    assert (int(x), int(y)) == (0, 2)
    assert len(ax.lines) == 3 + 4
    assert ax.get_title(loc="left") == "six"


def test_single_pixels_have_no_numbers_and_patches_must_divide_the_image():
    assert not figures.patch_grid(IMAGE, 1).texts
    with pytest.raises(ValueError, match="patch_size=4 does not divide 4 x 6"):
        figures.patch_grid(IMAGE, 4)


def test_letter_attention_draws_each_map_with_one_scale():
    weights = [torch.rand(3, 2, 3) / 6, torch.rand(2, 2, 3) / 6]
    images = torch.stack([IMAGE, IMAGE.flip(0)])
    axes = figures.letter_attention(images, ["six", "of"], weights, title="finding")
    assert axes.shape == (2, 4)
    for row, image, text, maps in zip(axes, images, ["six", "of"], weights, strict=True):
        np.testing.assert_array_equal(row[0].images[0].get_array(), image.numpy())
        for ax, letter, cells in zip(row[1:], text, maps, strict=False):
            np.testing.assert_allclose(ax.images[0].get_array(), cells.numpy())
            assert ax.images[0].get_clim() == (0, max(w.max().item() for w in weights))
            assert ax.get_title() == f"{letter}  {cells.sum():.0%}"
    assert not axes[1, 3].images
    assert axes[0, 0].figure.get_suptitle() == "finding"


def test_letters_and_maps_must_have_consistent_shapes():
    with pytest.raises(ValueError, match="do not fit each other"):
        figures.letter_attention(IMAGE[None], ["six"], [torch.rand(2, 2, 3)])
    with pytest.raises(ValueError, match="do not fit each other"):
        figures.letter_attention(IMAGE[None], ["six", "of"], [torch.rand(3, 2, 3)])
