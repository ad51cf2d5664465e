"""Few wide experts and many narrow ones: equal sizes, sets without an order, and the rates that the search chose."""

import c14_granularity
import c14_sparse_against_dense
import pytest
import torch

from lecture21 import GPT
from lecture21.course.chapters import results
from lecture21.moe import Router, routings

IDS = torch.arange(64).view(2, 32)
TOKENS = (torch.rand(4000, generator=torch.Generator().manual_seed(0)) ** 2 * 64).long()
"""Characters with unequal frequencies."""


def built(name: str, seed: int = 0) -> GPT:
    return c14_granularity.built(name, seed, TOKENS)


@pytest.mark.parametrize("name", c14_granularity.MODELS)
def test_every_cut_has_as_many_weights_in_its_experts_and_uses_as_many(name):
    model, coarse = built(name), GPT(c14_sparse_against_dense.MODELS["sparse"])
    sizes = []
    for each in (model, coarse):
        sizes.append(sum(p.numel() for n, p in each.named_parameters() if "router" not in n and "down.bias" not in n))
        with torch.no_grad(), routings(each) as collected:
            each(IDS)
        assert collected[0][1].experts.shape[-1] * each.config.d_ff == 256
    assert sizes[0] == sizes[1]


def test_a_fixed_table_sends_a_character_to_the_same_experts_in_any_context_and_evens_the_load():
    model = built("by character")
    with torch.no_grad(), routings(model) as collected:
        model(IDS)
        model(IDS.flip(1))
    for first, second in zip(collected[:2], collected[2:], strict=True):
        assert torch.equal(first[1].experts, second[1].experts.flip(1))
        assert (first[1].weights == 0.5).all()
    tables = [block.feed_forward.router.table for block in model.blocks]
    assert not torch.equal(*tables)
    load = tables[0][TOKENS].flatten().bincount(minlength=8) / (2 * len(TOKENS))
    assert all(len(set(row.tolist())) == 2 for row in tables[0])
    assert (load - 1 / 8).abs().max() < 0.02
    found = c14_granularity.sets_of(model, TOKENS[:64])
    assert found["sets_1"] <= 4  # the two experts with the least load are always the same pairs


def test_sets_are_counted_without_their_order():
    model = built("32 x 32")
    assert 1 < c14_granularity.sets_of(model, torch.arange(64))["sets_1"] <= 64
    with torch.no_grad():
        for router in (module for module in model.modules() if isinstance(module, Router)):
            router.weight.zero_()  # equal scores: the same experts everywhere
    assert c14_granularity.sets_of(model, torch.arange(64))["sets_1"] == 1


def test_every_model_has_three_seeds_at_its_best_factor():
    table = results.load("granularity")
    runs = table[table["part"] == "run"]
    assert set(runs["model"]) == c14_granularity.MODELS.keys()
    for name, rows in runs.groupby("model"):
        search = table[(table["part"] == "search") & (table["model"] == name)].set_index("factor")["nats"]
        assert set(rows["factor"]) == {search.idxmin()}
        assert sorted(rows["seed"]) == [0, 1, 2]
    assert runs[["sets_1", "sets_2"]].max(axis=None) <= c14_granularity.MEASURED
    before = results.load("sparse_against_dense").query("part == 'run' and model == 'sparse' and steps == 500")
    assert set(runs["characters"]) == set(before["characters"])
    # Apart from its router, d_model weights for each expert in each of two layers, a cut has the same active weights.
    cuts = runs[runs["model"] != "by character"]
    routers = 2 * 64 * cuts["model"].map(c14_granularity.MODELS)
    assert set(cuts["active"] - routers) == {before["active"].iloc[0] - 2 * 64 * 8}
