"""Answers of chapter 01 that a reader may give are accepted, whatever the dtype of their buffers."""

import math

import pytest
import torch
from readers import printed

from lecture21.baselines import RNN, RNNConfig
from lecture21.course.exercises import check
from lecture21.course.exercises.registry import find


def stepwise(xs, h, w_x, w_h, b):
    states = torch.zeros(len(xs), len(h))
    for t, x in enumerate(xs):
        h = torch.tanh(w_x @ x + w_h @ h + b)
        states[t] = h
    return states


def test_states_may_be_collected_in_a_float32_buffer(capsys):
    check("1.1", stepwise)
    assert capsys.readouterr().out == "1.1: correct\n"


def test_the_states_are_those_of_the_rnn_that_the_chapter_trains():
    model = RNN(RNNConfig(kind="rnn", vocab_size=7, n_layer=1, d_model=4)).double()
    layer, ids = model.recurrence, torch.tensor([[3, 1, 6, 0]])
    b = layer.bias_ih_l0 + layer.bias_hh_l0
    x, h = model.token(ids)[0], torch.zeros(4).double()
    states = find("1.1").solution(x, h, layer.weight_ih_l0, layer.weight_hh_l0, b)
    assert torch.allclose(model.head(states), model(ids)[0], atol=1e-12)


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
    def without_bias(xs, h, w_x, w_h, b):
        states = []
        for x in xs:
            h = torch.tanh(w_x @ x + w_h @ h)
            states.append(h)
        return torch.stack(states)

    check("1.1", without_bias)
    assert "must depend on x, on h and on b" in capsys.readouterr().out


def unit(w, u):
    def latch(numbers):
        states = [torch.tensor(0.0, dtype=numbers.dtype)]
        for x in numbers:
            states.append(torch.tanh(w * states[-1] + u * x))
        return torch.stack(states[1:])

    return latch


# A large w or u saturates the state: from about 19, the tanh of a float64 is exactly 1.
@pytest.mark.parametrize(
    ("w", "u"), [(1.5, 0.1), (2, 0.5), (3, 0.9), (10, 5), (20, 1), (30, 1), (50, 5), (100, 1), (100, 50), (100, 96)]
)
def test_any_latch_that_holds_is_right(capsys, w, u):
    """At rest it is held if u is below what tanh(w h - u) needs to lose its fixed point h > 0."""
    assert u < math.sqrt(w * (w - 1)) - math.acosh(math.sqrt(w))
    for latch in (unit(w, u), lambda numbers: unit(w, u)(numbers.float())):
        check("1.2", latch)
        assert capsys.readouterr().out == "1.2: correct\n"


@pytest.mark.parametrize(
    ("w", "u", "words"),
    [
        (2, 0.6, "u is too large beside w"),
        (2, 0.54, "u is too large beside w"),  # the limit is 0.533
        (1.1, 0.2, "u is too large beside w"),
        (20, 50, "u is too large beside w"),
        (100, 98, "u is too large beside w"),
        (1, 0.3, "w of at most 1"),
        (0.8, 0.4, "w of at most 1"),
        (-30, 1, "must keep the sign"),
        (50, -5, "must take the sign"),
        (0, 0, "must take the sign"),
        (1.5, 0.2, "still on its way"),
    ],
)
def test_a_latch_that_a_row_of_rivals_turns_is_told_why(capsys, w, u, words):
    for _ in range(5):
        assert words in printed(capsys, "1.2", unit(w, u))


def test_a_latch_that_is_no_unit_of_an_rnn_is_told_so(capsys):
    for answer in (
        lambda numbers: 0.5 * numbers[0] + 0 * numbers,
        lambda numbers: 2 * numbers[0] + 0 * numbers,
        lambda numbers: torch.where(numbers == -numbers[0], 0.5, 1) * numbers[0],
    ):
        assert "each state must be tanh(w h + u x)" in printed(capsys, "1.2", answer)


def test_a_latch_that_passes_no_gradient_back_is_told_so(capsys):
    """The cell after the exercise takes its derivative."""

    def signs(numbers):
        return torch.ones_like(numbers) * (1 if numbers[0] > 0 else -1)

    for answer in (signs, lambda numbers: unit(2, 0.5)(numbers).detach()):
        assert "no gradient passes back" in printed(capsys, "1.2", answer)
