"""The comparison of softmax and sigmoid gates: both are tuned, with the optimum inside what was tried."""

import c14_sigmoid_gates as bench
import pytest

from lecture21.chapters import results

TABLE = results.load(bench.NAME)


@pytest.mark.parametrize("gates", bench.FIRST)
def test_a_gate_has_three_seeds_at_its_best_factor_and_bias_step(gates):
    rows = TABLE.query("gates == @gates")
    search = rows.query("part == 'search'").sort_values("nats")
    best = search.iloc[0]
    steps = search[search["factor"] == best["factor"]]["bias_rate"]
    factors = search[search["bias_rate"] == bench.FIRST[gates]]["factor"]
    assert steps.min() < best["bias_rate"] < steps.max()
    assert factors.min() < best["factor"] < factors.max()
    runs = rows[(rows["part"] == "run") & (rows["factor"] == best["factor"])]
    assert set(runs[runs["bias_rate"] == best["bias_rate"]]["seed"]) == {0, 1, 2}


def test_the_gates_begin_with_the_same_weights():
    one, other = (bench.built(gates, 0.01, seed=0).state_dict() for gates in bench.FIRST)
    assert all(one[name].equal(other[name]) for name in one)
    assert bench.built("sigmoid", 0.01, seed=0).config.moe.gates == "sigmoid"
