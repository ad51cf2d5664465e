import pandas as pd
import pytest
from said import spread

from lecture21.course.chapters import results

PAGE = "negative_results"


def test_rerouted(said):
    rows = results.load("reroute")
    ways = ["learned", "usual", "none", "second", "other"]
    whole = rows[rows.layer.isna()].pivot_table(index=["model", "seed", "text"], columns="choice", values="nats")[ways]
    said("On the validation text: {:.2f} nats, usual {:.2f}, none {:.2f}, the router's second choice {:.2f}, another "
         "{:.2f}.", *whole.loc["modern-moe", 0, "validation plays"])  # fmt: skip
    said("wasn't trained on: {:.2f}, {:.2f}, {:.2f}, {:.2f}, {:.2f}.", *whole.loc["modern-moe", 0, "other plays"])
    learned = whole.loc[["modern-moe", "learned"]]
    assert len(learned) == 8
    assert (learned.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)  # the same order, of three more models as well
    one = rows[(rows.model == "modern-moe") & ~rows.layer.isna()]
    one = one.pivot_table(index=["text", "layer"], columns="choice", values="nats")[["none", "second", "other"]]
    assert len(one) == 8
    assert (one.diff(axis=1).iloc[:, 1:] > 0).all(axis=None)
    said("Changing a single layer, whichever it is, leaves the last three in this order.")
    fixed = whole.loc["by character"]
    lost = fixed[["none", "other"]].sub(fixed.learned, axis=0)
    said("lose {:.1f} to {:.1f} nats without any expert, and {:.1f} to {:.1f} with another:",
         *lost.agg(["min", "max"]).to_numpy().T.ravel())  # fmt: skip
    worse = (fixed.none > fixed.other).sum()
    said("taking the expert away was worse than a wrong one in {:words} of {:words} cases;", worse, len(fixed))
    every = whole.drop("by character")
    assert (every.none < every.other).all()
    assert len(every.groupby(["model", "seed"])) == 7
    said("Six others with a learned router, from the next section, agree.")


def test_the_table_wins(said):
    runs = results.load("mixed_text").query("part == 'run'")
    nats = runs.pivot(index="seed", columns="arm", values="nats")
    chance, cut = nats["at random"], nats["all experts"]
    table, narrow, learned, total, active = (
        nats[arm]
        for arm in ("by character", "learned, two of 16", "learned", "dense, equal total", "dense, equal active")
    )
    said("the context has {:.2f} nats, and the table, which looks at nothing but the letter, {:.2f}.", learned.mean(),
         table.mean())  # fmt: skip
    said("half as wide and with weights that sum to 1, reaches {:.2f}.", narrow.mean())
    for text in ("plays", "code"):
        of = runs.pivot(index="seed", columns="arm", values=text)
        assert (of["by character"] < of[["learned", "learned, two of 16"]].min(axis=1)).all()
    assert max(table.max(), narrow.max(), learned.max()) < active.min()
    said("table {:.3f} ± {:.3f}, learned 2 of 16 {:.3f} ± {:.3f}, learned 1 of 8 {:.3f} ± {:.3f}, dense with as many "
         "weights {:.3f} ± {:.3f}, dense with the same arithmetic {:.3f} ± {:.3f}, by chance {:.3f} ± {:.3f}.",
         *spread(table), *spread(narrow), *spread(learned), *spread(total), *spread(active),
         *spread(chance))  # fmt: skip
    said("with its matrices cut into eight, the wide layer has {:.3f} ± {:.3f}.", *spread(cut))
    assert table.max() < cut.min() < cut.max() < total.min()  # part of it, not all
    ahead = cut - narrow
    assert abs(ahead.mean()) < ahead.std()
    said("Then the learned 2 of 16 is not clearly ahead, and the table is")
    said("the models end at {:.2f}, behind both dense ones.", chance.mean())
    assert chance.min() > max(active.max(), total.max())
    seconds = runs.groupby("arm").seconds.sum()
    assert 1.7 < seconds["learned"] / seconds["dense, equal active"] < 2.3
    said("training the learned 1 of 8 takes about twice as long as the dense model of the same arithmetic")
    plays = results.load("mixed_text_experts").query("arm == 'learned'").plays
    said("An expert's share of plays runs from {:.2f} to {:.2f}, and one of {} is below 0.1", plays.min(), plays.max(),
         len(plays))  # fmt: skip
    assert (plays < 0.1).sum() == 1


@pytest.fixture
def routers() -> pd.DataFrame:
    """The runs with a router and the dense ones, and the largest load of an expert in each layer."""
    runs = results.load("router_collapse").query("part == 'run'")
    return runs.set_index(["learning_rate", "setting"]).sort_index()


@pytest.fixture
def causes() -> pd.DataFrame:
    """Further runs, of which the batches or the inputs were measured."""
    return results.load("collapse_causes").set_index(["learning_rate", "setting"]).sort_index()


