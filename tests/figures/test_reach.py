"""Lines over length: what is drawn is what was given, and each is named at its end."""

import itertools

import pytest
import torch

from lecture21 import figures

X = [64, 128, 512]
SERIES = {"falls": torch.tensor([[1.0, 0.5, 0.1], [0.8, 0.5, 0.3]]), "stays": torch.tensor([[1.0, 1.0, 1.0]])}


def draw(**options):
    return figures.by_length(X, SERIES, xlabel="tokens", ylabel="share", **options)


def test_each_seed_and_the_mean_are_drawn_as_given():
    one, two, mean, alone = (line.get_xydata().tolist() for line in draw().lines)
    assert one == [[64, 1.0], [128, 0.5], [512, pytest.approx(0.1)]]
    assert two == [[64, pytest.approx(0.8)], [128, 0.5], [512, pytest.approx(0.3)]]
    assert mean == [[64, pytest.approx(0.9)], [128, 0.5], [512, pytest.approx(0.2)]]
    assert alone == [[64, 1.0], [128, 1.0], [512, 1.0]]


def test_lengths_are_logarithmic_and_the_quantity_if_asked():
    assert (draw().get_xscale(), draw().get_yscale()) == ("log", "linear")
    assert draw(log_y=True).get_yscale() == "log"
    assert [label.get_text() for label in draw().get_xticklabels()] == ["64", "128", "512"]
    assert [label.get_text() for label in draw(ticks={64: "short"}).get_xticklabels()] == ["short"]


@pytest.mark.parametrize("log_y", [False, True])
def test_names_stand_in_the_order_of_the_ends_and_apart(log_y):
    ax = draw(rules={"guess": 0.21, "less": 0.19}, log_y=log_y)
    on_screen = ax.transScale + ax.transLimits  # from data to shares of the axes
    names = sorted((on_screen.transform((1, text.xy[1]))[1], text.get_text()) for text in ax.texts)
    assert [name for _, name in names] == ["less", "falls", "guess", "stays"]
    heights = [height for height, _ in names]
    assert min(b - a for a, b in itertools.pairwise(heights)) > 0.07


def test_rules_and_marks_stand_where_they_were_put():
    ax = draw(rules={"guess": 0.2}, marks={"trained": 100})
    assert set(ax.lines[-2].get_ydata()) == {0.2}
    assert set(ax.lines[-1].get_xdata()) == {100}
    assert {"guess", "trained"} <= {text.get_text() for text in ax.texts}


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="1 to 7 series, got 0"):
        figures.by_length(X, {}, xlabel="", ylabel="")
    with pytest.raises(ValueError, match="'a' has 2 columns for 3 lengths"):
        figures.by_length(X, {"a": torch.zeros(1, 2)}, xlabel="", ylabel="")
