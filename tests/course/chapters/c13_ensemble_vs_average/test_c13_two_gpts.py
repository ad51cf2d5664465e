import math

import pytest
import torch

from lecture21 import presets, pretrained
from lecture21.accounting import flops_per_token, kv_cache_bytes, parameters
from lecture21.course.chapters import results
from lecture21.data import shakespeare, split
from lecture21.mixtures import mixture_gap


@pytest.fixture(scope="module")
def table():
    return results.load("two_gpts")


@pytest.fixture(scope="module")
def places():
    return results.load("two_gpts_where")


def best(table, arm, kappa, by="ensemble"):
    """Return the settings of least mean score of a search, and check that all of their neighbors were tried."""
    scores = table.query("part == 'search' and arm == @arm and kappa == @kappa")
    assert scores.groupby(["scale", "steps"]).seed.nunique().nunique() == 1
    means = scores.groupby(["scale", "steps"])[by].mean()
    scale, steps = means.idxmin()
    for neighbor in ((scale / 2, steps), (scale * 2, steps), (scale, steps / 2), (scale, steps * 2)):
        assert means[neighbor] > means.min()
    return scale, steps


def runs(table, arm, kappa):
    found = table.query("part == 'run' and arm == @arm and kappa == @kappa")
    assert sorted(found.seed) == list(range(5))
    assert set(zip(found.scale, found.steps, strict=True)) == {best(table, arm, kappa)}
    return found


@pytest.fixture(scope="module")
def by_kappa(table):
    return {kappa: runs(table, "pair", kappa) for kappa in (0.0, 0.5, 1.0)}


def test_seeds_of_the_search_are_not_reported(table):
    searched = table.query("part == 'search'").seed
    assert set(searched) == {100, 101}
    assert not set(searched) & set(table.query("part != 'search'").seed)


def test_both_losses_are_least_where_each_learns_alone(by_kappa):
    for column in ("average", "ensemble"):
        seeds = [by_kappa[kappa].set_index("seed")[column] for kappa in (0.0, 0.5, 1.0)]
        assert (seeds[0] < seeds[1]).all()
        assert (seeds[1] < seeds[2]).all()


def test_the_pair_that_is_trained_as_one_disagrees_most_and_is_hardly_better_than_one_model(table, by_kappa):
    ambiguity = [(rows.average - rows.ensemble) for rows in by_kappa.values()]
    assert ambiguity[0].max() < ambiguity[1].min()
    assert ambiguity[1].max() < ambiguity[2].min() / 2
    one, twice = (runs(table, arm, 0.0).ensemble.mean() for arm in ("one", "twice"))
    assert twice + 0.02 < by_kappa[1.0].ensemble.mean() < one
    assert by_kappa[0.0].ensemble.mean() < twice


def test_at_the_same_settings_the_pair_that_is_trained_as_one_fits_about_as_well_and_generalizes_less(table, by_kappa):
    as_one, alone = by_kappa[1.0].set_index("seed"), table.query("part == 'same settings'").set_index("seed")
    assert set(zip(alone.scale, alone.steps, strict=True)) == {best(table, "pair", 1.0)}
    assert set(alone.kappa) == {0.0}
    assert list(alone.index) == list(as_one.index)
    worse = as_one[["trained", "ensemble"]] - alone[["trained", "ensemble"]]
    assert worse.trained.abs().mean() < 0.03
    assert (worse.ensemble > 0.04).all()
    chosen = by_kappa[0.0].scale.unique() / as_one.scale.unique()
    assert chosen.tolist() == [4]  # "a quarter of the learning rates"


