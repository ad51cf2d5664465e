"""The mixed text and the rerouted tokens: what the scripts do, and what their tables say."""

import c14_mixed_text as mixed
import c14_reroute as reroute
import pytest
import torch

from lecture21 import GPT
from lecture21.course.chapters import results
from lecture21.moe import routings

IDS = torch.arange(64).view(2, 32) % 40
SPARSE = [arm for arm, changes in mixed.ARMS.items() if "moe" in changes]


def built(arm: str, *, seed: int = 0) -> GPT:
    """Return an untrained model whose feed-forward layers do something."""
    torch.manual_seed(seed)
    tokens = torch.randint(97, (4000,), generator=torch.Generator().manual_seed(1))
    model = mixed.built(arm, seed, tokens, 97)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model.eval()


def experts_of(model: GPT, ids: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad(), routings(model) as routed:
        model.loss(ids, ids)
    return [routing.experts[..., 0] for _, routing in routed]


def test_the_halves_are_equally_long_and_no_text_is_scored_that_was_trained_on():
    tokenizer, halves = mixed.halves()
    assert len(halves[0]) == len(halves[1]) > 1_000_000
    assert max(half.max() for half in halves) < tokenizer.vocab_size
    train, held = mixed.texts("run")
    search, held_of_search = mixed.texts("search")
    assert len(train) == sum(len(half) - len(text) for half, text in zip(halves, held, strict=True))
    assert len(search) + sum(map(len, held_of_search)) == len(train)
    for half, text, earlier in zip(halves, held, held_of_search, strict=True):
        assert torch.equal(half[-len(text) :], text)
        assert torch.equal(half[-len(text) - len(earlier) : -len(text)], earlier)


def test_the_program_is_code_without_docstrings():
    program = mixed.program()
    assert program.count("\n    return ") > 500
    assert '"""' not in program
    assert all(symbol == "\n" or " " <= symbol <= "~" for symbol in program)


def test_a_balanced_table_evens_the_load():
    ids = (torch.rand(4000, generator=torch.Generator().manual_seed(0)) ** 2 * 64).long()
    tables = [mixed.balanced_table(ids, 64, 8, seed) for seed in (0, 1)]
    load = tables[0][ids].bincount(minlength=8) / len(ids)
    assert (load - 1 / 8).abs().max() < 0.02
    assert not torch.equal(*tables)


@pytest.mark.parametrize("arm", SPARSE)
def test_who_chooses_the_expert(arm):
    model = built(arm)
    first, again = experts_of(model, IDS), experts_of(model, IDS.flip(1))
    same_in_any_context = all(torch.equal(a, b.flip(1)) for a, b in zip(first, again, strict=True))
    assert same_in_any_context == (arm in ("by character", "all experts"))


def test_all_experts_are_one_wide_layer():
    layer, x = built("all experts").blocks[0].feed_forward, torch.randn(2, 5, 64)
    with torch.no_grad():
        assert torch.allclose(layer(x), sum(expert(x) for expert in layer.experts.layers()), rtol=1e-4, atol=1e-3)


def test_the_arms_are_equal_in_what_they_say():
    rows = results.load("mixed_text").groupby("arm")[["parameters", "active"]].first()
    active, total = rows.active["dense, equal active"], rows.parameters["dense, equal total"]
    for arm in SPARSE:
        router = 2 * 64 * mixed.ARMS[arm]["moe"]["n_expert"]
        wanted = total if arm == "all experts" else active
        assert rows.active[arm] - router == wanted  # a fixed router is counted, although it has no weights
        assert rows.parameters[arm] - router * arm.startswith("learned") == total


def test_every_arm_is_tuned_on_other_seeds_and_has_a_worse_rate_on_each_side():
    table = results.load("mixed_text")
    assert set(table.arm) == set(mixed.ARMS)
    for arm, rows in table.groupby("arm"):
        search = rows[rows.part == "search"].groupby("factor").nats.mean()
        (factor,) = set(rows[rows.part == "run"].factor)
        assert factor == search.idxmin()
        assert search.index.min() < factor < search.index.max()
        assert len(search) >= 3
        assert sorted(rows[rows.part == "run"].seed) == [0, 1, 2], arm


def test_a_changed_choice_changes_only_what_it_says():
    model = built("learned")
    before = experts_of(model, IDS)
    with reroute.Rerouted(model, "other"):
        other = experts_of(model, IDS)
    assert not (before[0] == other[0]).any()
    with reroute.Rerouted(model, "other", layer=2):
        assert torch.equal(experts_of(model, IDS)[0], before[0])
    usual = reroute.usual_experts(model, IDS.flatten(), 97)
    with reroute.Rerouted(model, "usual", usual=usual):
        at_usual = experts_of(model, IDS)
    for character in IDS.unique():
        assert set(at_usual[0][character == IDS].tolist()) == {before[0][character == IDS].mode().values.item()}
    assert all(torch.equal(a, b) for a, b in zip(experts_of(model, IDS), before, strict=True))  # no hook is left


def test_no_expert_is_a_layer_that_adds_nothing():
    model, silent = built("learned"), built("learned")
    with torch.no_grad():
        for block in silent.blocks:
            block.feed_forward.experts.down.weight.zero_()
        with reroute.Rerouted(model, "none"):
            assert torch.allclose(model.loss(IDS, IDS), silent.loss(IDS, IDS))
        assert not torch.allclose(model.loss(IDS, IDS), silent.loss(IDS, IDS))


@pytest.fixture
def losses():
    """Losses of the mixed text, a row for each seed and a column for each arm, of each score."""
    runs = results.load("mixed_text").query("part == 'run'")
    return {score: runs.pivot(index="seed", columns="arm", values=score) for score in ("nats", "plays", "code")}


def test_a_table_beats_the_learned_routers_and_these_the_dense_layer_of_equal_active_size(losses):
    for nats in losses.values():
        routers = nats[["learned", "learned, two of 16"]]
        assert (routers.lt(nats["dense, equal active"], axis=0)).all(axis=None)
        assert (routers.gt(nats["by character"], axis=0)).all(axis=None)
        assert (nats["at random"] > nats["dense, equal active"]).all()
    gap = losses["nats"].sub(losses["nats"]["by character"], axis=0)[["learned", "learned, two of 16"]].mean()
    assert gap["learned, two of 16"] < gap["learned"] / 2


def test_cutting_the_matrices_of_the_dense_layer_explains_part_of_what_experts_gain_over_it(losses):
    nats = losses["nats"]
    assert (nats["by character"] < nats["all experts"]).all()
    assert (nats["all experts"] < nats["dense, equal total"]).all()
    ahead = nats["all experts"] - nats["learned, two of 16"]
    assert abs(ahead.mean()) < ahead.std()  # unclear which is ahead


@pytest.fixture
def rerouted():
    """Losses with rerouted tokens: of all layers at once, and of single ones; a column for each choice."""
    table, key = results.load("reroute"), ["model", "seed", "text"]
    every, single = table[table["layer"].isna()], table[table["layer"].notna()]
    return (
        every.pivot(index=key, columns="choice", values="nats"),
        single.pivot(index=[*key, "layer"], columns="choice", values="nats"),
    )


def test_the_scripts_arms_are_rerouted_with_three_seeds_and_on_two_texts(rerouted):
    every, single = rerouted
    assert set(every.groupby("model").size().items()) == {(reroute.SHIPPED, 2), *((arm, 6) for arm in reroute.ARMS)}
    assert len(single) == 2 * 4 + 2 * 6 * len(reroute.ARMS)


def test_with_a_learned_router_a_wrong_expert_is_worse_than_none_and_the_usual_one_nearly_right(rerouted):
    for losses in rerouted:
        learned = losses.drop("by character")
        assert (learned["none"] < learned["other"]).all()
    every, single = (losses.loc[["modern-moe", "learned"]] for losses in rerouted)
    assert (every[["learned", "usual", "none", "second", "other"]].diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    assert (single[["usual", "none", "second", "other"]].diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    lost = every.sub(every["learned"], axis=0)
    assert (lost["usual"] < lost["none"] / 2).all()


def test_with_a_fixed_table_all_layers_without_an_expert_may_be_worst_and_rerouting_costs_more(rerouted):
    every, single = rerouted
    fixed = every.loc["by character"]
    assert 0 < (fixed["none"] > fixed["other"]).sum() < len(fixed)
    assert (single.loc["by character", "none"] < single.loc["by character", "other"]).all()
    lost = every[["none", "other"]].sub(every["learned"], axis=0)
    assert (lost.loc["by character"].min() > lost.drop("by character").max()).all()


def test_what_the_experts_process():
    table = results.load("mixed_text_experts")
    of_layer = table.groupby(["seed", "layer"])
    assert len(of_layer) == 6
    assert (of_layer["load"].sum() - 1).abs().max() < 1e-3
    assert (table[list(mixed.KINDS)].sum(axis=1) - 1).abs().max() < 1e-3
    plays = (table["load"] * table["plays"]).groupby([table["seed"], table["layer"]]).sum()
    assert (plays - 0.5).abs().max() < 1e-3  # both texts are equally long
    assert table["usual"].between(0.55, 0.75).all()
    # A table by character alone divides the texts less.
    tokens, held = mixed.texts("run")
    alone = []
    for seed in range(3):
        expert = mixed.balanced_table(tokens, mixed.halves()[0].vocab_size, mixed.N_EXPERT, seed)
        counts = [expert[text].bincount(minlength=mixed.N_EXPERT) for text in held]
        alone += (counts[0] / (counts[0] + counts[1])).tolist()
    assert table["plays"].min() < min(alone) - 0.05
    assert table["plays"].max() > max(alone) + 0.1
