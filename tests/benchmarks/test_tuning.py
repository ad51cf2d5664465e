"""The search for a learning rate finds again, from the stored scores, what the stored searches tried and chose."""

import math

import pandas as pd
import pytest
from common import tune

from lecture21.chapters import results

TENS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 1e-1)
MUON, ADAMW = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2), (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
COLLAPSE = (0.001, 0.002, 0.003, 0.006, 0.01, 0.02, 0.03, 0.06, 0.1)
DOUBLED = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

# Table, columns that name an arm, column of the rate, of the score, which rows, first rates, further ones.
SEARCHES = [
    ("alignment_search", ["stage", "weight"], "learning_rate", "criterion", "stage in ('sft', 'reward', 'ppo')",
     (3e-4, 1e-3, 3e-3), 3),
    ("alignment_search", ["weight"], "learning_rate", "criterion", "stage == 'dpo'", (1e-4, 3e-4, 1e-3), 3),
    ("available_context", ["model"], "learning_rate", "nats", "model != 'gpt-modern'", (4e-3, 8e-3, 16e-3), 2),
    ("available_context", ["model"], "learning_rate", "nats", "model == 'gpt-modern'", (1e-2, 2e-2, 4e-2), 2),
    ("bag_of_gpts", ["arm"], "scale", "probabilities", "members == 2", (1.0, 2.0, 4.0), 2),
    ("beyond_the_block", ["change", "more"], "learning_rate", "nats", "", (8e-3, 16e-3, 32e-3), 2),
    ("block_parts", ["arm", "n_layer"], "learning_rate", "nats", "", (2e-3, 5e-3, 1e-2), TENS),
    ("in_context_training", ["task", "arm"], "learning_rate", "nats",
     "scored == 'all' and rules in ('new', 'trained') and arm.str.contains('Muon')", MUON[2:5], MUON),
    ("in_context_training", ["task", "arm"], "learning_rate", "nats",
     "scored == 'all' and rules in ('new', 'trained') and arm.str.contains('AdamW')", ADAMW[2:5], ADAMW),
    ("modern_ablation", ["arm"], "factor", "nats", "", (1.0, 2.0, 4.0), 2),
    ("router_collapse", ["setting"], "learning_rate", "nats", "", (0.01,), COLLAPSE),
    ("scarce_text", ["steps"], "scale", "logits", "members == 2 and steps == 250", (0.5, 1.0, 2.0), 2),
    ("granularity", ["model"], "factor", "nats", "", (2.0,), DOUBLED),
    ("isoflop", ["budget", "d_model"], "learning_rate", "nats", "", (0.16,), 2),
    ("sparse_against_dense", ["model", "steps"], "factor", "nats", "", (2.0,), DOUBLED),
]  # fmt: skip


def arms(table: pd.DataFrame, columns: list[str]):
    """Return the rows of each arm; missing values of a name are equal."""
    return table.groupby(columns, dropna=False, sort=False)


@pytest.mark.parametrize(("name", "columns", "rate", "score", "query", "first", "further"), SEARCHES)
def test_the_stored_searches_are_found_again(name, columns, rate, score, query, first, further):
    table = results.load(name)
    searched = table if name == "alignment_search" else table[table["part"] == "search"]
    searched = searched.query(query, engine="python") if query else searched
    runs = {} if name == "alignment_search" else dict(iter(arms(table[table["part"] == "run"], columns)))
    actual = 0
    for arm, rows in arms(searched, columns):
        scores = dict(zip(rows[rate].round(8), rows[score].fillna(math.inf), strict=True))
        tried = tune(lambda r, scores=scores: scores[round(r, 8)], first, further)
        assert {round(r, 8) for r in tried} == scores.keys(), arm
        best = next(iter(tried))
        if name == "alignment_search":
            assert rows.loc[rows["chosen"], rate].tolist() == pytest.approx([best])
        else:
            assert round(best, 8) in set(runs[arm][rate].round(8)), arm
        actual += 1
    assert actual


@pytest.mark.parametrize("edition", ["plays", "char-rnn"])
def test_a_rung_runs_with_the_factor_that_its_search_finds_again(edition):
    import c09_gpt_ladder

    table = results.load(c09_gpt_ladder.name_of(edition)).query("part != 'count'")
    arms = c09_gpt_ladder.arms_of(edition)
    assert set(table["rung"]) == {arm.rung for arm in arms}
    for arm in arms:
        rows = table[table["rung"] == arm.rung]
        scores, tried = rows[rows["seed"] == 0].set_index("factor")["bits_at_32"], []
        best = c09_gpt_ladder.tuned(lambda f, s=scores, t=tried: t.append(f) or s[f], arm.first)
        assert set(tried) == set(scores.index), arm.rung
        assert min(tried) < best < max(tried), arm.rung
        assert rows[rows["part"] == "run"]["seed"].tolist() == list(range(arm.seeds)), arm.rung
        assert set(rows[rows["part"] == "run"]["factor"]) == {best}, arm.rung
        assert best not in set(rows[rows["part"] == "search"]["factor"]), arm.rung


def test_a_width_runs_with_the_factor_that_its_search_finds_again():
    import c09_gpt_ladder
    import c11_gpt0_size

    table = results.load("gpt0_size").set_index(["compute", "d_model"]).sort_index()
    assert set(table.index) == set(c11_gpt0_size.ARMS)
    for arm in c11_gpt0_size.ARMS:
        rows, tried = table.loc[[arm]], []
        scores = rows[rows["seed"] == 0].set_index("factor")["bits"]
        best = c09_gpt_ladder.tuned(lambda f, s=scores, t=tried: t.append(f) or s[f], c09_gpt_ladder.Arm("").first)
        assert set(tried) == set(scores.index), arm
        assert min(tried) < best < max(tried), arm
        runs = rows[rows["part"] == "run"]
        assert (sorted(runs["seed"]), set(runs["factor"])) == (list(c11_gpt0_size.SEEDS), {best}), arm


@pytest.mark.parametrize(
    ("minimum", "expected", "tried"),
    [(0.2, 1.0, 3), (0.3, 1.41421, 4), (-0.3, 0.707107, 4), (0.9, 2.0, 4), (1.3, 2.82843, 5)],
)
def test_a_rung_is_tuned_to_half_a_step(minimum, expected, tried):
    import c09_gpt_ladder

    scores = {}
    best = c09_gpt_ladder.tuned(lambda f: scores.setdefault(f, (math.log2(f) - minimum) ** 2), 0.5)
    assert best == expected
    assert len(scores) == tried


def test_a_rung_keeps_its_best_factor_if_half_a_step_is_worse_or_a_neighbor_diverged():
    import c09_gpt_ladder

    scores = {0.5: 3.0, 1.0: 1.0, 2.0: 1.1, 1.41421: 1.2}
    assert c09_gpt_ladder.tuned(scores.__getitem__, 0.5) == 1.0
    assert c09_gpt_ladder.tuned({0.5: 1.5, 1.0: 1.0, 2.0: math.inf}.__getitem__, 0.5) == 1.0


def test_the_runs_of_a_search_at_full_length_are_those_reported():
    for arm, rows in results.load("context").groupby("arm"):
        search = rows[rows["seed"] == 0].set_index("factor")["bits"]
        best = search.idxmin()
        assert {best / 2, 2 * best} <= set(search.index), arm
        others = rows[rows["seed"] > 0]
        assert (sorted(others["seed"]), set(others["factor"])) == ([1, 2], {best}), arm


def test_every_setting_of_the_digits_runs_with_the_rate_that_its_search_finds_again(monkeypatch):
    import c15_digit_names

    rates, runs = results.load("digit_rates"), results.load("digit_names")
    assert set(rates["setting"]) == set(runs["setting"]) == c15_digit_names.SETTINGS.keys()
    for setting, rows in rates.groupby("setting"):
        scores = dict(zip(rows["learning_rate"], rows["letter_nats"], strict=True))
        tried = tune(scores.__getitem__, c15_digit_names.FIRST, c15_digit_names.RATES)
        assert tried.keys() == scores.keys(), setting
        made = runs[runs["setting"] == setting]
        assert set(made["learning_rate"]) == {next(iter(tried))}, setting
        assert sorted(made["seed"]) == [0, 1, 2, 3, 4], setting


def test_a_longer_run_of_the_sparse_sweep_has_no_larger_learning_rate():
    table = results.load("sparse_against_dense")
    factors = table[table["part"] == "run"].groupby(["model", "steps"])["factor"].agg(["min", "max"])
    assert (factors["min"] == factors["max"]).all()  # one for all seeds
    tuned = factors["min"].unstack("steps")
    assert (tuned.diff(axis=1).iloc[:, 1:] <= 0).all(axis=None)


def test_a_factor_of_three_stays_with_round_rates():
    tried = []
    tune(lambda rate: tried.append(rate) or abs(math.log(rate / 1e-4)), (3e-4, 1e-3, 3e-3), 3)
    assert tried == [3e-4, 1e-3, 3e-3, 1e-4, 3.33333e-5]


def test_the_better_of_two_better_neighbors_is_followed():
    scores = {0.01: 0.9, 0.03: 0.5, 0.1: 1.0, 0.3: 0.2, 1.0: 0.4, 3.0: 0.9}
    assert list(tune(scores.__getitem__, (0.1,), tuple(scores))) == [0.3, 1.0, 0.03, 0.1]


def test_a_search_without_an_end_is_given_up():
    tried = []
    with pytest.raises(ValueError, match=r"the best learning rate, 4096, is at an end of \(1.0, 2.0, 4.0, "):
        tune(lambda rate: tried.append(rate) or -rate, (1.0, 2.0, 4.0))
    assert len(tried) == 13
