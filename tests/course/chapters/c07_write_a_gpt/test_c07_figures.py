import matplotlib as mpl
import pytest

from lecture21 import GPT, presets
from lecture21.course.chapters.c07_write_a_gpt import figures


def texts(figure):
    """Every text of a figure, those of its axes included."""
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


class TestGPTDiagram:
    @pytest.mark.parametrize("changes", [{}, {"n_layer": 2, "d_model": 32}, {"tied_head": True}, {"position": "none"}])
    def test_counts_come_from_the_model_and_add_up(self, changes):
        model = GPT(presets.get("gpt0", **changes))
        drawn = texts(figures.gpt_diagram(model).figure)
        block = sum(p.numel() for p in model.blocks[0].parameters())
        assert f"{model.num_parameters():,}" in drawn
        assert f"{model.config.n_layer} × {block:,} =" in drawn

    def test_a_tied_head_has_no_count_of_its_own(self):
        drawn = texts(figures.gpt_diagram(GPT(presets.get("gpt0", tied_head=True))).figure)
        assert "head: token table, transposed" in drawn
        assert "4,225" not in drawn
