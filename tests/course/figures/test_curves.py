import itertools
import math

import pytest
import torch
from drawn import words

from lecture21.course import figures
from lecture21.training import History

X = [64, 128, 512]
SERIES = {"falls": torch.tensor([[1.0, 0.5, 0.1], [0.8, 0.5, 0.3]]), "stays": torch.tensor([[1.0, 1.0, 1.0]])}


def draw(**options):
    return figures.seed_curves(X, SERIES, xlabel="tokens", ylabel="share", **options)


def heights(ax) -> list[tuple[float, str]]:
    """Return the labels of an axes with their heights as shares of the axes, from the bottom."""
    on_screen = ax.transScale + ax.transLimits
    return sorted((on_screen.transform((1, text.xy[1]))[1], text.get_text()) for text in ax.texts)


class TestSeedCurves:
    def test_draws_each_seed_and_the_mean(self):
        one, two, mean, alone = (line.get_xydata().tolist() for line in draw().lines)
        assert one == [[64, 1.0], [128, 0.5], [512, pytest.approx(0.1)]]
        assert two == [[64, pytest.approx(0.8)], [128, 0.5], [512, pytest.approx(0.3)]]
        assert mean == [[64, pytest.approx(0.9)], [128, 0.5], [512, pytest.approx(0.2)]]
        assert alone == [[64, 1.0], [128, 1.0], [512, 1.0]]

    def test_axes_are_linear_by_default(self):
        assert (draw().get_xscale(), draw().get_yscale()) == ("linear", "linear")
        assert (draw(log_x=True, log_y=True).get_xscale(), draw(log_y=True).get_yscale()) == ("log", "log")
        assert (draw().get_xlabel(), draw().get_ylabel()) == ("tokens", "share")
        assert [label.get_text() for label in draw().get_xticklabels()] == ["64", "128", "512"]
        assert [label.get_text() for label in draw(ticks={64: "short"}).get_xticklabels()] == ["short"]

    def test_a_linear_vertical_axis_includes_zero_and_everything_drawn(self):
        assert draw(rules={"limit": 4.0}).get_ylim()[0] == 0
        assert draw(rules={"limit": 4.0}).get_ylim()[1] > 4
        below = figures.seed_curves([1, 2], {"a": torch.tensor([[-2.0, 1.0]])}, xlabel="", ylabel="")
        assert below.get_ylim()[0] == -2

    @pytest.mark.parametrize("log_y", [False, True])
    def test_labels_are_in_the_order_of_the_ends_and_apart(self, log_y):
        actual = heights(draw(rules={"guess": 0.21, "less": 0.19}, log_x=True, log_y=log_y))
        assert [name for _, name in actual] == ["less", "falls", "guess", "stays"]
        assert min(b - a for (a, _), (b, _) in itertools.pairwise(actual)) > 0.069

    @pytest.mark.parametrize("legend", [False, True])
    def test_rules_are_constants_with_their_labels(self, legend):
        ax = draw(rules={"guess": 0.2}, legend=legend)
        assert set(ax.lines[-1].get_ydata()) == {0.2}
        assert "guess" in words(ax)

    def test_a_legend_replaces_the_labels(self):
        ax = draw(legend=True)
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["falls", "stays"]
        assert words(ax) == []
        assert draw().get_legend() is None

    def test_the_number_and_length_of_the_series_are_checked(self):
        with pytest.raises(ValueError, match="1 to 7 series, got 0"):
            figures.seed_curves(X, {}, xlabel="", ylabel="")
        with pytest.raises(ValueError, match="'a' has 2 columns for 3 settings"):
            figures.seed_curves(X, {"a": torch.zeros(1, 2)}, xlabel="", ylabel="")


def history(*losses) -> History:
    run = History()
    for i, loss in enumerate(losses):
        run.append(100 * i, math.nan if i == 0 else loss + 1.0, float(loss), 1e-3)
    return run


class TestLossCurves:
    def test_draws_a_thin_line_for_each_seed_and_a_thick_mean(self):
        ax = figures.loss_curves({"GPT-0": [history(4.2, 2.5, 1.8), history(4.2, 2.5, 2.0)]}, rules={"bigram": 2.5})
        *seeds, mean = ax.lines[:3]
        assert [line.get_ydata()[-1] for line in seeds] == [1.8, 2.0]
        assert mean.get_xydata().tolist() == [[0, 4.2], [100, 2.5], [200, pytest.approx(1.9)]]
        assert mean.get_linewidth() > seeds[0].get_linewidth()
        assert set(words(ax)) == {"GPT-0", "bigram 2.50"}
        assert ax.get_xlabel() == "training step"
        assert "nats" in ax.get_ylabel()

    def test_draws_the_training_loss_if_requested(self):
        ax = figures.loss_curves({"GPT": history(4, 2, 1)}, split="train")
        assert ax.lines[0].get_ydata()[1:].tolist() == [3, 2]

    def test_the_number_and_steps_of_the_runs_are_checked(self):
        with pytest.raises(ValueError, match="val or train, got 'test'"):
            figures.loss_curves({"GPT": history(4)}, split="test")
        with pytest.raises(ValueError, match="1 to 7 runs, got 8"):
            figures.loss_curves({str(i): history(4) for i in range(8)})
        with pytest.raises(ValueError, match=r"'GPT'.*same steps"):
            figures.loss_curves({"GPT": [history(4, 3), history(4)]})
        with pytest.raises(ValueError, match="at least one seed"):
            figures.loss_curves({"GPT": []})
