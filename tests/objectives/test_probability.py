"""Probabilities of strings: three equivalent computations, and the sum over all strings is 1."""

import itertools
import math

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21.baselines import NGram
from lecture21.objectives import (
    bits_per_character,
    log_likelihood,
    token_log_probabilities,
)


def tiny_gpt(vocab_size=3, block_size=6):
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=vocab_size, block_size=block_size, n_layer=2, n_head=2, d_model=8)
    model = GPT(config).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)  # far from uniform
    return model


def bigram():
    return NGram(2, 3).fit(torch.tensor([0, 1, 1, 2, 0, 1, 2, 2, 2, 0]))


MODELS = {"gpt": tiny_gpt, "ngram": bigram}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    return request.param()


def strings_from(start, length):
    tails = torch.tensor(list(itertools.product(range(3), repeat=length)), dtype=torch.long)
    return torch.cat([torch.full((len(tails), 1), start), tails], dim=1)


@torch.no_grad()
def test_the_likelihood_is_the_chain_rule_taken_one_prefix_at_a_time(model):
    ids = torch.tensor([[2, 0, 1, 1, 2, 0], [0, 0, 0, 0, 0, 0]])
    steps = [[model(row[None, :t])[0, -1].softmax(-1)[row[t]].log().item() for t in range(1, len(row))] for row in ids]
    torch.testing.assert_close(
        token_log_probabilities(model(ids[:, :-1]), ids[:, 1:]).double(), torch.tensor(steps, dtype=torch.float64)
    )
    expected = torch.tensor([math.fsum(row) for row in steps], dtype=torch.float64)
    torch.testing.assert_close(log_likelihood(model, ids).double(), expected)


@torch.no_grad()
@pytest.mark.parametrize("start", [0, 1, 2])
@pytest.mark.parametrize("length", [1, 2, 4])
def test_the_probabilities_of_all_strings_of_a_length_sum_to_one(model, start, length):
    total = log_likelihood(model, strings_from(start, length)).exp().sum().item()
    assert total == pytest.approx(1, abs=1e-6)


@torch.no_grad()
def test_the_mean_of_the_token_log_probabilities_is_the_loss(model):
    ids = torch.tensor([[2, 0, 1, 1, 2, 0], [0, 1, 0, 2, 0, 1]])
    loss = model.loss(ids[:, :-1], ids[:, 1:])
    torch.testing.assert_close(-token_log_probabilities(model(ids[:, :-1]), ids[:, 1:]).mean().to(loss.dtype), loss)


def test_half_precision_becomes_float32_before_the_softmax():
    ids = torch.zeros(1, 3, dtype=torch.int64)
    flat = token_log_probabilities(torch.zeros(1, 2, 1000, dtype=torch.bfloat16), ids[:, 1:])
    assert flat.dtype == torch.float32
    torch.testing.assert_close(flat, torch.full((1, 2), -math.log(1000)))


def test_bits_per_character_do_not_depend_on_the_tokenization():
    characters = 12
    # One text, P = 2 ** -24: as 12 tokens of 2 bits each, and as 4 tokens of 6 bits each.
    fine, coarse = 12 * math.log(4), 4 * math.log(64)
    assert bits_per_character(fine, characters) == pytest.approx(2)
    assert bits_per_character(coarse, characters) == pytest.approx(2)
