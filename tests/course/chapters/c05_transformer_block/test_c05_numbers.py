import math

import pandas as pd
import pytest
from said import spread

from lecture21.course.chapters import results

LAB, PAGE = "depth", "negative_results"


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


def test_without_attention_the_plus_is_needed_too(said):
    nats = results.load("plus").groupby(["arm", "learning_rate"]).nats.mean()
    added, replaced = nats["no attention"], nats["no attention, no residual"]
    unigram = results.load("depth").query("arm == '1-gram'").nats.item()
    said("24 such blocks with norms reach {:.2f} nats per character with the plus.", added.min())
    said("they learn only how frequent each character is, which gives {:.2f}.", unigram)
    assert added.idxmin() == max(added.index) == 0.02
    said("the best mean is {:.2f} nats, at 0.02, the largest rate.", added.min())
    said("all five means are between {:.2f} and {:.2f}.", replaced.min(), replaced.max())


def test_what_the_norm_is_for(said):
    runs = results.load("norm_scale")
    assert runs.groupby(["arm", "scale", "learning_rate"]).seed.nunique().eq(10).all()
    assert runs.query("arm in ['no norm', 'final norm only'] and scale == 2").nats.isna().all()
    assert runs.query("arm == 'complete'").nats.notna().all()
    plain = runs.query("arm == 'no norm' and scale == 1")
    assert plain[plain.nats.isna()].learning_rate.unique() == [0.05]  # which the page calls the largest
    assert runs.learning_rate.nunique() == 6


def test_24_blocks_after_150_updates(said, deep, states):
    best = deep.groupby("arm").min()
    unigram = results.load("depth").query("arm == '1-gram'").nats.item()
    pre = deep["complete"]
    said("falls from {:.2f} at 0.001 to {:.2f} at 0.02 and is {:.2f} at 0.05.", pre[0.001], pre[0.02], pre[0.05],
         on=LAB)  # fmt: skip
    said("The post-norm curve falls from {:.2f} to {:.2f} and stays", deep["post-norm", 0.001], best["post-norm"],
         on=LAB)  # fmt: skip
    said("dashed line of the character frequencies, {:.2f}.", unigram, on=LAB)
    said("which end at {:.2f} nats, where the frequencies of characters give {:.2f}:", best["post-norm"], unigram,
         on=PAGE)  # fmt: skip
    cures = best["post-norm, small layers"], best["post-norm, long warm-up"]
    said("start √48 times smaller ({:.2f}), and a warm-up of 75 instead of 15 updates ({:.2f}).", *cures, on=PAGE)
    said("ends at {:.2f} nats in place of {:.2f}.", best["frequencies"], best["complete"], on=LAB)
    ten = results.load("norm_scale").query("arm == 'complete' and scale == 1").groupby("learning_rate").nats.mean()
    said("with ten, chapter 05 has {:.2f} where we have {:.2f}", ten.min(), best["complete"], on=LAB)
    long = best["post-norm, long"], best["complete, long"]
    said("reaches {:.2f} nats where pre-norm reaches {:.2f}.", *long, on=LAB)
    assert abs(best["no residual"] - unigram) < 0.02
    said("without the plus, 24 blocks stop at {:.2f}.", best["no residual"])


def test_tokens_that_drown_and_come_back(said, deep, states):
    def left(arm: str, rate: float, step: int) -> pd.Series:
        return states.differs[arm, rate, step, 24]

    shares = [100 * left(arm, 0.01, 0).mean() for arm in ("no norm", "post-norm", "post-norm, small layers")]
    said("no norm has {:.0f} %, hardly more than post-norm's {:.0f} %, and", *shares[:2], on=LAB)
    said("post-norm with smaller layers has {:.0f} % and", shares[2], on=LAB)
    best = deep.groupby("arm").min()
    said("and learns ({:.2f})", best["no norm"], on=LAB)
    said("hardly learns ({:.2f})", best["post-norm, small layers"], on=LAB)
    assert left("complete", 0.02, 20).mean() < 0.006
    assert 0.4 < left("complete", 0.02, 149).mean() < 0.6
    assert 0.45 < left("frequencies", 0.02, 20).mean() < 0.5
    assert left("post-norm", 0.001, 149).max() < 0.001
    assert left("post-norm, frequencies", 0.001, 20).max() < 0.02
    assert left("post-norm, frequencies", 0.001, 149).min() > 0.4
    some = (left("post-norm, frequencies", 0.005, 149) > 0.3).sum()
    said("at 0.005 in {:words} runs of five, and from 0.01 on in none", some, on=LAB)
    assert all(left("post-norm, frequencies", rate, 149).max() < 1e-5 for rate in (0.01, 0.02))
    back = (left("post-norm, long warm-up", 0.002, 149) > 0.05).sum()
    said("brings the tokens back here too, in {:words} of five runs", back, on=LAB)


def test_small_embeddings(said, deep):
    best = deep.groupby("arm").min()
    small, quick = "complete, small embeddings", "no norm, small embeddings"
    said("models without norms are best: {:.2f} against {:.2f}.", best[quick], best[small])
    said("cost pre-norm {:.2f} nats ({:.2f})", best[small] - best["complete"], best[small], on=PAGE)
    gain = best["no norm"] - best[quick]
    said("for post-norm ({:.2f}), and gain {:.2f} without", best["post-norm, small embeddings"], gain, on=PAGE)
    said("without a norm ({:.2f}).", best[quick], on=PAGE)


