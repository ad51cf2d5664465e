import numpy as np
import pytest
import torch
from drawn import columns, numbers
from hypothesis import given
from hypothesis import strategies as st

from lecture21 import figures
from lecture21.attention import basic_self_attention
from lecture21.data.worked_example import FEATURES, TOKENS, X
from lecture21.figures.basic_self_attention import _MAX_COLUMNS, _MAX_NUMBER, _MAX_TOKENS


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


def test_an_arrow_leads_from_each_vector_to_its_output():
    out = basic_self_attention(X)[0]
    ax = figures.vector_plane(X, out, TOKENS, axes=(0, 2), names=("thing", "place"), title="moved")
    before, after = (points.get_offsets() for points in ax.collections)
    np.testing.assert_allclose(before, X[:, [0, 2]].numpy())
    np.testing.assert_allclose(after, out[:, [0, 2]].numpy())
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    np.testing.assert_allclose([arrow.xy for arrow in arrows], out[:, [0, 2]].numpy())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("thing", "place")


def test_read_vectors_accepts_spaces_commas_and_a_last_semicolon():
    words, x = figures.read_vectors("  hot  cold ", "1, 0.5; -2 ,3 ;")
    assert words == ["hot", "cold"]
    assert x.tolist() == [[1.0, 0.5], [-2.0, 3.0]]


@pytest.mark.parametrize(
    ("sentence", "vectors", "problem"),
    [
        ("", "1 0", f"type 1 to {_MAX_TOKENS} words, got 0"),
        ("a " * (_MAX_TOKENS + 1), "1;" * (_MAX_TOKENS + 1), f"got {_MAX_TOKENS + 1}"),
        ("hot cold", "1 0", "got 2 words and 1 vectors"),
        ("hot cold", "1 0; 1", "all vectors need the same width.*got 1 and 2"),
        ("hot", "", "1 to 6 numbers, got 0"),
        ("hot", "1 " * (_MAX_COLUMNS + 1), f"got {_MAX_COLUMNS + 1}"),
        ("hot cold", "1; one", "'cold' has 'one', which is not a number"),
        ("hot", "nan", "'hot' has nan; numbers from -10 to 10"),
        ("hot", "inf", "'hot' has inf"),
        ("hot", "10.5", "'hot' has 10.5"),
    ],
)
def test_read_vectors_names_the_problem(sentence, vectors, problem):
    with pytest.raises(ValueError, match=problem):
        figures.read_vectors(sentence, vectors)


@given(st.text(max_size=20), st.text(alphabet="0123456789-+.,; einfa\n", max_size=30))
def test_read_vectors_returns_usable_numbers_or_raises_one_line(sentence, vectors):
    problem = ""
    try:
        words, x = figures.read_vectors(sentence, vectors)
    except ValueError as refused:
        problem = str(refused)
    if problem:
        assert "\n" not in problem
        return
    assert len(words) == len(x)
    assert x.abs().max() <= _MAX_NUMBER
