import numpy as np
from drawn import columns, numbers

from lecture21 import figures
from lecture21.attention import attention
from lecture21.data.worked_example import SLOTS, TOKENS, VALUE_SLOTS, W_KEY, W_QUERY, W_VALUE, X

Q, K, V = X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T


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
    assert columns(figures.head_steps(Q[:, :2], K[:, :2], V[:, :3], TOKENS)["v"]) == ["1", "2", "3"]
