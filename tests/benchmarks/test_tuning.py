"""Where the search for a learning rate goes on, and where it ends; test_table.py repeats the stored searches."""

import math

import pytest
from common import tune


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


GRID = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


@pytest.mark.parametrize("best", GRID[1:-1])
def test_the_search_for_a_learning_rate_ends_with_a_worse_one_on_each_side(best):
    tried = []

    def score(rate):
        tried.append(rate)
        return abs(GRID.index(rate) - GRID.index(best))

    scores = tune(score, (0.1,), GRID)
    i = GRID.index(best)
    assert next(iter(scores)) == best
    assert set(GRID[i - 1 : i + 2]) <= set(scores)
    assert sorted(tried) == sorted(scores)  # no rate is run twice
    assert list(scores.values()) == sorted(scores.values())
