import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from lecture21.course.chapters.c10_modern_gpt import figures


def test_the_images_of_the_circle_have_the_singular_values_as_half_axes():
    matrix = torch.tensor([[0.6, 0.3], [-0.1, 0.4]])
    large, small = torch.linalg.svdvals(matrix).tolist()
    left, right = figures.circle_images({"a": matrix, "b": torch.eye(2)})
    lengths = np.hypot(*left.lines[1].get_data())
    np.testing.assert_allclose([lengths.max(), lengths.min()], [large, small], rtol=1e-3)
    assert left.get_xlabel() == f"singular values\n{large:.2f} and {small:.2f}"
    np.testing.assert_allclose(np.hypot(*right.lines[1].get_data()), 1)
    assert [left.get_title(loc="left"), right.get_title(loc="left")] == ["a", "b"]


def test_the_arrows_end_at_the_columns_of_the_matrix():
    matrix = torch.tensor([[0.6, 0.3], [-0.1, 0.4]])
    (ax,) = figures.circle_images({"a": matrix})
    ends = [text.xy for text in ax.texts if text.arrowprops]
    np.testing.assert_allclose(ends, matrix.T.numpy())


def test_hands_that_are_turned_together_keep_their_dot_product_and_end_where_their_positions_turn_them():
    products = figures.clock_hands(((0, 0), (3, 1), (8, 6)), query=0.2, key=-0.6, turn=0.5)
    assert products == pytest.approx([math.cos(0.8), math.cos(1.8), math.cos(1.8)])
    dials = plt.gcf().axes
    ends = [text.xy for text in dials[1].texts if getattr(text, "arrowprops", None)]
    angles = 0.2 + 3 * 0.5, -0.6 + 0.5
    np.testing.assert_allclose(ends, [(math.cos(angle), math.sin(angle)) for angle in angles])
    written = [text.get_text() for text in dials[2].texts]
    assert {"query\nat 8", "key\nat 6", "dot product −0.23"} <= set(written)
