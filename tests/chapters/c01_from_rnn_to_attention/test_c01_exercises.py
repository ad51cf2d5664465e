"""Answers of chapter 01 that a reader may give are accepted, whatever the dtype of their buffers."""

import torch

from lecture21.exercises import check


def stepwise(step, xs, h):
    states = torch.zeros(len(xs), len(h))
    for t, x in enumerate(xs):
        h = step(x, h)
        states[t] = h
    return states


def test_states_may_be_collected_in_a_float32_buffer(capsys):
    check("1.2", stepwise)
    assert capsys.readouterr().out == "1.2: correct\n"


def in_a_buffer(states, w):
    factors = torch.ones(len(states))
    for t in range(len(states) - 2, -1, -1):
        factors[t] = factors[t + 1] * w * (1 - states[t + 1] ** 2)
    return factors


def in_a_list(states, w):
    factors = [torch.tensor(1.0)]
    for t in range(len(states) - 1, 0, -1):
        factors.insert(0, factors[0] * w * (1 - states[t] ** 2))
    return torch.stack(factors)


def from_numbers(states, w):
    factors = [1.0]
    for state in reversed(states[1:].tolist()):
        factors.insert(0, factors[0] * w * (1 - state**2))
    return torch.tensor(factors)


def test_factors_may_be_collected_in_a_buffer_or_a_list(capsys):
    for answer in (in_a_buffer, in_a_list, from_numbers):
        check("1.3", answer)
        assert capsys.readouterr().out == "1.3: correct\n", answer.__name__


def test_a_state_without_its_bias_is_told_so(capsys):
    check("1.1", lambda x, h, w_x, w_h, b: torch.tanh(w_x @ x + w_h @ h))
    assert "must depend on b" in capsys.readouterr().out
