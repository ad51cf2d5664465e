import math

import pandas as pd
import pytest
from said import spread

from lecture21.course.chapters import results

PAGE = "negative_results"


@pytest.fixture
def deep() -> pd.Series:
    """The losses of GPTs of 24 blocks, by arm and learning rate, and of each arm at its best rate."""
    runs = results.load("depth").query("n_layer == 24").fillna({"nats": float("inf")})
    return runs.groupby(["arm", "learning_rate"]).nats.mean()


@pytest.fixture
def states() -> pd.DataFrame:
    return results.load("depth_states").query("n_layer == 24").set_index(["arm", "learning_rate", "step", "layer"])


@pytest.fixture
def parts() -> pd.DataFrame:
    return results.load("block_parts").set_index(["part", "n_layer", "arm"]).sort_index()


def test_24_blocks_after_150_updates(said, deep, states):
    best = deep.groupby("arm").min()
    unigram = results.load("depth").query("arm == '1-gram'").nats.item()
    pre = deep["complete"]
    said("falls from {:.2f} at 0.001 to {:.2f} at 0.02 and is {:.2f} at 0.05.", pre[0.001], pre[0.02], pre[0.05])
    said("The post-norm curve falls from {:.2f} to {:.2f} and stays", deep["post-norm", 0.001], best["post-norm"])
    said("dashed line of the character frequencies, {:.2f}.", unigram)
    said("The curve without a norm falls from {:.2f} to {:.2f} at 0.02", deep["no norm", 0.001], deep["no norm", 0.02])
    said("gets no farther than the frequencies, {:.2f} nats in these runs", unigram)
    three = (best["complete"], best["no norm"], best["post-norm"], unigram)
    said("Pre-norm reaches {:.2f} nats, no norm {:.2f}, and post-norm {:.2f}, where the frequencies of characters give "
         "{:.2f}.", *three, on=PAGE)  # fmt: skip
    cures = best["post-norm, small layers"], best["post-norm, long warm-up"]
    said("start √48 times smaller ({:.2f}), and a warm-up of 75 instead of 15 updates ({:.2f}).", *cures, on=PAGE)
    said("post-norm reaches {:.2f}.", best["post-norm, frequencies"], on=PAGE)
    said("and the model ends at {:.2f} nats instead of {:.2f}.", best["frequencies"], best["complete"])
    long = best["post-norm, long"], best["complete, long"]
    said("up to 0.002 and reaches {:.2f} nats, pre-norm {:.2f}.", *long)
    differs = states.differs.map(math.log).groupby(level=[0, 1, 2, 3]).mean().map(math.exp)["complete", 0.01]
    said("Pre-norm falls from {:.2f} to {:.3f} at update 21 and rises", *(differs[step, 24] for step in (0, 20)))
    said("rises again to {:.2f} at update 150.", differs[149, 24])


def test_small_embeddings(said, deep, states):
    best, rates = deep.groupby("arm").min(), dict(deep.groupby("arm").idxmin().tolist())
    differs = states.differs.groupby(level=["arm", "step", "layer"]).mean()
    small, gpt2 = "complete, small embeddings", "complete, GPT-2's initialization"
    first = 100 * differs[small, 0, 24], 100 * differs[gpt2, 0, 24]
    said("{:.0f} % differs between tokens with small embeddings alone, before training, and {:.0f} % with all", *first)
    said("reaches {:.2f} and {:.2f} nats; with N(0, 1), it reached {:.2f}", best[small], best[gpt2], best["complete"])
    quick, slow = "no norm, small embeddings", "no norm, small embeddings, slow"
    said("Yet this arm learns best, {:.2f} nats", best[quick])
    said("such models do best [without](../book/negative_results.md): {:.2f} nats, against {:.2f}.", best[quick],
         best["complete"])  # fmt: skip
    said("made 0.02 times as large, too, it reaches {:.2f}.", best[slow])
    said("cost pre-norm {:.2f} nats ({:.2f})", best[small] - best["complete"], best[small], on=PAGE)
    gain = best["no norm"] - best[quick]
    said("for post-norm ({:.2f}), and gain {:.2f} without", best["post-norm, small embeddings"], gain, on=PAGE)
    said("without a norm ({:.2f}). There, small", best[quick], on=PAGE)
    said("It does: {:.2f}.", best[slow], on=PAGE)
    without = best["no norm, GPT-2's initialization"]
    said("pre-norm is back at {:.2f}, and the model without a norm at {:.2f}.", best[gpt2], without, on=PAGE)
    size = {arm: states["size"].xs((arm, rates[arm], 0), level=["arm", "learning_rate", "layer"])
            for arm in ("no norm", quick, slow)}  # fmt: skip
    grown = {arm: rows[149].mean() / rows[0].mean() for arm, rows in size.items()}
    assert round(grown[quick]) == 4
    assert all(0.95 < grown[arm] < 1.02 for arm in ("no norm", slow))
    said("so they grow fourfold in 150 updates, while those from N(0, 1) stay nearly as random", on=PAGE)
    left = {arm: states.differs[arm, rates[arm], 50, 24] for arm in (quick, slow)}
    assert left[slow].max() < 0.01
    said("less than 1 % of the squared stream differs between them, in place of {:.0f} %.", 100 * left[quick].mean(),
         on=PAGE)  # fmt: skip


