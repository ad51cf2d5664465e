"""Chapter 05: what plausible wrong answers are told, and other ways to write a right one."""

import random

import pytest
import torch
import torch.nn.functional as F
from readers import printed
from torch import nn

from lecture21.exercises.registry import find


class OtherNames(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention, self.norm_feed_forward = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.attn, self.ff = attention, feed_forward

    def forward(self, x):
        x = x + self.attn(self.norm_attention(x))
        return x + self.ff(self.norm_feed_forward(x))


def reversed_before_the_last(x):
    return torch.cat([x[:-1].flip(0), x[-1:]])


def by_the_sum(model, x):
    return bool((model(x)[-1].sum() - model(reversed_before_the_last(x))[-1].sum()).abs() < 1e-4)


def by_the_mean(model, x):
    return bool((model(x)[-1].mean() - model(reversed_before_the_last(x))[-1].mean()).abs() < 1e-4)


def by_the_norm(model, x):
    return bool((model(x)[-1].norm() - model(reversed_before_the_last(x))[-1].norm()).abs() < 1e-4)


def with_the_default_tolerance(model, x):
    return torch.allclose(model(x)[-1], model(reversed_before_the_last(x))[-1])


def swaps_the_last_two(model, x):
    t = len(x) - 1
    order = [*range(t - 2), t - 1, t - 2, t]
    return torch.allclose(model(x)[-1], model(x[order])[-1], rtol=0, atol=1e-4)


def by_the_largest_difference(model, x):
    return bool((model(x)[-1] - model(reversed_before_the_last(x))[-1]).abs().max() < 1e-4)


def over_all_tokens(x, gain, bias):
    return (x - x.mean()) / x.std() * gain + bias


def gain_and_bias_together(x, gain, bias):
    return F.layer_norm(x, x.shape[-1:]) * (gain + bias)


WRONG = {
    "a gain and a bias that are added": ("5.1", gain_and_bias_together, "subtract `bias` from your result"),
    "one mean and deviation of all tokens": ("5.1", over_all_tokens, "the mean of each token's squares must be"),
    "layers under other names": ("5.2", OtherNames, "the block has no layer `attention`"),
    "a test of the sum": ("5.4", by_the_sum, "you compare one number"),
    "a test of the mean": ("5.4", by_the_mean, "you compare one number"),
    "a test of the norm": ("5.4", by_the_norm, "you compare one number"),
    "a test with torch's tolerance": ("5.4", with_the_default_tolerance, "mistakes rounding errors for an effect"),
    "a test that swaps the last two": ("5.4", swaps_the_last_two, "not the right value"),
}


@pytest.mark.parametrize(("number", "answer", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_never_accepted_and_told_why(capsys, number, answer, text):
    for _ in range(5):
        assert text in printed(capsys, number, answer)


RIGHT = {
    "PyTorch's LayerNorm": ("5.1", lambda x, gain, bias: F.layer_norm(x, x.shape[-1:], gain, bias)),
    "the largest difference": ("5.4", by_the_largest_difference),
}


@pytest.mark.parametrize(("number", "answer"), RIGHT.values(), ids=RIGHT)
def test_a_right_answer_is_accepted_in_other_words(capsys, number, answer):
    for _ in range(5):
        assert printed(capsys, number, answer) == f"{number}: correct"


def test_models_in_the_cases_of_the_order_test_depend_on_it_or_not_by_a_clear_margin():
    for seed in range(30):
        for case in find("5.4").cases(random.Random(seed)):
            model, x = case.arguments
            change = (model(x)[-1] - model(reversed_before_the_last(x))[-1]).abs().max().item()
            assert change < 9e-5 or change > 1e-3, case.about
