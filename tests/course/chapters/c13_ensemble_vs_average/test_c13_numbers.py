import pytest
from said import spread

from lecture21.course.chapters import results
from lecture21.mixtures import sollich_krogh_error

PAGE = "negative_results"


@pytest.fixture
def bag():
    return results.load("bag_of_gpts").query("part == 'run'")


@pytest.fixture
def six(bag):
    (row,) = bag.query("members == 6").to_dict("records")
    return row


def test_longer_training_beats_a_bag_of_more_compute(said, bag, six):
    one = results.load("modern").query("arm == 'modern-gpt0'")
    assert (one["characters"] < six["characters"]).all()
    assert one["nats"].max() < min(six["probabilities"], six["logits"]) - 0.05
    alone, twice = bag.query("arm == 'bag' and members == 1").average, bag.query("arm == 'twice'")
    said("one member has {:.3f} ± {:.3f}, the average of the probabilities of all six {:.3f}, and the average of their "
         "logits {:.3f}.", *spread(alone), six["probabilities"], six["logits"], on=PAGE)  # fmt: skip
    assert twice.seed.astype(int).tolist() == [0, 1, 2]
    assert (3 * twice.characters == six["characters"]).all()
    assert (twice.average - six["logits"]).abs().max() < 0.01
    said("a third of the compute of the six, has {:.3f} (three seeds, {:.3f} to {:.3f});", twice.average.mean(),
         twice.average.min(), twice.average.max(), on=PAGE)  # fmt: skip
    two = bag.query("members == 2")
    pools = two[["probabilities", "logits"]]
    said("have {:.3f} to {:.3f}. One model", pools.min(axis=None), pools.max(axis=None), on=PAGE)
    said("of the six, has {:.3f} (three seeds, {:.3f} to {:.3f}).", one.nats.mean(), one.nats.min(), one.nats.max(),
         on=PAGE)  # fmt: skip
    pooled = bag.query("members > 1")
    ahead = pooled.probabilities - pooled.logits
    said("in each of {} pools of two to six members, by {:.4f} to {:.3f}.", len(pooled), ahead.min(), ahead.max(),
         on=PAGE)  # fmt: skip


def test_the_best_learning_rate_is_the_same_for_one_member_and_for_a_pool_of_two(said):
    search = results.load("bag_of_gpts").query("part == 'search'")
    best = [
        search[search.members == count].groupby("scale")[column].mean().idxmin()
        for count, column in ((1, "average"), (2, "probabilities"), (2, "logits"))
    ]
    assert len(set(best)) == 1
    said("The best factor of the learning rates is the same for one member and for a pool of two", on=PAGE)


def test_on_scarce_text_what_is_too_much_training_for_one_model_is_right_for_a_pool(said):
    runs = results.load("scarce_text").query("part == 'run'")
    one = runs.query("members == 1").groupby("steps")["average"]
    four = runs.query("members == 4").groupby("steps")["probabilities"]
    alone, pool = one.mean(), four.mean()
    said("one model does not improve: {:.3f} and {:.3f} nats.", alone[125], alone[250])
    said("are worth {:.3f} nats ({:.3f} to {:.3f}), because what averaging removes grows from {:.3f} to {:.3f}.",
         pool[125] - pool[250], pool[125], pool[250], alone[125] - pool[125], alone[250] - pool[250])  # fmt: skip
    said("one model is ruined, at {:.3f}, while the pool of four still has {:.3f}, better", alone[500], pool[500])
    assert four.max()[250] < four.min()[125] - 0.05
    assert one.min()[500] > alone[250] + 0.15
    assert four.max()[500] < one.min().min() - 0.05
    assert pool.idxmin() == 250
    assert four.max()[125] < one.min()[500]  # at equal compute
    other = results.load("scarce_text").query("part == 'search' and scale == 2").groupby(["members", "steps"])
    nats = other["probabilities"].mean()
    said("by {:.2f} nats, and a pool of two by {:.2f}.", *(nats[count, 125] - nats[count, 250] for count in (1, 2)))


def test_ridge_ensembles_are_near_their_formula(said):
    means = (
        results.load("ridge_ensembles")
        .query("sampling == 'subset'")
        .groupby(["subset", "penalty"])
        .mean(numeric_only=True)
    )
    over = [
        100 * (row[f"mean_of_{members}"] / sollich_krogh_error(1.0, subset, 0.2, members, penalty) - 1)
        for (subset, penalty), row in means.loc[[0.8]].iterrows()
        for members in (1, 2, 5, 10, 30)
    ]
    said("For a fraction of 0.8, which the figure does not show, they exceed it by up to {:.1f} % at the smallest",
         max(over), on="ridge_ensembles")  # fmt: skip