def test_six_trainings(said, routers, causes):
    """The two cures that look at the load hold it, in the films and on new text; no other does."""
    most = 100 * routers[["busiest_1", "busiest_2"]]
    ends = results.load("router_load").query("learning_rate == 0.06 and step == 200 and layer == 2")
    ends = ends.assign(busiest=100 * ends.filter(like="expert_").max(axis=1)).set_index("setting")
    cures = ["aux 0.01", "bias 0.01"]
    two = ends.loc["none"].filter(like="expert_").apply(lambda row: row.nlargest(2).sum(), axis=1)
    said("with the two cures, the busiest expert of every seed ends with at most {:.0f} %, otherwise with at least "
         "{:.0f} %, and without a cure two experts take {:.0f} to {:.0f} %.", ends.busiest[cures].max(),
         ends.busiest.drop(cures).min(), 100 * two.min(), 100 * two.max())  # fmt: skip
    turns = causes.loc[(0.06, "bias 0.01")]
    assert turns[["ten_1", "ten_2"]].max(axis=None) < 0.27
    assert turns[["batch_1", "batch_2"]].mean(axis=None) > 0.5  # single batches are uneven, and their sum is not
    tuned = routers[routers.tuned.astype(str) == "True"].loc[0.01, ["busiest_1", "busiest_2"]]
    assert tuned.loc[cures].max(axis=None) < 0.2  # "both are even"
    assert tuned.drop(cures).groupby("setting").max().max(axis=1).min() > 0.28
    assert most.loc[(0.06, "aux 0.01")].max(axis=None) < 40
    dead = routers.loc[(0.06, "aux 0.01"), ["dead_1", "dead_2"]]
    said("{:.0f} to {:.0f} experts of each layer have less than a tenth of their share", dead.min(axis=None),
         dead.max(axis=None))  # fmt: skip
    even = 100 * causes.loc[(0.06, "aux 0.1"), ["busiest_1", "busiest_2"]]
    said("(`benchmarks/c14_collapse_causes.py`), the busiest has at most {:.0f} %.", even.max(axis=None))
    film = results.load("router_load").query("learning_rate == 0.06 and seed == 0 and layer == 2").set_index("step")
    film = film[film.setting == "aux 0.01"].filter(like="expert_")
    assert film.loc[20:100].max(axis=1).min() > 0.98
    assert (film.loc[200] > 0.01).sum() == 3
    said("one has nearly all of layer 2 until step 100, and three share it at the end.")
    means = [most.loc[(0.06, name)].mean(axis=None) / 100 for name in ("jitter 0.1", "z-loss 0.001", "none",
                                                                       "bias 0.01")]  # fmt: skip
    said("mean of layers and seeds: {:.2f} and {:.2f}, and {:.2f} without), and the selection bias with a rate of 0.01 "
         "does so in part ({:.2f}).", *means, on=PAGE)  # fmt: skip


def test_the_loss_of_the_six_trainings(said, routers, causes):
    nats = routers.nats.groupby(level=[0, 1]).mean()
    high = nats[0.06]
    said("the loss is {:.2f} nats without a cure and {:.2f} with the balance loss.", high["none"], high["aux 0.01"])
    said("a dense layer as wide as one expert has {:.2f}.", high["dense, width 64"])
    said("lowers both, to {:.2f} and {:.2f}.", high["warm-up"], high["dense, width 64, warm-up"])
    cures = ["aux 0.01", "bias 0.01", "z-loss 0.001", "jitter 0.1", "warm-up"]
    none = routers.loc[(0.01, "none")].set_index("seed").nats
    gains = {cure: none - routers.loc[(0.01, cure)].set_index("seed").nats for cure in cures}
    best = max(gains, key=lambda cure: gains[cure].mean())
    said("no cure lowers the loss by more than {:.3f} nats", gains[best].mean())
    assert all(gain.mean() < 4.3 * gain.std() / 3**0.5 for gain in gains.values())  # what three seeds can't tell from 0
    dense, sparse = causes.loc[(0.01, "dense, width 64"), "nats"].mean(), nats[0.01][["none", *cures]]
    assert dense < sparse.min()
    said("the dense layer has {:.2f}, and the sparse models {:.2f} to {:.2f}.", dense, sparse.min(), sparse.max())
    assert set(routers[routers.tuned.astype(str) == "True"].loc[0.02].index) == {"dense, width 64"}  # the others: 0.01


def test_capacity(said, routers):
    dropped = 100 * routers["dropped_1.25"].groupby(level=[0, 1]).mean()[0.01]
    cost = (routers["nats_1.25"] - routers["nats"]).groupby(level=[0, 1]).mean()[0.01]
    assert 30 < dropped["none"] < 36
    said("a third of the tokens is dropped, which costs {:.3f} nats; with either of the two, {:.0f} % and {:.3f}.",
         cost["none"], dropped[["aux 0.01", "bias 0.01"]].mean(), cost[["aux 0.01", "bias 0.01"]].mean())  # fmt: skip


def test_the_model_answer_about_alpha(said, routers, causes):
    more = causes[causes.index.get_level_values("setting").str.startswith("aux")]
    routers = pd.concat([routers, more]).sort_index()
    for rate in (0.01, 0.06):
        for setting, alpha in {"none": "0", "aux 0.001": "0.001", "aux 0.01": "0.01", "aux 0.1": "0.1"}.items():
            rows = routers.loc[(rate, setting)]
            busiest = 100 * rows[["busiest_1", "busiest_2"]].max(axis=None)
            said(f"| {rate} | {alpha} | {{:.0f}}% | {{:.3f}} |", busiest, rows.nats.mean())
