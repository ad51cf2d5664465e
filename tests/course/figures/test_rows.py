import numpy as np
import pytest
from drawn import words

from lecture21.course import figures
from lecture21.course.figures.rows import _BETTER, _UNCLEAR, _WORSE

T95 = 4.303  # Student's t, 97.5 %, 2 degrees of freedom
CHANGES = {"helps": [-0.11, -0.10, -0.09], "hurts": [0.11, 0.10, 0.09], "nothing": [-0.02, 0.03, 0.01]}


def drawn(ax) -> list[list[float]]:
    """Return the x data of the lines in each row."""
    rows = {}
    for line in ax.lines:
        height = np.unique(line.get_ydata())
        if len(height) == 1:
            rows.setdefault(float(height[0]), []).append(list(line.get_xdata()))
    return [rows.get(float(row), []) for row in range(len(ax.get_yticks()))]


class TestSeedRows:
    def test_a_row_shows_its_seeds_and_their_mean(self):
        ax = figures.seed_rows({"a": [1.0, 2.0], "b": [3.0, 5.0]}, xlabel="error", rules={"best": 0.5}, title="finding")
        assert drawn(ax) == [[[1, 2], [1.5]], [[3, 5], [4]]]
        seeds, mean = ax.lines[:2]
        assert mean.get_markersize() > 2 * seeds.get_markersize()
        assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
        bottom, top = ax.get_ylim()
        assert top < 0 < 1 < bottom  # the first row is at the top
        assert any(list(line.get_xdata()) == [0.5, 0.5] for line in ax.lines)
        assert words(ax) == ["best"]
        assert (ax.get_xlabel(), ax.get_title(loc="left")) == ("error", "finding")

    def test_rules_outside_the_limits_are_left_out(self):
        rules = {"5-gram": 1.83, "uniform": 4.17, "entropy": 1.2}
        ax = figures.seed_rows({"RNN": [1.9]}, xlabel="nats", rules=rules, limits=(1.8, 2.1))
        assert ax.get_xlim() == (1.8, 2.1)
        assert words(ax) == ["5-gram"]
        assert len(ax.lines) == 3

    def test_a_mean_above_the_limit_is_written_at_the_edge(self):
        scores = {"a": [1.0, 9.0], "b": [1.0, float("inf")], "c": [1.0]}
        ax = figures.seed_rows(scores, xlabel="nats", limits=(None, 2.0))
        assert words(ax) == ["5.00 →", "∞ →"]
        assert ax.get_xlim()[1] == 2
        assert {line.get_ydata()[0] for line in ax.lines} == {2}

    @pytest.mark.parametrize("scores", [{}, {"RNN": []}])
    def test_every_method_needs_a_score(self, scores):
        with pytest.raises(ValueError, match="at least one score"):
            figures.seed_rows(scores, xlabel="nats")


class TestLadder:
    def test_a_change_shows_its_seeds_their_mean_its_error_and_the_interval_that_decides(self):
        ax = figures.ladder(CHANGES, factor=T95, limit=0.3, xlabel="bits")
        error = 0.01 / np.sqrt(3)
        interval, bar, seeds, mean = drawn(ax)[0]
        assert interval == pytest.approx([-0.1 - T95 * error, -0.1 + T95 * error])
        assert bar == pytest.approx([-0.1 - error, -0.1 + error])
        assert seeds == CHANGES["helps"]
        assert mean == pytest.approx([-0.1])
        assert words(ax) == ["−0.100 ± 0.006", "+0.100 ± 0.006", "+0.007 ± 0.015"]
        assert [text.get_color() for text in ax.texts] == [_BETTER, _WORSE, _UNCLEAR]

    def test_a_change_outside_the_axis_is_an_arrow_with_its_number(self):
        ax = figures.ladder({"far": [1.5, 1.6, 1.55]}, factor=T95, limit=0.3, xlabel="bits")
        assert drawn(ax) == [[]]
        arrow, number = ax.texts
        assert arrow.xy == (0.3, 0)
        assert number.get_text() == "+1.550 ± 0.029"

    def test_a_change_can_have_an_interval_of_its_own(self):
        ax = figures.ladder(CHANGES, factor=[T95, 20.0, 0.1], limit=0.3, xlabel="bits")
        assert [text.get_color() for text in ax.texts] == [_BETTER, _UNCLEAR, _WORSE]
        error = 0.01 / np.sqrt(3)
        assert drawn(ax)[1][0] == pytest.approx([0.1 - 20 * error, 0.1 + 20 * error])

    def test_rules_mark_other_models(self):
        ax = figures.ladder(CHANGES, factor=T95, limit=0.3, xlabel="bits", rules={"5-gram": 0.04})
        assert any(list(line.get_xdata()) == [0.04, 0.04] for line in ax.lines)
        assert words(ax)[0] == "5-gram"

    def test_a_change_needs_two_seeds(self):
        with pytest.raises(ValueError, match="at least two seeds, got 1"):
            figures.ladder({"a": [0.1]}, factor=T95, limit=1.0, xlabel="bits")
        with pytest.raises(ValueError, match="at least one change"):
            figures.ladder({}, factor=T95, limit=1.0, xlabel="bits")
