import math

import pandas as pd
import pytest

from lecture21.course.chapters import results

PAGE = "negative_results"


class Ladder:
    """The runs of one edition: means over seeds, and differences of the same seeds with their standard errors."""

    def __init__(self, table: str) -> None:
        self.table = results.load(table)
        runs = self.table.query("part == 'run'")
        self.own = runs.pivot(index="seed", columns="rung", values="bits")  # in windows of the length of training
        self.bits = runs.pivot(index="seed", columns="rung", values="bits_at_32")
        self.mean = self.bits.mean()
        counts = self.table.query("part == 'count'").set_index("rung").bits
        self.counts = {window: counts[f"5-gram in windows of {window}"] for window in (32, 64)}

    def gain(self, rung: str, other: str = "GPT-0") -> tuple[float, float]:
        difference = (self.bits[other] - self.bits[rung]).dropna()
        return difference.mean(), difference.sem()

    def loss(self, rung: str, other: str = "GPT-0") -> tuple[float, float]:
        mean, error = self.gain(rung, other)
        return -mean, error


@pytest.fixture
def plays() -> Ladder:
    return Ladder("gpt_ladder")


@pytest.fixture
def shorter() -> Ladder:
    return Ladder("gpt_ladder_char_rnn")


HALF = "GPT-0, half the characters"


def test_schedules_and_muon(said, plays):
    cosine = plays.mean["AdamW, warm-up"] - plays.mean["AdamW, warm-up, cosine"]
    said("GPT-1's schedule is worth {:.2f} bits", plays.gain("AdamW, warm-up, cosine", "Adam")[0])
    assert abs(plays.gain("AdamW, warm-up", "Adam")[0]) < plays.gain("AdamW, warm-up", "Adam")[1] < cosine
    said("they differ from Adam by less than one standard error.")
    said("Muon gains another {:.2f} bits, and only", plays.gain("GPT-0", "AdamW, warm-up, cosine")[0])
    said("does GPT-0 pass the 5-gram, at {:.3f}.", plays.counts[32])
    assert plays.bits["GPT-0"].max() < plays.counts[32] < plays.bits["AdamW, warm-up, cosine"].min()


def test_what_the_rungs_change(said, plays):
    bits = plays.table.query("part == 'run'").groupby("rung").first()
    pairs = plays.gain("byte pairs, equal compute")[0]
    said("**Byte pairs help at equal compute**, by {:.2f} bits.", pairs)
    text = bits.characters["byte pairs, equal compute"] / bits.characters["GPT-0"]
    said("A token has {:.2f} characters", bits.characters["byte pairs"] / bits.tokens["byte pairs"])
    said("covers {:.1f} times as much text", text)
    larger = [plays.gain(rung, HALF)[0] for rung in ("width", "depth")]
    said("are worth {:.3f} bits in width and {:.3f} in depth.", *larger)
    compute = [plays.loss(rung)[0] for rung in ("width", "depth")]
    said("they lose {:.3f} and {:.3f}, because half of the text costs {:.3f}.", *compute, plays.loss(HALF)[0])
    said("**A constant learning rate harms**, by {:.2f} bits", plays.loss("constant learning rate")[0])
    gelu = plays.bits["GPT-0"] - plays.bits["GELU"]
    said("**GELU helps**, by {:.3f} bits: it is better at {:words} of ten seeds.", gelu.mean(), (gelu > 0).sum())
    said("width helps by {:.3f}, 8 layers by {:.3f}, GELU by {:.3f};", *larger, gelu.mean())
    sizes = bits.parameters
    said("It saves {:,} parameters, and no harm shows.", sizes["GPT-0"] - sizes["tied head"])
    seen = bits.characters["GPT-0"] / sizes["GPT-0"], bits.characters["width"] / sizes["width"]
    said("it sees {:.1f} characters for each of its parameters, and twice the parameters on half of the text leave "
         "{:.1f}.", *seen)  # fmt: skip
    said("GPT-0 is trained on {:,} characters", bits.characters["GPT-0"])
    context = plays.loss("context")[0]
    said("a context of 64 *loses* {:.2f} bits, and even in its own windows of 64, where the 5-gram gains {:.3f}",
         context, plays.counts[32] - plays.counts[64])  # fmt: skip


