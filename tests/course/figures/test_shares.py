import pytest
import torch
from drawn import words
from matplotlib.container import BarContainer

from lecture21.course import figures
from lecture21.generation import next_token_probabilities

TOKENS = ["a", "b", "c", "d"]


def rows(ax) -> list[list]:
    """Return the pieces of each strip, from left to right."""
    bars = [bar for group in ax.containers if isinstance(group, BarContainer) for bar in group]
    return [
        [bar for bar in bars if round(bar.get_y() + bar.get_height() / 2) == row] for row in range(len(ax.get_yticks()))
    ]


def test_strips_are_as_long_as_the_symbols_are_probable():
    plain = torch.tensor([0.4, 0.3, 0.2, 0.1])
    choices = {"model": plain, "top-k 2": next_token_probabilities(plain.log(), top_k=2)}
    ax = figures.share_strips(choices, TOKENS, xlabel="probability", title="finding")
    first, second = rows(ax)
    assert [bar.get_width() for bar in first] == pytest.approx(plain.tolist())
    assert [bar.get_width() for bar in second] == pytest.approx([4 / 7, 3 / 7])  # an excluded symbol has no piece
    for row in (first, second):
        ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in row]
        assert ends[0][0] == pytest.approx(0)
        assert ends[-1][1] == pytest.approx(1)
        assert [end for _, end in ends[:-1]] == pytest.approx([start for start, _ in ends[1:]])
    assert first[0].get_facecolor() == second[0].get_facecolor()  # a symbol keeps its color
    assert [label.get_text() for label in ax.get_yticklabels()] == ["model", "top-k 2"]
    assert words(ax) == [*TOKENS, "a", "b"]
    assert (ax.get_xlabel(), ax.get_title(loc="left")) == ("probability", "finding")


def test_amounts_become_shares_with_percentages_and_a_legend():
    models = {"small": torch.tensor([30, 70]), "large": torch.tensor([5, 995])}
    ax = figures.share_strips(models, ["tables", "blocks"], xlabel="share of all parameters", legend=True)
    assert [[bar.get_width() for bar in row] for row in rows(ax)] == [
        pytest.approx([0.3, 0.7]),
        pytest.approx([0.005, 0.995]),
    ]
    assert words(ax) == ["30%", "70%", "100%"]  # a narrow piece has no number
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["tables", "blocks"]


def test_a_legend_names_a_part_that_the_first_strip_lacks():
    ax = figures.share_strips({"one": torch.tensor([0, 1]), "two": torch.tensor([1, 1])}, "ab", xlabel="", legend=True)
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["a", "b"]


@pytest.mark.parametrize(
    ("amounts", "parts", "message"),
    [
        ({}, ["a"], "at least one strip"),
        ({"model": torch.full((8,), 1 / 8)}, list("abcdefgh"), "got 1 of 8"),
        ({"model": torch.tensor([])}, [], "got 1 of 0"),
        ({"model": torch.tensor([1.0])}, ["a", "b"], "'model' has amounts of shape"),
    ],
)
def test_amounts_and_parts_must_have_consistent_shapes(amounts, parts, message):
    with pytest.raises(ValueError, match=message):
        figures.share_strips(amounts, parts, xlabel="share")
