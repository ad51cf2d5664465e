"""The pictures of chapter 01."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from lecture21 import figures
from lecture21.data.worked_example import TOKENS
from lecture21.figures.recurrence import PATH


def arrows(ax: plt.Axes) -> list[tuple[tuple[float, float], tuple[float, float], bool]]:
    """Return start, end, and whether it is marked, of each arrow."""
    drawn = [text for text in ax.texts if isinstance(text, Annotation)]
    return [
        (tuple(text.xyann), tuple(text.xy), to_hex(text.arrow_patch.get_edgecolor()) == PATH.lower()) for text in drawn
    ]


def written(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


@pytest.mark.parametrize("source", [0, 1, 2])
def test_a_chain_takes_one_step_more_for_each_word_between_and_attention_takes_one(source):
    chain, direct = figures.memory_paths(TOKENS, source=source)
    marked = [(start, end) for start, end, on in arrows(chain) if on]
    assert marked == [((source, 0), (source, 1)), *(((t - 1, 1), (t, 1)) for t in range(source + 1, 4))]
    assert [(start, end) for start, end, on in arrows(direct) if on] == [((source, 0), (3, 1))]


def test_no_arrow_comes_from_the_future_and_attention_has_all_others():
    chain, direct = figures.memory_paths(TOKENS)
    assert len(arrows(chain)) == 4 + 3
    assert sorted((end[0], start[0]) for start, end, _ in arrows(direct)) == [
        (query, key) for query in range(4) for key in range(query + 1)
    ]


def test_each_state_says_at_which_step_it_can_be_computed():
    chain, direct = figures.memory_paths(TOKENS, titles=("four steps", "one step"))
    assert [text for text in written(chain) if text.isdigit()] == ["1", "2", "3", "4"]
    assert [text for text in written(direct) if text.isdigit()] == ["1", "1", "1", "1"]
    assert (chain.get_title(loc="left"), direct.get_title(loc="left")) == ("four steps", "one step")
    for ax in (chain, direct):
        assert [text for text in written(ax) if not text.isdigit()] == list(TOKENS)


@pytest.mark.parametrize("source", [-1, 3, 4])
def test_a_way_from_the_last_word_or_beyond_is_refused(source):
    with pytest.raises(ValueError, match=f"before the last of 4, got {source}"):
        figures.memory_paths(TOKENS, source=source)


def test_every_seed_has_a_mark_and_the_mean_a_thick_one():
    losses = {"RNN": [1.9, 2.0, 2.1], "GPT": [2.5]}
    ax = figures.seed_marks(losses, rules={"5-gram": 1.83}, title="who is ahead")
    marks = [collection for collection in ax.collections if isinstance(collection, LineCollection)]
    heights = [[segment[0, 1] for segment in collection.get_segments()] for collection in marks]
    np.testing.assert_allclose(heights[0], [1.9, 2.0, 2.1])
    np.testing.assert_allclose([heights[1][0], heights[2][0], heights[3][0]], [2.0, 2.5, 2.5])
    assert marks[1].get_linewidth() > 2 * marks[0].get_linewidth()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["RNN", "GPT"]
    assert written(ax) == ["5-gram\n1.83"]
    assert ax.lines[0].get_ydata()[0] == 1.83
    assert ax.get_ylabel() == "nats per character"


def test_rules_outside_the_limits_are_left_out():
    ax = figures.seed_marks({"RNN": [1.9]}, rules={"5-gram": 1.83, "uniform": 4.17}, limits=(1.8, 2.1))
    assert ax.get_ylim() == (1.8, 2.1)
    assert written(ax) == ["5-gram\n1.83"]
    assert len(ax.lines) == 1


@pytest.mark.parametrize("losses", [{}, {"RNN": []}, {str(i): [1.0] for i in range(8)}])
def test_nothing_to_draw_or_more_than_there_are_colours_is_refused(losses):
    with pytest.raises(ValueError, match="1 to 7 models"):
        figures.seed_marks(losses)
