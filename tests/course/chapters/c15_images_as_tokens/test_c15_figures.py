import numpy as np
import pytest
import torch

from lecture21.course.chapters.c15_images_as_tokens import figures

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
