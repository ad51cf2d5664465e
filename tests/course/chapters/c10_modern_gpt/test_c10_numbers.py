import pandas as pd
import pytest
from said import spread

from lecture21 import GPT, presets
from lecture21.course.chapters import results
from lecture21.pretrained.storage import read_card
from lecture21.training import recipe

PAGE = "negative_results"


@pytest.fixture
def plays() -> pd.DataFrame:
    return results.load("modern").set_index("arm")


@pytest.fixture
def other() -> pd.DataFrame:
    return results.load("modern_char_rnn").set_index("arm")


@pytest.fixture
def ablation() -> pd.DataFrame:
    """Losses, one row for each seed and one column for each arm."""
    return results.load("modern_ablation").query("part == 'run'").pivot(index="seed", columns="arm", values="nats")


def test_the_modern_recipe_against_nanogpt(said, plays):
    nats, seconds = plays.nats.groupby("arm").mean(), plays.seconds.groupby("arm").mean()
    for arm in ("modern", "modern-gpt0"):
        window = plays.loc[arm].window.max()
        five_gram = plays[plays.window == window].loc["5-gram", "nats"]
        assert len(plays.loc[arm]) == 3
        assert plays.loc[arm, "nats"].max() < five_gram < plays.loc["nanogpt", "nats"].min()
    lines = plays.query("window == 64").nats
    said("in windows of 64, it ends at {:.2f} nats, behind the 5-gram with {:.2f}. The preset `modern`, with the new "
         "parts, the same size and as many characters, has {:.2f}.", nats["nanogpt"], lines["5-gram"],
         nats["modern"])  # fmt: skip
    said("with the best of four learning rates reaches {:.2f}, and a third of the gap is gone", nats["nanogpt, 0.004"])
    assert sum(arm.startswith("nanogpt") for arm in nats.index) == 4
    tuned = nats["nanogpt"] - nats["nanogpt, 0.004"]
    assert 0.29 < tuned / (nats["nanogpt"] - nats["modern"]) < 0.37
    assert 1.8 < seconds["modern"] / seconds["nanogpt"] < 2.1
    assert seconds["equal time"] < 1.05 * seconds["nanogpt"]
    assert 7 * seconds["small modern"] < seconds["nanogpt"]
    assert plays.loc["small modern", "nats"].max() < min(1.88, plays.loc["nanogpt", "nats"].min())


def test_the_page_on_the_modern_recipe(said, plays, other):
    def of(arm: str, runs: pd.DataFrame = plays) -> tuple[float, float]:
        return spread(runs.loc[arm].nats)

    five_gram = plays[plays.window == 64].loc["5-gram", "nats"]
    said("reaches {:.3f} ± {:.3f}; nanoGPT's recipe reaches {:.3f} ± {:.3f} with its published learning rate, and "
         "{:.3f} ± {:.3f} with a tuned one. Both are worse than the 5-gram in windows of 64, {:.3f}.", *of("modern"),
         *of("nanogpt"), *of("nanogpt, 0.004"), five_gram, on=PAGE)  # fmt: skip
    said("has {:.3f} ± {:.3f}, and the modern recipe {:.3f} ± {:.3f} (validation text, three seeds).",
         *of("small nanogpt, 0.016"), *of("small modern"), on=PAGE)  # fmt: skip
    said("reach {:.3f} ± {:.3f} on the plays, `modern` {:.3f} ± {:.3f}; on Tiny Shakespeare {:.3f} ± {:.3f} and {:.3f} "
         "± {:.3f} (table", *of("equal time"), *of("modern"), *of("equal time", other), *of("modern", other),
         on=PAGE)  # fmt: skip


def test_a_table_of_pairs_reaches_the_loss_of_modern_in_the_time_of_nanogpt(said, other):
    table = results.load("minutes")
    runs, search = table.query("part == 'run'").set_index("arm").nats, table.query("part == 'search'").set_index("arm")
    quarter = runs[runs.index.str.startswith("nanogpt")]
    assert (runs.drop(quarter.index).groupby("arm").size() == 3).all()
    assert runs["pairs, 96"].max() < other.loc["modern", "nats"].min()
    tuned = other.loc["nanogpt, 0.004", "nats"]
    said("reach {:.3f} ± {:.3f} in nanoGPT's time, and two of width 64 {:.3f} ± {:.3f} in a quarter of it, where "
         "nanoGPT's recipe, its rate tuned, has {:.3f} after that quarter (one seed) and {:.3f} ± {:.3f} after all",
         *spread(runs["pairs, 96"]), *spread(runs["pairs, 64"]), quarter.min(), *spread(tuned), on=PAGE)  # fmt: skip
    assert runs["pairs, 64"].max() < tuned.min()
    parameters = search.parameters
    assert round((parameters["pairs, 64"] - parameters["plain, 64"]) / 1e6, 1) == 0.3


def test_names_of_speakers(said, other):
    means = other[["names", "renamed"]].groupby("arm").mean().loc[["nanogpt", "modern"]]
    said("nanoGPT pays {:.1f} nats for a character of a speaker's name in *The Tempest*, and `modern` {:.1f}; if the "
         "speakers are called like those of the training text, {:.2f} and {:.2f}.", *means.names, *means.renamed,
         on=PAGE)  # fmt: skip


