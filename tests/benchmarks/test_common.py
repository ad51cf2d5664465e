import pytest
from common import tune

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


@pytest.mark.parametrize("sign", [1, -1])
def test_a_best_learning_rate_at_the_edge_of_the_grid_is_refused(sign):
    with pytest.raises(ValueError, match="edge of the grid"):
        tune(lambda rate: sign * rate, (0.1,), GRID)