def test_what_each_part_is_worth(said, parts):
    runs = parts.nats["run"].groupby(level=["n_layer", "arm"]).mean()
    names = ("complete", "post-norm", "no norm", "no feed-forward", "no positions", "no attention", "no residual")
    four, two = runs[4], runs[2]
    said("Four blocks: complete {:.2f}, post-norm {:.2f}, no norm {:.2f}, no feed-forward {:.2f}, no positions {:.2f}, "
         "no attention {:.2f}, which is", *four[list(names[:6])])  # fmt: skip
    said("Two blocks: complete {:.2f}, post-norm {:.2f}, no norm {:.2f}, no feed-forward {:.2f}, no positions {:.2f}, "
         "no attention {:.2f}, no residual {:.2f}.", *two[list(names)])  # fmt: skip
    cost = {arm: (four[arm] - four["complete"], two[arm] - two["complete"]) for arm in names}
    said("**Positions** are worth {:.2f} nats with four blocks and {:.2f} with two.", *cost["no positions"])
    said("**Feed-forward networks** are worth {:.2f} and {:.2f}, and hold", *cost["no feed-forward"])
    said("And here the norms cost {:.2f} and {:.2f} nats.", *(-each for each in cost["no norm"]))
    said("only bigrams, {:.2f}.", four["no attention"])
    said("reach {:.2f} nats with it and {:.2f} without.", four["complete"], four["no final norm"])
    said("four blocks are back at {:.2f}, so", four["one final scale"])
    assert cost["no positions"][0] >= 0.13
    said("Here, positions still gain 0.13 nats or more.")


def test_the_page_on_removing_parts(said, parts):
    def of(arm: str, n_layer: int = 4) -> tuple[float, float]:
        return spread(parts.nats["run", n_layer, arm])

    rules = parts.nats["n-gram", 0]
    said("only 4 blocks without norms pass the 3-gram ({:.3f}).", rules["3-gram"].item(), on=PAGE)
    said("{:.3f} ± {:.3f} against {:.3f} ± {:.3f} with 2 blocks, {:.3f} ± {:.3f} against {:.3f} ± {:.3f} with 4.",
         *of("no norm", 2), *of("complete", 2), *of("no norm"), *of("complete"), on=PAGE)  # fmt: skip
    scale = (*of("one final scale"), *of("no final norm"))
    said("({:.3f} ± {:.3f}; without it {:.3f} ± {:.3f}), and a gain", *scale, on=PAGE)
    said("a gain that starts at 4 ({:.3f} ± {:.3f}).", *of("final gain of 4"), on=PAGE)
    said("with 2 and 4 blocks: {:.3f} ± {:.3f} and {:.3f} ± {:.3f}.", *of("post-norm", 2), *of("post-norm"), on=PAGE)
    said("with pre-norm {:.3f} and {:.3f}.", of("complete", 2)[0], of("complete")[0], on=PAGE)
    two = (*of("no residual", 2), rules["2-gram"].item())
    said("Two blocks reach {:.2f} ± {:.2f}, worse than the bigram ({:.3f}).", *two, on=PAGE)
    said("Without attention: {:.3f} ± {:.3f}, the bigram's loss.", *of("no attention"), on=PAGE)
    layers = (*of("no feed-forward"), *of("no feed-forward", 2))
    said("Without feed-forward layers: {:.3f} ± {:.3f}, and {:.3f} ± {:.3f} with 2", *layers, on=PAGE)
    said("Without positions: {:.3f} ± {:.3f}.", *of("no positions"), on=PAGE)


def test_votes_and_places(said):
    ten = results.load("positions").query("seed < 100").groupby(["arm", "distance"]).score
    mean, percent = ten.mean(), 100 * ten.mean()
    said("are right in {:.0f}, {:.0f} and {:.0f} % of sentences at 7", *(percent["none", d] for d in (7, 13, 28)))
    far = percent["sinusoidal", 28], percent["sinusoidal", 100]
    said("the ten reach {:.0f} % at 28 words, but only {:.0f} % at 100.", *far)
    assert ten.max()["rotary", 28] < 0.54
    said("Rotary, explained below, only guesses at 28, with every seed.")
    assert mean["two blocks", 100] > 0.98
    hiding = results.load("positions_attention").query("arm == 'sinusoidal' and longest == 13").set_index("distance")
    at_61, at_100 = hiding.loc[61], hiding.loc[100]
    assert (at_61.hidden > at_61.score).all()
    said("helps all ten models, from a mean score of {:.2f} to {:.2f}.", *at_61[["score", "hidden"]].mean())
    helped = (at_100.hidden > at_100.score).sum()
    said("it helps {:words}, from {:.2f} to {:.2f}.", helped, *at_100[["score", "hidden"]].mean())
