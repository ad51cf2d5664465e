"""The solutions of chapter 11 agree with the package's accounting, and with a law that is known."""

import pytest
import torch

from lecture21 import accounting, presets
from lecture21.exercises.registry import find


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
