import pandas as pd
import pytest
from said import spread

from lecture21.course.chapters import results

PAGE = "negative_results"


@pytest.fixture
def budgets() -> pd.DataFrame:
    """Losses of sparse and dense models, a row for each budget and seed."""
    table = results.load("sparse_against_dense").query("part == 'run'")
    return table.pivot(index=["characters", "seed"], columns="model", values="nats")


@pytest.fixture
def routers() -> pd.DataFrame:
    """The runs with a router and the dense ones, and the largest load of an expert in each layer."""
    runs = results.load("router_collapse").query("part == 'run'")
    return runs.set_index(["learning_rate", "setting"]).sort_index()


def test_more_memory_for_the_same_arithmetic(said, budgets):
    gain = budgets["dense"] - budgets["sparse"]
    total = budgets["dense, equal total"] - budgets["sparse"]
    at = {thousand: spread(gain[1000 * thousand]) for thousand in (64, 128, 256, 512, 1024)}
    large = {thousand: spread(total[1000 * thousand]) for thousand in (64, 512, 1024)}
    said("the sparse model is {:.3f} ± {:.3f} nats (standard deviation) ahead", *at[1024])
    assert (gain.loc[128_000:] > 0).all()
    assert (gain.loc[64_000] < 0).all()
    said("Only at 64 thousand characters is it behind.")
    said("that is as large in total, by {:.3f} ± {:.3f} and {:.3f} ± {:.3f}.", *large[512], *large[1024])
    said("the mixture is {:.3f} ± {:.3f} nats worse, after 128 thousand hardly better ({:.3f} ± {:.3f}).", -at[64][0],
         at[64][1], *at[128], on=PAGE)  # fmt: skip
    said("{:.3f} ± {:.3f}, {:.3f} ± {:.3f} and {:.3f} ± {:.3f} better after 256, 512 and 1,024 thousand.", *at[256],
         *at[512], *at[1024], on=PAGE)  # fmt: skip
    said("the mixture is {:.3f} ± {:.3f} worse after 64 thousand characters, then level, and {:.3f} ± {:.3f} and "
         "{:.3f} ± {:.3f} better", -large[64][0], large[64][1], *large[512], *large[1024], on=PAGE)  # fmt: skip
    seconds = results.load("sparse_against_dense").query("part == 'run'").groupby("model").seconds.sum()
    said("a sparse step takes {:.1f} times as long", seconds["sparse"] / seconds["dense"])


def test_narrower_experts(said, budgets):
    table = results.load("granularity").query("part == 'run'").set_index("seed")
    before = budgets.loc[256_000]
    gain = {model: spread(before["sparse"] - rows.nats) for model, rows in table.groupby("model")}
    sets = table[table.model == "32 x 32"][["sets_1", "sets_2"]]
    wide, fixed = gain["32 x 32"], gain["by character"]
    lost = -gain["64 x 16"][0], gain["64 x 16"][1]
    said("In our sweep, this gains {:.3f} ± {:.3f} nats: nothing, and 64 experts lose {:.3f}.", *wide, lost[0])
    said("even beats the learned router, by {:.3f} ± {:.3f} nats", *fixed)
    said("{:.3f} ± {:.3f} nats, where the sparse model itself gains {:.3f} over", *wide,
         (before["dense"] - before["sparse"]).mean(), on=PAGE)  # fmt: skip
    said("{:,.0f} to {:,.0f} different sets", sets.min(axis=None), sets.max(axis=None), on=PAGE)
    said("gain {:.3f} ± {:.3f}, and 64 of width 16 lose {:.3f} ± {:.3f}.", *gain["16 x 64"], *lost, on=PAGE)
    said("is better than the learned router by {:.3f} ± {:.3f} nats", *fixed, on=PAGE)
    character = table[table.model == "by character"]
    assert (before["sparse"] > character.nats).all()
    assert set(character.sets_1) == set(character.sets_2) == {4}