def test_one_part_at_a_time(said, ablation):
    complete = ablation["modern-gpt0"]
    effect = (ablation.sub(complete, axis=0)).mean()
    tuned = effect[["learned positions, embeddings 2", "AdamW, embeddings 4"]]
    said("**Rotary positions pay {:.2f} nats over learned ones, and Muon {:.2f} over AdamW.**", *tuned)
    said("In a small model, rotary positions pay {:.2f} nats and Muon {:.2f}", *tuned)
    said("Without it, they lose {:.2f} and {:.2f}.", *effect[["learned positions", "AdamW"]])
    assert effect[["constant rate", "dropout 0.1"]].min() > effect["AdamW, embeddings 4"]  # "more than Muon pays"
    said("QK-norm pays {:.2f}", effect["no QK-norm"])
    new = effect[["no QK-norm", "initialization of torch", "no logit cap", "LayerNorm", "grouped queries"]]
    assert tuned.min() > 2 * new.max()


def test_losses_of_the_short_runs_and_their_text(said, ablation):
    rows = results.load("modern_ablation").set_index("arm")
    run = recipe("modern-gpt0")
    said("It ends at {:.2f} nats, behind the 5-gram.", ablation["modern-gpt0"].mean())
    assert ablation["modern-gpt0"].min() > rows.loc["5-gram", "nats"]
    said("A run is short: {} updates, a sixth of the text", 204_800 // (16 * 32))
    assert run.steps * run.batch_size * presets.get("modern-gpt0").block_size == 6 * 204_800


@pytest.mark.parametrize(("arm", "times"), [("AdamW", 4), ("learned positions", 2)])
def test_what_the_recipe_was_not_tuned_for_has_its_best_rate_of_embeddings(arm, times):
    search = results.load("modern_ablation").query("part == 'search'").groupby("arm").nats.min()
    nats = [search[f"{arm}, embeddings {each}"] for each in (times, 2 * times)]
    nats.append(search[arm if times == 2 else f"{arm}, embeddings {times // 2}"])
    assert min(nats) == nats[0]


def test_the_page_on_one_part_at_a_time(said, ablation):
    def says(sentence: str, *arms: str) -> None:
        said(sentence, *(value for arm in arms for value in spread(ablation[arm])), on=PAGE)

    said(
        "Complete, the loss is {:.3f} ± {:.3f} after so short a run", *spread(ablation["modern-gpt0"].loc[:2]), on=PAGE
    )
    says("with constant learning rates gives {:.3f} ± {:.3f}, no better", "constant rate, averaged weights")
    says("give {:.3f} ± {:.3f}, and batches of 8 give {:.3f} ± {:.3f}.", "batches of 32", "batches of 8")
    says("The square of a leaky ReLU of slope ½ has {:.3f} ± {:.3f}.", "squared leaky ReLU")
    says("A V with slope −¼ left of 0 gives {:.3f} ± {:.3f}, as good as GELU.", "V")
    assert abs((ablation["V"] - ablation["GELU"]).mean()) < 0.01
    says("doubles with their size: {:.3f} ± {:.3f}.", "twice torch")


def test_shuffled_passes(said):
    table = results.load("shuffled").pivot_table(index=["passes", "seed"], columns="arm", values="nats")
    assert (table.groupby("passes").size() == 3).all()
    gains = table[["shuffled"]].rsub(table["random"], axis=0)
    shuffled = gains.groupby("passes").mean()["shuffled"]
    said("The gain is {:.3f} ± {:.3f} nats in one pass, {:.3f} in two, {:.3f} in four and {:.3f} in eight.",
         *spread(gains["shuffled"][1]), shuffled[2], shuffled[4], shuffled[8], on=PAGE)  # fmt: skip
    assert shuffled[[0.2, 0.5]].abs().max() < 0.007


def test_the_record_is_that_of_the_preset_with_its_recipe(said):
    table = results.load("record").query("edition == 'char-rnn'")
    config, run = presets.get("modern-laptop", vocab_size=66), recipe("modern-laptop")
    last = table[table["step"] == run.steps].set_index("seed")
    assert set(last.index) == set(table["seed"])
    assert (table["parameters"] == GPT(config).num_parameters()).all()
    assert read_card("modern-laptop").parameters == GPT(config).num_parameters()
    assert (table["characters"] == table["step"] * run.batch_size * config.block_size).all()
    assert table.groupby("seed")["nats"].apply(lambda nats: nats.is_monotonic_decreasing).all()
    assert read_card("modern-laptop").score == pytest.approx(last["nats"][0], abs=2e-3)  # rounded to float16
    pace = results.load("record_time").set_index("threads", drop=False).loc[2]
    assert (pace.precision, pace.threads) == ("fp32", 2)
    assert pace.minutes == pytest.approx(run.steps * pace.seconds_per_update / 60, abs=0.1)
    said("reaches {:.3f} nats after {:.1f} million characters ({:words} seeds, {:.3f} to {:.3f}). Its updates take"
         " {:.0f} minutes of two cores", last["nats"].mean(), last["characters"][0] / 1e6, len(last),
         last["nats"].min(), last["nats"].max(), pace.minutes, on=PAGE)  # fmt: skip


def test_dropout_and_batch_of_the_record_are_those_of_the_best_arm_tried(said):
    table = results.load("record_tuning")
    best, run = table.loc[table["nats"].idxmin()], recipe("modern-laptop")
    chosen = (presets.get("modern-laptop").dropout, run.batch_size, run.steps)
    assert (best["dropout"], best["batch_size"], best["steps"]) == chosen
    nats = table[~table["shuffle"]].set_index(["dropout", "batch_size"])["nats"]
    said("0.25 in place of 0.15 loses {:.3f} nats", nats[0.25, 16] - nats[0.15, 16], on=PAGE)
    said("end {:.3f} nats above 3,600 of 12", nats[0.15, 8] - nats[0.15, 12], on=PAGE)
