"""The policies whose reward is the judge's score."""

import c17_alignment_runs

from lecture21.course.chapters import results


def test_the_runs_are_those_without_a_penalty_but_for_the_reward():
    table = results.load("alignment_verified")
    assert table.groupby("seed")["step"].apply(list).tolist() == [list(c17_alignment_runs.MEASURED)] * 3
    learned = results.load("alignment_runs").query("method == 'ppo' and weight == 0")
    assert table[["seed", "step"]].to_numpy().tolist() == learned[["seed", "step"]].astype(int).to_numpy().tolist()
