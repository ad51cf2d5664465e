"""The solutions of chapter 11 agree with the package's accounting, and with a law that is known."""

import pytest
import torch
from readers import printed

from lecture21 import accounting, presets
from lecture21.course.exercises.registry import find


@pytest.mark.parametrize("name", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt3"])
def test_the_parameters_are_those_of_the_accounting(name):
    config = presets.get(name)
    count = find("11.1").solution(config.vocab_size, config.block_size, config.n_layer, config.d_model)
    assert count == accounting.parameters(config).total


def test_flops_and_days_are_those_of_the_accounting():
    config, tokens = presets.get("gpt2-xl"), 300 * 10**9
    size, peak = accounting.parameters(config).total, accounting.DEVICES["A100"]
    flops, days = find("11.2").solution(size, tokens, 8, peak, 0.25)
    assert flops == accounting.training_flops(config, tokens)
    assert days == pytest.approx(accounting.training_days(flops, "A100", 8, 0.25))


def test_the_fit_recovers_an_exact_law():
    sizes = torch.tensor([1e4, 1e5, 1e6]).double()
    assert find("11.3").solution(sizes, 5 * sizes**-0.1) == pytest.approx((5, 0.1))


def test_the_best_size_spends_the_budget():
    n_parameters, n_tokens = find("11.4").solution(6e20, 10)
    assert (n_parameters, n_tokens) == pytest.approx((1e19**0.5, 10 * 1e19**0.5))


def _counted(blocks, last):
    """Return a count of GPT-2's parameters with blocks and a last norm as given."""
    return lambda vocab_size, block_size, n_layer, d_model: (
        (vocab_size + block_size) * d_model + n_layer * blocks(d_model) + last(d_model)
    )


@pytest.mark.parametrize(
    ("blocks", "last", "sentence"),
    [
        (lambda c: 12 * c * c + 11 * c, lambda c: 2 * c, "How many sublayers"),
        (lambda c: 12 * c * c + 11 * c, lambda c: c, "a gain and a shift"),
        (lambda c: 11 * c * c + 12 * c, lambda c: 2 * c, "a fourth matrix"),
        (lambda c: 12 * c * c + 10 * c, lambda c: 2 * c, "differ in length"),
        (lambda c: 12 * c * c, lambda c: 0, "biases and norms are missing"),
        (lambda c: 12 * c * c + 12 * c, lambda c: 2 * c, "both with their biases"),
    ],
)
def test_a_wrong_count_is_told_which_part_is_missing(capsys, blocks, last, sentence):
    assert sentence in printed(capsys, "11.1", _counted(blocks, last))


def test_a_count_is_an_integer(capsys):
    answer = _counted(lambda c: 12.0 * c * c + 13 * c, lambda c: 2 * c)
    assert "must be an integer, got the float" in printed(capsys, "11.1", answer)
