"""The pictures of chapters 02 and 03: calculations, heads side by side, measurements with their spread."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lecture21 import figures
from lecture21.attention import attention, basic_self_attention
from lecture21.data.worked_example import FEATURES, SLOTS, TOKENS, VALUE_SLOTS, W_KEY, W_QUERY, W_VALUE, X
from lecture21.figures.vectors import MAX_COLUMNS, MAX_NUMBER, MAX_TOKENS

Q, K, V = X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T


def numbers(ax: plt.Axes) -> list[list[float]]:
    """Return the numbers written in the cells of a table."""
    width = len(ax.get_xticks())
    written = [float(text.get_text()) for text in ax.texts]
    return [written[i : i + width] for i in range(0, len(written), width)]


def columns(ax: plt.Axes) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


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


def test_head_steps_write_every_number_of_the_calculation():
    axes = figures.head_steps(Q, K, V, TOKENS, slots=SLOTS, value_slots=VALUE_SLOTS)
    out, weights = attention(Q, K, V)
    expected = {"q": Q, "k": K, "scores": Q @ K.T / 2, "weights": weights, "v": V, "output": out}
    assert axes.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(numbers(axes[name]), values.numpy(), atol=0.00501)
    assert columns(axes["q"]) == columns(axes["k"]) == list(SLOTS)
    assert columns(axes["v"]) == columns(axes["output"]) == list(VALUE_SLOTS)


def test_steps_number_the_columns_that_have_no_name():
    assert columns(figures.basic_steps(X[:, :2], TOKENS)["x"]) == ["1", "2"]
    assert columns(figures.head_steps(Q[:, :2], K[:, :2], V[:, :3], TOKENS)["v"]) == ["1", "2", "3"]


def test_steps_write_no_negative_zero():
    axes = figures.basic_steps(torch.tensor([[-0.0, 1.0], [-1e-6, 1.0]]), ["a", "b"])
    assert "-0" not in [text.get_text() for text in axes["x"].texts]


def test_the_plane_leads_each_word_to_its_output():
    out = basic_self_attention(X)[0]
    ax = figures.plane(X, out, TOKENS, axes=(0, 2), names=("thing", "place"), title="moved")
    before, after = (points.get_offsets() for points in ax.collections)
    np.testing.assert_allclose(before, X[:, [0, 2]].numpy())
    np.testing.assert_allclose(after, out[:, [0, 2]].numpy())
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    np.testing.assert_allclose([arrow.xy for arrow in arrows], out[:, [0, 2]].numpy())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("thing", "place")


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


def test_head_maps_name_the_tokens_at_the_edges_only():
    axes = figures.head_maps(torch.full((4, 4, 4), 0.25), TOKENS)
    named = [(bool(columns(ax)), bool(ax.get_yticklabels())) for ax in axes]
    assert named == [(True, True), (True, False), (False, True), (False, False)]


def test_head_maps_want_a_title_for_each_head():
    with pytest.raises(ValueError, match="2 heads need 2 titles, got 1"):
        figures.head_maps(torch.full((2, 4, 4), 0.25), TOKENS, titles=["one"])


def test_spread_draws_the_mean_and_the_whole_range_of_seeds():
    values = torch.tensor([[1.0, 4.0, 2.0], [3.0, 8.0, 2.0]])
    ax = figures.spread([1, 2, 4], {"runs": values}, xlabel="d", ylabel="nats", rules={"even": 5.0})
    line, rule = ax.lines
    assert line.get_ydata().tolist() == [2.0, 6.0, 2.0]
    assert list(rule.get_ydata()) == [5.0, 5.0]
    band = ax.collections[0].get_paths()[0].vertices
    for x, low, high in ((1, 1, 3), (2, 4, 8), (4, 2, 2)):
        assert sorted({y for at, y in band.tolist() if at == x}) == sorted({low, high})
    assert ax.get_xscale() == "log"
    assert ax.get_ylim()[0] == 0


def test_spread_can_be_linear_and_logarithmic():
    ax = figures.spread([1, 2], {"a": torch.ones(2, 2)}, xlabel="", ylabel="", log_x=False, log_y=True)
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")


def test_spread_wants_one_column_for_each_setting():
    with pytest.raises(ValueError, match="'runs' has 3 columns for 2 settings"):
        figures.spread([1, 2], {"runs": torch.ones(2, 3)}, xlabel="", ylabel="")


def test_read_vectors_takes_spaces_commas_and_a_last_semicolon():
    words, x = figures.read_vectors("  hot  cold ", "1, 0.5; -2 ,3 ;")
    assert words == ["hot", "cold"]
    assert x.tolist() == [[1.0, 0.5], [-2.0, 3.0]]


@pytest.mark.parametrize(
    ("sentence", "vectors", "problem"),
    [
        ("", "1 0", f"type 1 to {MAX_TOKENS} words, got 0"),
        ("a " * (MAX_TOKENS + 1), "1;" * (MAX_TOKENS + 1), f"got {MAX_TOKENS + 1}"),
        ("hot cold", "1 0", "got 2 words and 1 vectors"),
        ("hot cold", "1 0; 1", "all vectors need the same width.*got 1 and 2"),
        ("hot", "", "1 to 6 numbers, got 0"),
        ("hot", "1 " * (MAX_COLUMNS + 1), f"got {MAX_COLUMNS + 1}"),
        ("hot cold", "1; one", "'cold' has 'one', which is not a number"),
        ("hot", "nan", "'hot' has nan; numbers from -10 to 10"),
        ("hot", "inf", "'hot' has inf"),
        ("hot", "10.5", "'hot' has 10.5"),
    ],
)
def test_read_vectors_says_what_is_wrong(sentence, vectors, problem):
    with pytest.raises(ValueError, match=problem):
        figures.read_vectors(sentence, vectors)


@given(st.text(max_size=20), st.text(alphabet="0123456789-+.,; einfa\n", max_size=30))
def test_read_vectors_gives_usable_numbers_or_one_line(sentence, vectors):
    problem = ""
    try:
        words, x = figures.read_vectors(sentence, vectors)
    except ValueError as refused:
        problem = str(refused)
    if problem:
        assert "\n" not in problem
        return
    assert len(words) == len(x)
    assert x.abs().max() <= MAX_NUMBER
