"""The comparison of softmax and sigmoid gates begins with the same weights."""

import c14_sigmoid_gates as bench


def test_the_gates_begin_with_the_same_weights():
    one, other = (bench.built(gates, 0.01, seed=0).state_dict() for gates in bench.FIRST)
    assert all(one[name].equal(other[name]) for name in one)
    assert bench.built("sigmoid", 0.01, seed=0).config.moe.gates == "sigmoid"
