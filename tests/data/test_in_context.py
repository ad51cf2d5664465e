"""Tasks given by examples in the prompt: the rule of a prompt, the scored positions, and the exact predictor."""

from itertools import permutations

import pytest
import torch

from lecture21 import GPT, GPTConfig, pretrained
from lecture21.data.in_context import LinearRule, SymbolMapping
from lecture21.objectives import IGNORE
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig, minimize


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_prompt_alternates_keys_and_values_of_a_one_to_one_mapping():
    task = SymbolMapping()
    inputs, targets = task.draw(200, generator())
    assert inputs.shape == targets.shape == (200, 31)
    for ids, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
        pairs = list(zip(ids[::2], wanted[::2], strict=True))
        assert ids[1::2] == wanted[:-1:2]  # a value that was predicted is read next
        assert set(wanted[1::2]) == {IGNORE}
        mapping = dict(pairs)
        assert all(mapping[key] == value for key, value in pairs)
        assert len(set(mapping.values())) == len(mapping) <= task.n_used
        assert all(12 <= key < 24 and 0 <= value < 12 for key, value in pairs)


def test_keys_and_values_are_uniform():
    inputs, targets = SymbolMapping().draw(4000, generator())
    for ids in (inputs[:, 0] - 12, targets[:, 0], inputs[:, -1] - 12, targets[:, -1]):
        assert (ids.bincount(minlength=12) / 4000 - 1 / 12).abs().max() < 0.02  # four standard errors


def test_the_ids_are_those_of_a_character_tokenizer():
    task = SymbolMapping(n_symbol=3, n_used=2, n_pair=4)
    tokenizer = CharTokenizer(task.symbols)
    text = tokenizer.decode(task.draw(1, generator())[0][0])
    assert set(text[::2]) <= set("abc")
    assert set(text[1::2]) <= set("ABC")
    assert CharTokenizer(LinearRule(11).symbols).encode("3A") == [3, 10]


def test_earlier_pairs_of_the_same_key():
    task = SymbolMapping(n_symbol=3, n_used=3, n_pair=4)
    inputs = torch.tensor([CharTokenizer(task.symbols).encode("aBbCaBa")])
    assert task.earlier(inputs).nonzero().tolist() == [[0, 2, 0], [0, 3, 0], [0, 3, 2]]


def test_the_optimal_prediction_counts_the_mappings_that_agree_with_the_pairs():
    task = SymbolMapping(n_symbol=4, n_used=3, n_pair=5)
    inputs, _ = task.draw(20, generator())
    for ids, actual in zip(inputs.tolist(), task.optimal(inputs), strict=True):
        for place in range(5):
            key, pairs = ids[2 * place], [(ids[2 * i], ids[2 * i + 1]) for i in range(place)]
            agree = [m[key - 4] for m in permutations(range(4)) if all(m[k - 4] == v for k, v in pairs)]
            expected = torch.tensor(agree).bincount(minlength=4) / len(agree)
            torch.testing.assert_close(actual[place], expected)


def test_a_prompt_follows_a_linear_rule_on_distinct_numbers():
    task = LinearRule(7, n_pair=5)
    for held_out in (False, True):
        rules = task.rules(held_out)
        inputs, targets = task.draw(400, generator(), held_out=held_out)
        x, y = inputs[:, ::2, None], targets[:, ::2, None]
        fits = ((rules[:, 0] * x + rules[:, 1]) % 7 == y).all(dim=1)  # (B, R)
        assert (fits.sum(dim=1) == 1).all()  # two pairs determine a rule
        assert all(len(set(row)) == 5 for row in x[..., 0].tolist())
        assert fits.any(dim=0).all()  # every rule occurs
        assert torch.equal(inputs[:, 1::2], targets[:, :-1:2])
        assert (targets[:, 1::2] == IGNORE).all()
    drawn, trained = task.draw(9, generator()), task.draw(9, generator(), held_out=False)
    assert all(map(torch.equal, drawn, trained))


@pytest.mark.parametrize("prime", [5, 7, 11])
def test_a_held_out_rule_has_no_slope_offset_or_pair_of_its_own(prime):
    task = LinearRule(prime, n_pair=2)
    trained, held_out = (task.rules(apart).tolist() for apart in (False, True))
    assert len(trained) == (prime - 1) ** 2
    assert [a for a, _ in held_out] == list(range(1, prime))
    assert not {tuple(rule) for rule in trained} & {tuple(rule) for rule in held_out}
    assert {a for a, _ in trained} == set(range(1, prime))
    assert {b for _, b in trained} == set(range(prime))
    assert len({(x, (a * x + b) % prime) for a, b in trained for x in range(prime)}) == prime**2


def test_the_optimal_prediction_of_a_linear_rule_is_certain_after_two_examples():
    task = LinearRule(5, n_pair=4)
    every = torch.cat([task.rules(False), task.rules(True)])
    inputs, targets = task.draw(50, generator(), held_out=True)
    right = task.optimal(inputs, every).gather(2, targets[:, ::2, None])[..., 0]  # (B, N)
    torch.testing.assert_close(right[:, 0], torch.full((50,), 1 / 5))
    torch.testing.assert_close(right[:, 1], torch.full((50,), 1 / 4))  # slope 0 is not a rule
    assert (right[:, 2:] == 1).all()
    trained = task.optimal(inputs, task.rules(False))
    torch.testing.assert_close(trained.sum(dim=2), torch.ones(50, 4))
    assert (trained[:, 2:].gather(2, targets[:, 4::2, None]) < 1).all()  # no rule agrees with all pairs


def test_a_small_model_learns_one_fixed_value_for_each_key():
    """With one symbol there is nothing to look up: the loss of the scored positions goes to 0."""
    task = SymbolMapping(n_symbol=1, n_used=1, n_pair=3)
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=3, block_size=6, n_layer=1, n_head=1, d_model=8))
    losses = minimize(model, lambda g: model.loss(*task.draw(4, g)), TrainConfig(steps=60, learning_rate=1e-1))
    assert losses[-1] < 0.05


def test_the_shipped_model_looks_up_the_values_of_seen_keys():
    task = SymbolMapping()
    model, tokenizer = pretrained.load("in-context")
    assert tokenizer == CharTokenizer(task.symbols)
    inputs, targets = task.draw(200, generator(7))
    with torch.no_grad():
        right = model(inputs)[:, ::2].argmax(dim=2) == targets[:, ::2]
    seen = task.earlier(inputs).any(dim=2)
    assert right[seen].float().mean() > 0.99
    assert 0.05 < right[~seen].float().mean() < 0.2  # the optimum is 0.08 to 0.14
