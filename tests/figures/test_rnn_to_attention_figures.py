import matplotlib.pyplot as plt
import pytest
from drawn import words
from matplotlib.colors import to_hex
from matplotlib.text import Annotation

from lecture21 import figures
from lecture21.data.worked_example import TOKENS
from lecture21.figures.rnn_to_attention import _PATH


def arrows(ax: plt.Axes) -> list[tuple[tuple[float, float], tuple[float, float], bool]]:
    """Return start, end, and whether it is marked, of each arrow."""
    drawn = [text for text in ax.texts if isinstance(text, Annotation)]
    return [
        (tuple(text.xyann), tuple(text.xy), to_hex(text.arrow_patch.get_edgecolor()) == _PATH.lower()) for text in drawn
    ]


@pytest.mark.parametrize("source", [0, 1, 2])
def test_the_path_grows_with_the_distance_in_a_chain_and_is_one_step_in_attention(source):
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


def test_each_state_shows_the_step_at_which_it_can_be_computed():
    chain, direct = figures.memory_paths(TOKENS, titles=("four steps", "one step"))
    assert [text for text in words(chain) if text.isdigit()] == ["1", "2", "3", "4"]
    assert [text for text in words(direct) if text.isdigit()] == ["1", "1", "1", "1"]
    assert (chain.get_title(loc="left"), direct.get_title(loc="left")) == ("four steps", "one step")
    for ax in (chain, direct):
        assert [text for text in words(ax) if not text.isdigit()] == list(TOKENS)


@pytest.mark.parametrize("source", [-1, 3, 4])
def test_the_source_must_be_before_the_last_token(source):
    with pytest.raises(ValueError, match=f"before the last of 4, got {source}"):
        figures.memory_paths(TOKENS, source=source)
