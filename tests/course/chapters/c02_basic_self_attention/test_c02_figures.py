import numpy as np
import torch
from drawn import columns, numbers

from lecture21.attention import basic_self_attention
from lecture21.course.chapters.c02_basic_self_attention import figures
from lecture21.data.worked_example import FEATURES, TOKENS, X


def test_basic_steps_write_every_number_of_the_calculation():
    axes = figures.basic_steps(X, TOKENS, features=FEATURES)
    out, weights = basic_self_attention(X)
    expected = {"x": X, "scores": X @ X.T, "weights": weights, "output": out}
    assert axes.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(numbers(axes[name]), values.numpy(), atol=0.00501)
    assert columns(axes["x"]) == columns(axes["output"]) == list(FEATURES)
    assert columns(axes["scores"]) == columns(axes["weights"]) == list(TOKENS)
    assert (axes["weights"].get_xlabel(), axes["weights"].get_ylabel()) == ("key", "query")


def test_steps_number_the_columns_that_have_no_name():
    assert columns(figures.basic_steps(X[:, :2], TOKENS)["x"]) == ["1", "2"]


def test_steps_write_no_negative_zero():
    axes = figures.basic_steps(torch.tensor([[-0.0, 1.0], [-1e-6, 1.0]]), ["a", "b"])
    assert "-0" not in [text.get_text() for text in axes["x"].texts]


def test_a_model_is_to_the_right_if_it_finds_people_and_up_if_it_finds_things():
    found = {"basic self-attention": torch.tensor([[0.7, 0.1], [0.2, 0.5]]), "learned head": torch.tensor([[0.9, 1.0]])}
    ax = figures.finds(found, {"bag of words": 0.07})
    drawn = {points.get_label(): points.get_offsets().tolist() for points in ax.collections}
    assert drawn.keys() == found.keys()
    for name, weights in found.items():
        np.testing.assert_allclose(drawn[name], weights, atol=1e-6)
    limit, cross = ax.lines
    assert limit.get_xydata().sum(axis=1).tolist() == [1, 1]
    assert cross.get_xydata().tolist() == [[0.07, 0.07]]
    assert "person" in ax.get_xlabel()
    assert "thing" in ax.get_ylabel()