def test_each_member_learns_a_character_in_proportion_to_its_responsibility():
    logits = torch.randn(2, 1, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    logs, kappa, half = logits.log_softmax(-1), 0.3, torch.tensor([0.5, 0.5], dtype=torch.float64)
    gap = mixture_gap(logs.transpose(0, 1), torch.tensor([2]), half)
    loss = ((1 - kappa) * gap.average + kappa * gap.ensemble).sum()
    (joint,) = torch.autograd.grad(loss, logits, retain_graph=True)
    (alone,) = torch.autograd.grad(-logs[..., 2].sum(), logits)
    responsibility = logs[..., 2].softmax(0)[..., None]
    torch.testing.assert_close(joint, ((1 - kappa) / 2 + kappa * responsibility) * alone)


def test_a_pair_costs_what_one_model_of_twice_the_blocks_costs():
    pair, one = presets.get("modern-gpt0", n_layer=2), presets.get("modern-gpt0")
    assert 2 * kv_cache_bytes(pair) == kv_cache_bytes(one)
    for count in (lambda model: parameters(model).total, lambda model: flops_per_token(model).forward):
        assert 1 < 2 * count(pair) / count(one) < 1.05


def parts(rows):
    """Return the rows of whole places, and those of places with and without a beginning that was read."""
    split_up = rows.read.notna()
    return rows[~split_up].set_index("place"), rows[split_up].set_index(["place", "read"])


def test_two_that_learned_alone_agree_that_they_cannot_know_a_first_letter(places):
    for _, rows in places.query("kappa == 0").groupby("seed"):
        whole, _ = parts(rows)
        for start in ("line", "word"):
            assert whole.entropy[start] > whole.entropy["all"] + 0.2
            assert whole.divergence[start] < 0.7 * whole.divergence["all"]
            assert whole.divergence[start] < whole.usual[start]


def test_two_that_learned_alone_disagree_in_words_that_they_have_never_read(places):
    alone = places.query("kappa == 0")
    assert sorted(alone.seed.unique()) == list(range(5))
    for _, rows in alone.groupby("seed"):
        whole, words = parts(rows)
        for letters in ("2", "3", "4", "5"):
            read, unread = words.loc[letters, True], words.loc[letters, False]
            assert unread.divergence > 1.5 * read.divergence
            assert unread.usual < 1.25 * read.usual
            assert unread.gap > 2 * read.gap
        unread = words.xs(False, level="read")
        assert 0.2 < unread.characters.sum() / whole.characters["all"] < 0.25
        share = (unread.gap * unread.characters).sum() / (whole.gap["all"] * whole.characters["all"])
        assert 0.45 < share < 0.6  # of all that averaging removes


def test_trained_as_one_two_disagree_everywhere_and_divide_the_work(places):
    as_one = places.query("kappa == 1")
    means = as_one[as_one.read.notna()].groupby(["place", "read"]).divergence.mean()
    for letters in ("2", "3", "4", "5"):
        assert 0.9 < means[letters, False] / means[letters, True] < 1.2
    whole = places.query("place == 'all'").groupby("kappa")
    assert whole.split.max()[0.0] < whole.split.min()[1.0] / 3
    assert whole.larger.max()[0.0] < whole.larger.min()[1.0] - 0.1


def test_the_shipped_pair_disagrees_as_its_table_says(places):
    rows = places.query("kappa == 0 and seed == 0 and read.isna()").set_index("place")
    members, tokenizers = zip(*[pretrained.load(f"scarce-{number}") for number in (1, 2)], strict=True)
    text = split(shakespeare())[1][:19_201]
    windows = torch.tensor(tokenizers[0].encode(text)).unfold(0, 33, 16)
    with torch.no_grad():
        parts = [torch.cat([m(x)[:, 16:] for x in windows[:, :-1].split(100)]) for m in members]
    p = torch.stack(parts).flatten(1, 2).softmax(-1)
    to_mean = (p * (p.log() - p.mean(0).log())).sum(-1).mean(0)
    assert to_mean.mean().item() == pytest.approx(rows.divergence["all"], abs=5e-4)
    assert to_mean.max() < math.log(2)
    before = [text[n - 1] for n in range(17, 17 + len(to_mean))]
    line = torch.tensor([each == "\n" for each in before])
    assert line.sum() == rows.characters["line"]
    assert to_mean[line].mean().item() == pytest.approx(rows.divergence["line"], abs=5e-4)


def test_with_dropout_the_pair_that_is_trained_as_one_is_the_worst_of_the_pairs_too(table):
    dropped = table.query("part == 'dropout'")
    assert len(dropped.groupby(["scale", "steps", "dropout"])) == 1
    pairs = dropped.query("arm == 'pair'").pivot(index="seed", columns="kappa", values="ensemble")
    assert (pairs[1.0] > pairs[[0.0, 0.5]].max(axis=1) + 0.03).all()
    assert abs(pairs[0.0].mean() - pairs[0.5].mean()) < 0.02
    single = dropped.query("arm != 'pair'").groupby("arm").ensemble.mean()
    assert pairs[[0.0, 0.5]].max(axis=None) < single.min()