def test_the_other_edition(said, plays, shorter):
    said("with {:.3f} bits to {:.3f}. GELU's gain, {:.3f}, is no", shorter.mean["GPT-0"], shorter.counts[32],
         shorter.gain("GELU")[0])  # fmt: skip
    assert max(abs(plays.gain(rung, HALF)[0] - shorter.gain(rung, HALF)[0]) for rung in ("width", "depth")) < 0.0031
    said("half of it costs {:.3f} bits instead of {:.3f}.", shorter.loss(HALF)[0], plays.loss(HALF)[0])
    pairs = [ladder.gain("byte pairs, equal compute")[0] for ladder in (shorter, plays)]
    said("gain {:.2f} instead of {:.2f}, and the larger models", *pairs)


def test_known_and_new_plays(said, plays, shorter):
    table = results.load("new_play")
    bits = table.set_index(["edition", "play", "model"]).sort_index()["bits"]
    known, new = "The Taming of the Shrew", "The Tempest"
    shares = {}
    for edition, ladder in {"plays": plays, "char-rnn": shorter}.items():
        assert bits[edition, known, "GPT-0"].min() > bits[edition, known, "5-gram"].item() + 0.1
        assert bits[edition, new, "GPT-0"].max() < bits[edition, new, "5-gram"].item() - 0.08
        lengths = table.query("edition == @edition").groupby("play").characters.first()
        shares[edition] = lengths[new] / lengths.sum()
        mean = sum(bits[edition, play, "5-gram"].item() * lengths[play] for play in (known, new)) / lengths.sum()
        assert mean == pytest.approx(ladder.counts[32], abs=0.002)  # the windows begin elsewhere
    said("In both editions the 5-gram wins on *The Taming of the Shrew* and GPT-0 on *The Tempest*")
    said("Only {:.0f} % of its validation text is from a play that the training text lacks, where ours has {:.0f} %.",
         100 * shares["char-rnn"], 100 * shares["plays"])  # fmt: skip
    costs = [ladder.loss(HALF)[0] for ladder in (plays, shorter)]
    difference = (costs[1] - costs[0]) / (shares["plays"] - shares["char-rnn"])
    on_new = costs[0] - (1 - shares["plays"]) * difference
    said("costs {:.3f} bits on the first, and {:.3f} on the new one.", on_new + difference, on_new)
    said("only the difference, {:.3f}, can fail.", difference)
    measured = [
        (bits[edition, play, HALF].mean() - bits[edition, play, "GPT-0"].mean()) * sign / 2
        for edition in shares
        for play, sign in ((known, 1), (new, -1))
    ]
    said("half the text costs {:.2f} bits less on the new play.", sum(measured))


def test_a_longer_context_in_short_runs(said):
    best = {"learned, 32": 4, "learned, 64": 4, "rotary, 32": 2, "rotary, 64": 2}  # those that ran with three seeds
    runs = results.load("context")
    bits = runs[runs.factor == runs.arm.map(best)].groupby("arm").bits.mean()
    said("loses even more: {:.2f} bits in its own windows.", bits["learned, 64"] - bits["learned, 32"])
    assert abs(bits["rotary, 64"] - bits["rotary, 32"]) < 0.01
    table = results.load("context_positions")
    at = table[table.factor == table.arm.map(best)].groupby(["arm", "position"]).bits.mean()
    gap = {kind: at[f"{kind}, 64"].loc[:31] - at[f"{kind}, 32"] for kind in ("learned", "rotary")}
    said("the model of the longer window loses about {:.2f} bits", gap["learned"].loc[2:].mean())
    said("They take three quarters of it: {:.2f} bits are left", gap["rotary"].loc[2:].mean())
    said("both kinds lose too, {:.2f} and {:.2f} bits", gap["learned"][0], gap["rotary"][0])
    said("worse by {:.2f} bits at the positions from the third to the 32nd, and by {:.2f} at the first.",
         gap["learned"].loc[2:].mean(), gap["learned"][0], on=PAGE)  # fmt: skip