def test_what_each_part_is_worth(said, parts):
    runs = parts.nats["run"].groupby(level=["n_layer", "arm"]).mean()
    names = ("complete", "post-norm", "no norm", "no feed-forward", "no positions", "no attention", "no residual")
    four, two = runs[4], runs[2]
    said("Four blocks: complete {:.2f}, post-norm {:.2f}, no norm {:.2f}, no feed-forward {:.2f}, no positions {:.2f}, "
         "no attention {:.2f}, which is", *four[list(names[:6])], on=LAB)  # fmt: skip
    said("Two blocks: complete {:.2f}, post-norm {:.2f}, no norm {:.2f}, no feed-forward {:.2f}, no positions {:.2f}, "
         "no attention {:.2f}, no residual {:.2f}.", *two[list(names)], on=LAB)  # fmt: skip
    cost = {arm: (four[arm] - four["complete"], two[arm] - two["complete"]) for arm in names}
    said("Positions are worth {:.2f} nats with four blocks and {:.2f} with two", *cost["no positions"], on=LAB)
    said("the feed-forward networks {:.2f} and {:.2f}.", *cost["no feed-forward"], on=LAB)
    said("The norms cost {:.2f} and {:.2f}, mostly", *(-each for each in cost["no norm"]), on=LAB)
    said("without it alone, four blocks reach {:.2f}.", four["no final norm"], on=LAB)
    narrow = results.load("depth").query("n_layer == 4").groupby(["arm", "learning_rate"]).nats.mean()
    narrow = narrow.groupby("arm").min()
    gains = narrow["complete"] - narrow["no final norm"], narrow["frequencies"] - narrow["no final norm, frequencies"]
    said("in narrower models, leaving it out gains {:.2f}, but {:.2f} if the frequencies are given.", *gains, on=LAB)
    rules = parts.nats["n-gram", 0]
    said("which gives {:.2f} on this text.", rules["1-gram"].item(), on=LAB)
    assert abs(four["no residual"] - rules["1-gram"].item()) < 0.01
    assert abs(four["no attention"] - rules["2-gram"].item()) < 0.02
    said("the complete model, at {:.2f}, is worse than a trigram, a table of counts, at {:.2f}.", four["complete"],
         rules["3-gram"].item(), on=LAB)  # fmt: skip
    said("A dashed line at {:.2f} is the trigram.", rules["3-gram"].item(), on=LAB)
    assert cost["no positions"][0] >= 0.13
    said("positions still gain 0.13 nats or more.")


def test_the_page_on_removing_parts(said, parts):
    def of(arm: str, n_layer: int = 4) -> tuple[float, float]:
        return spread(parts.nats["run", n_layer, arm])

    scale = (*of("one final scale"), *of("no final norm"))
    said("({:.3f} ± {:.3f}; without it {:.3f} ± {:.3f}), and a gain", *scale, on=PAGE)
    said("a gain that starts at 4 ({:.3f} ± {:.3f}).", *of("final gain of 4"), on=PAGE)
    said("with pre-norm {:.3f} and {:.3f}.", of("complete", 2)[0], of("complete")[0], on=PAGE)


def test_votes_and_places(said):
    ten = results.load("positions").query("seed < 100").groupby(["arm", "distance"]).score
    mean, least, most = ten.mean(), ten.min(), ten.max()
    for arm in ("none", "bag of words", "two blocks, no mask"):
        assert all(abs(mean[arm, d] - mean["none", d]) < 0.05 for d in (7, 10, 13, 28, 100)), arm
    for arm in ("sinusoidal", "rotary"):
        assert all(mean[arm, d] > 0.98 for d in (1, 4, 7, 10, 13)), arm
    assert mean["sinusoidal", 28] > 0.95
    assert most["rotary", 28] < 0.54
    assert least["two blocks", 100] > 0.98
    said("in at least {} % of the sentences, for every seed", int(100 * least["two blocks", 100]))


def test_what_heads_with_positions_attend_to(said):
    table = results.load("positions_attention")
    backs = table.query("distance == 61").groupby(["arm", "longest"]).peak_back.agg(list)
    near = [sum(back in near for back in backs["rotary", n]) for n, near in ((13, (12, 15)), (19, (18, 21)))]
    assert near == [9, 9]
    said("{:words} of ten rotary heads attend most to the word 12 or 15 back, or 18 or 21", near[0], on=LAB)
    said("and {:words} of ten heads with clocks to the first person", backs["sinusoidal", 13].count(60), on=LAB)
    hiding = table.query("arm == 'sinusoidal' and longest == 13").set_index("distance")
    at_61, at_100 = hiding.loc[61], hiding.loc[100]
    assert (at_61.hidden > at_61.score).all()
    said("helps all ten models, from a mean score of {:.2f} to {:.2f}.", *at_61[["score", "hidden"]].mean(), on=LAB)
    helped = (at_100.hidden > at_100.score).sum()
    said("it helps {:words}, from {:.2f} to {:.2f}.", helped, *at_100[["score", "hidden"]].mean(), on=LAB)
    turns = [57 * 10000 ** (-2 * i / 32) / (2 * math.pi) for i in range(3)]
    said("have turned {:.2f}, {:.2f} and {:.2f} times", *turns, on=LAB)
    assert max(360 * abs(turn - round(turn)) for turn in turns) < 50
    ten = results.load("positions").query("seed < 100 and arm == 'sinusoidal' and distance == 100").score
    said("it is right in {:.0f} % of the sentences with up to two adjectives before the subject ({:.0f} % with none",
         100 * ten.mean(), 100 * at_100.score.mean(), on=LAB)  # fmt: skip
