"""What chapter 09 says of the ladder on two editions of the plays, from the stored results."""

import pytest

from lecture21.chapters import results

EDITIONS = {"plays": "gpt_ladder", "char-rnn": "gpt_ladder_char_rnn"}
BUDGET = ["steps", "parameters", "tokens", "tflop"]


def test_a_repeated_rung_has_the_models_and_the_budget_of_the_plays():
    first, second = (results.load(name).query("part == 'run'").groupby("rung")[BUDGET] for name in EDITIONS.values())
    assert (first.nunique() == 1).all(axis=None)
    assert (second.nunique() == 1).all(axis=None)
    first, second = first.first(), second.first()
    per_character = [rung for rung in second.index if rung != "byte pairs"]  # their steps depend on what they merge
    assert second.loc[per_character].equals(first.loc[per_character])


def test_the_table_of_an_edition_names_it_in_its_command():
    assert results.provenance("gpt_ladder").startswith("python benchmarks/c09_gpt_ladder.py;")
    assert results.provenance("gpt_ladder_char_rnn").startswith("python benchmarks/c09_gpt_ladder.py char-rnn;")


def test_gpt0_beats_the_5_gram_on_the_new_play_and_loses_on_the_one_that_the_training_text_begins():
    bits = results.load("new_play").set_index(["edition", "play", "model"]).sort_index()["bits"]
    for edition in EDITIONS:
        known, new = "The Taming of the Shrew", "The Tempest"
        assert len(bits[edition, known, "GPT-0"]) == 3
        assert bits[edition, known, "GPT-0"].min() > bits[edition, known, "5-gram"].item() + 0.1
        assert bits[edition, new, "GPT-0"].max() < bits[edition, new, "5-gram"].item() - 0.08


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_plays_together_are_the_validation_text_of_the_ladder(edition):
    table = results.load("new_play").query(f"edition == '{edition}'")
    shares = table.groupby("play")["characters"].first() / table.groupby("play")["characters"].first().sum()
    assert round(shares["The Tempest"], 2) == {"plays": 0.77, "char-rnn": 0.31}[edition]
    counts = results.load(EDITIONS[edition]).query("rung == '5-gram in windows of 32'")["bits"].item()
    mean = table[table["model"] == "5-gram"].set_index("play")["bits"].mul(shares).sum()
    assert mean == pytest.approx(counts, abs=0.002)  # the windows begin elsewhere