def test_sigmoid_gates(said):
    runs = results.load("sigmoid_gates").query("part == 'run'").groupby(["gates", "bias_rate"]).nats.mean()
    softmax, tuned = runs["softmax", 0.0025], runs["softmax", 0.01]
    said("our sigmoids gain {:.3f} nats, and another bias step gives the softmax {:.3f}.",
         softmax - runs["sigmoid", 0.04], softmax - tuned)  # fmt: skip


def test_a_router_that_collapses(said, routers):
    nats = routers.nats.groupby(level=[0, 1]).mean()
    most = routers[["busiest_1", "busiest_2"]]
    free, uncured = 100 * most.loc[(0.01, "none")].max(axis=1), 100 * most.loc[(0.06, "none")]
    both = 100 * most.loc[[(0.01, "aux 0.01"), (0.01, "bias 0.01")]].max(axis=None)
    least = 100 * most.loc[(0.01, "none")].min(axis=None)
    said("takes {:.0f} to {:.0f} % without a cure and at most {:.0f} %", least, free.max(), both)
    said("has {:.2f} to {:.2f} of the characters at the best rate", least / 100, free.max() / 100, on=PAGE)
    said("most of them: {:.2f}, {:.2f} and {:.2f};", *uncured.busiest_2 / 100, on=PAGE)
    said("The collapse explains little of the loss of {:.2f} there: a dense model has {:.2f} at this rate.",
         nats[0.06, "none"], nats[0.06, "dense, width 64"], on=PAGE)  # fmt: skip
    dense = nats[0.06, "dense, width 64"], nats[0.06, "dense, width 64, warm-up"]
    said("has {:.2f} at 0.06 and {:.2f} with a warm-up.", *dense, on=PAGE)
    said("Then the loss falls to {:.2f}, although", nats[0.06, "warm-up"])
    cures = nats[0.01][["aux 0.01", "bias 0.01", "z-loss 0.001", "jitter 0.1", "warm-up"]] - nats[0.01, "none"]
    assert cures.abs().max() < 0.011
    said("Yet no cure changes the mean loss by more than 0.011 nats")
    dead = routers.loc[(0.06, "aux 0.01"), ["dead_1", "dead_2"]]
    said("but {:.0f} to {:.0f} of each layer are dead.", dead.min(axis=None), dead.max(axis=None))
    bias = 100 * most.loc[(0.06, "bias 0.01")]
    said("and on new text the busiest has {:.0f} to {:.0f} %.", bias.min(axis=None), bias.max(axis=None))
    means = [most.loc[(0.06, name)].mean(axis=None) for name in ("jitter 0.1", "z-loss 0.001", "none", "bias 0.01")]
    said("mean of layers and seeds: {:.2f} and {:.2f}, and {:.2f} without), and the selection bias with a rate of 0.01 "
         "does so in part ({:.2f}).", *means, on=PAGE)  # fmt: skip


def test_capacity(said, routers):
    dropped = 100 * routers["dropped_1.25"].groupby(level=[0, 1]).mean()[0.01]
    cost = (routers["nats_1.25"] - routers["nats"]).groupby(level=[0, 1]).mean()[0.01]
    said("and loses {:.3f} nats, the balanced ones {:.0f} % and {:.3f}.", cost["none"], dropped["bias 0.01"],
         cost[["aux 0.01", "bias 0.01"]].mean())  # fmt: skip
    assert 30 < dropped["none"] < 36


def test_the_model_answer_about_alpha(said, routers):
    more = (
        results.load("collapse_causes").query("setting.str.startswith('aux')").set_index(["learning_rate", "setting"])
    )
    routers = pd.concat([routers, more]).sort_index()
    for rate in (0.01, 0.06):
        for setting, alpha in {"none": "0", "aux 0.001": "0.001", "aux 0.01": "0.01", "aux 0.1": "0.1"}.items():
            rows = routers.loc[(rate, setting)]
            busiest = 100 * rows[["busiest_1", "busiest_2"]].max(axis=None)
            said(f"| {rate} | {alpha} | {{:.0f}}% | {{:.3f}} |", busiest, rows.nats.mean())
