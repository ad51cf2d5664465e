"""Where *hundred* can be read in a number, and what a query can do that may not attend to some symbols."""

import c06_cross_attention as benchmark
import pytest
import torch

from lecture21.data import numbers
from lecture21.transformer import Transformer, TransformerConfig


@pytest.mark.parametrize(
    ("n", "places"),
    [
        (7, []),
        (213, [("none", 1, 0)]),
        (2456, [("thousand", 1, 0), ("after", 3, 2)]),
        (58213, [("after", 4, 3)]),
        (213456, [("before", 1, 0), ("after", 5, 4)]),
    ],
)
def test_each_place_of_hundred_has_its_kind_its_position_and_its_digit(n, places):
    assert list(benchmark.places(n)) == places


def test_a_query_does_not_depend_on_a_memory_vector_that_is_hidden_from_it():
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(source_vocab_size=len(numbers.VOCABULARY), block_size=16)).eval()
    target = numbers.pairs([213]).target_in
    memory = model.encode(numbers.pairs([213]).source)
    moved = memory.clone()
    moved[0, 1:] += 1
    sees_all = torch.ones(1, 1, 1, 3, dtype=torch.bool)
    with torch.no_grad():
        with benchmark.hidden(model, 0, [1, 2]):
            one, other = (model.decoder(target, each, sees_all)[0] for each in (memory, moved))
        after = model.decoder(target, moved, sees_all)[0]
    assert torch.allclose(one[0], other[0], atol=1e-6)
    assert not torch.allclose(one[1], other[1], atol=1e-3)  # the other queries still see them
    assert not torch.allclose(other[0], after[0], atol=1e-3)  # and this one, as soon as nothing is hidden


def test_a_query_that_is_switched_off_does_not_depend_on_the_source():
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(source_vocab_size=len(numbers.VOCABULARY), block_size=16)).eval()
    one, other = numbers.pairs([213]), numbers.pairs([958])
    with torch.no_grad():
        with benchmark.off(model, 0):
            silent = [model(pair.source, one.target_in)[0] for pair in (one, other)]
        after = [model(pair.source, one.target_in)[0] for pair in (one, other)]
    assert torch.allclose(silent[0][0], silent[1][0], atol=1e-6)
    assert not torch.allclose(silent[0][1], silent[1][1], atol=1e-3)
    assert not torch.allclose(after[0][0], after[1][0], atol=1e-3)
