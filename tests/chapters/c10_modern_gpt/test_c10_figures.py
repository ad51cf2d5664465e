import numpy as np
import torch

from lecture21.chapters.c10_modern_gpt import figures


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
