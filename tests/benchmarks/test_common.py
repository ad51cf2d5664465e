import sys

import common
import pytest
from common import tune

from lecture21.chapters import FOLDERS, results

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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(FOLDERS, "99", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/c99_try.py", "3"])
    return tmp_path / "results"


def test_a_result_can_be_written_and_read_back(folder):
    common.save("try", [{"seed": 0, "loss": 1.5}, {"seed": 1, "loss": 2.5}])
    first, *rest = (folder / "try.csv").read_text().splitlines()
    assert first.startswith("# python benchmarks/c99_try.py 3; torch ")
    assert rest == ["seed,loss", "0,1.5", "1,2.5"]
    assert results.load("try").to_dict("list") == {"seed": [0, 1], "loss": [1.5, 2.5]}
    assert common.stored("nothing") == []


def test_a_table_that_is_resumed_keeps_its_integers(folder):
    common.save("try", [{"arm": "5-gram", "seed": "", "nats": 1.8}, {"arm": "GPT", "seed": 0, "nats": 1.7}])
    more = [*common.stored("try"), {"arm": "", "seed": "", "nats": 2.0}, {"arm": "GPT", "seed": 1, "nats": 1.75}]
    common.save("try", more, arguments=False)
    first, *rest = (folder / "try.csv").read_text().splitlines()
    assert first.startswith("# python benchmarks/c99_try.py; torch ")
    assert rest == ["arm,seed,nats", "5-gram,,1.8", "GPT,0,1.7", ",,2.0", "GPT,1,1.75"]


@pytest.mark.parametrize("rows", [[], [{"a": 1}, {"b": 2}]])
def test_rows_with_different_columns_are_refused(folder, rows):
    with pytest.raises(ValueError, match="rows of equal columns"):
        common.save("try", rows)
    assert not folder.exists()
