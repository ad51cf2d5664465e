import pytest
import torch
from matplotlib.colors import to_rgb

from lecture21.course.chapters.c06_encoder_and_decoder import figures


class TestWordLinks:
    def test_lines_run_from_the_query_and_are_as_wide_as_their_weights(self):
        weights = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
        ax = figures.word_links(["a", "b", "c"], weights, 1)
        drawn = [(*line.get_ydata(), line.get_linewidth() / 6) for line in ax.lines]
        assert [(start, end) for start, end, _ in drawn] == [(1, 0), (1, 1), (1, 2)] * 2
        assert [width for *_, width in drawn] == pytest.approx(weights.flatten().tolist())

    def test_each_head_has_its_color_and_its_squares(self):
        weights = torch.tensor([[0.5, 0.5], [0.25, 0.75]])
        ax = figures.word_links(["a", "b"], weights, 0)
        assert [square.get_alpha() for square in ax.patches] == pytest.approx(weights.flatten().tolist())
        colors = [to_rgb(square.get_facecolor()) for square in ax.patches]
        assert colors == [to_rgb(figures.SERIES[0])] * 2 + [to_rgb(figures.SERIES[1])] * 2

    def test_the_query_is_bold(self):
        ax = figures.word_links(["a", "b"], torch.full((1, 2), 0.5), 1)
        assert [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"] == ["b"]
