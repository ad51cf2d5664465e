import numpy as np
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


def test_each_seed_is_a_line_from_one_loss_to_the_other_and_the_model_is_named_at_its_end():
    losses = {"first": [(3.0, 1.0), (2.8, 1.2)], "second": [(2.0, 1.9)]}
    ax = figures.before_and_after(losses, ticks=("old", "new"), ylabel="nats", title="They cross")
    assert [line.get_ydata().tolist() for line in ax.lines] == [[3.0, 1.0], [2.8, 1.2], [2.0, 1.9]]
    colors = [line.get_color() for line in ax.lines]
    assert colors[0] == colors[1] != colors[2]
    assert [(text.get_text(), text.get_color()) for text in ax.texts] == [("first", colors[0]), ("second", colors[2])]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["old", "new"]
    assert (ax.get_ylabel(), ax.get_title(loc="left")) == ("nats", "They cross")
    low, high = ax.get_ylim()
    assert low < 1.0 < 3.0 < high
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2"]