def test_the_page_on_the_way_to_gpt1(said, plays, shorter):
    def spread(ladder: Ladder, rung: str) -> tuple[float, float]:
        return ladder.bits[rung].mean(), ladder.bits[rung].std()

    said("GPT-0 has {:.3f} ± {:.3f}, the 5-gram {:.3f}.", *spread(plays, "GPT-0"), plays.counts[32], on=PAGE)
    said("lose {:.3f} ± {:.3f} and {:.3f} ± {:.3f} bits. At equal characters they gain {:.3f} ± {:.3f} and {:.3f} ± "
         "{:.3f}, but half of the characters cost {:.3f}.", *plays.loss("depth"), *plays.loss("width"),
         *plays.gain("depth", HALF), *plays.gain("width", HALF), plays.loss(HALF)[0], on=PAGE)  # fmt: skip
    said("seeds): {:.3f} ± {:.3f} bits against {:.3f}.", *spread(shorter, "GPT-0"), shorter.counts[32], on=PAGE)
    said("it gains {:.3f} ± {:.3f} bits with ten seeds, on our plays {:.3f}.", *shorter.gain("GELU"),
         plays.gain("GELU")[0], on=PAGE)  # fmt: skip
    said("N(0, 0.02) loses {:.3f} ± {:.3f}, the tied head gains {:.3f} ± {:.3f} on that", *shorter.loss("N(0, 0.02)"),
         *shorter.gain("tied head", "N(0, 0.02)"), on=PAGE)  # fmt: skip
    own = (plays.own["context"] - plays.own["GPT-0"]).dropna()
    said("where the 5-gram gains {:.3f} over windows of 32: it loses {:.3f} ± {:.3f}.",
         plays.counts[32] - plays.counts[64], own.mean(), own.sem(), on=PAGE)  # fmt: skip
    said("In windows of 32 it loses {:.3f}.", plays.loss("context")[0], on=PAGE)
    said("change {:.3f} ± {:.3f} bits for the worse and {:.3f} ± {:.3f} for the better", *plays.loss("N(0, 0.02)"),
         *plays.gain("post-norm"), on=PAGE)  # fmt: skip
    said("{:.3f} ± {:.3f} for the better, and by {:.3f} ± {:.3f} if", *plays.gain("tied head", "N(0, 0.02)"),
         *plays.gain("tied head, its rate", "N(0, 0.02)"), on=PAGE)  # fmt: skip
    tokens = (plays.own["GPT-0"] - plays.own["byte pairs"]).dropna()
    said("lose {:.3f} ± {:.3f} bits in windows of 32 characters and gain {:.3f} ± {:.3f} in windows of 32 tokens.",
         *plays.loss("byte pairs"), tokens.mean(), tokens.sem(), on=PAGE)  # fmt: skip
    compute = (plays.own["GPT-0"] - plays.own["byte pairs, equal compute"]).dropna().mean()
    said("they gain {:.3f} and {:.3f}.", plays.gain("byte pairs, equal compute")[0], compute, on=PAGE)
    said("At its best rates it has {:.3f} ± {:.3f}; with weight decay and a warm-up {:.3f} ± {:.3f}, which is no gain; "
         "with a cosine to 0 in addition {:.3f} ± {:.3f}.", *spread(plays, "Adam"), *spread(plays, "AdamW, warm-up"),
         *spread(plays, "AdamW, warm-up, cosine"), on=PAGE)  # fmt: skip
    said("Muon's loss is {:.3f} ± {:.3f} higher.", *plays.loss("constant learning rate"), on=PAGE)
    ten = math.log(2) * plays.bits["GPT-0"]
    assert len(ten) == 10
    said("GPT-0 has {:.3f} to {:.3f} with Muon (chapter 09)", ten.min(), ten.max(), on=PAGE)


def test_a_repeated_rung_has_the_models_and_the_budget_of_the_plays(plays, shorter):
    budget = ["steps", "parameters", "tokens", "tflop"]
    first, second = (ladder.table.query("part == 'run'").groupby("rung")[budget] for ladder in (plays, shorter))
    assert (first.nunique() == 1).all(axis=None)
    assert (second.nunique() == 1).all(axis=None)
    per_character = [rung for rung in second.first().index if rung != "byte pairs"]  # steps depend on what they merge
    pd.testing.assert_frame_equal(second.first().loc[per_character], first.first().loc[per_character])
