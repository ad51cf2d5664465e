import matplotlib as mpl
import pytest
import torch

from lecture21 import GPT, figures, presets
from lecture21.generation import next_token_probabilities


def bars(ax):
    return [patch.get_height() for patch in ax.patches]


def texts(figure):
    """Every text of a figure, those of its axes included."""
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


class TestNextSymbolBars:
    def test_bars_are_sorted_and_sum_to_one_with_the_others(self):
        probabilities = torch.tensor([0.1, 0.4, 0.2, 0.3])
        figure = figures.next_symbol_bars({"plain": probabilities}, "abcd", n_shown=2)
        assert bars(figure.axes[0]) == pytest.approx([0.4, 0.3, 0.3])
        assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["b", "d", "others"]

    def test_excluded_symbols_are_hatched_at_their_first_height(self):
        logits = torch.tensor([3.0, 2.0, 1.0, 0.0])
        plain, cut = next_token_probabilities(logits), next_token_probabilities(logits, top_k=2)
        figure = figures.next_symbol_bars({"plain": plain, "top-k 2": cut}, "abcd", n_shown=4)
        assert not [patch for patch in figure.axes[0].patches if patch.get_hatch()]
        hatched = [patch.get_height() for patch in figure.axes[1].patches if patch.get_hatch()]
        assert hatched == pytest.approx(plain[2:].tolist())

    def test_spaces_and_line_breaks_are_visible(self):
        figure = figures.next_symbol_bars({"plain": torch.tensor([0.6, 0.4])}, [" ", "\n"], n_shown=2)
        assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["␣", "↵", "others"]

    def test_probabilities_and_symbols_must_have_the_same_length(self):
        with pytest.raises(ValueError, match="at least one"):
            figures.next_symbol_bars({}, "ab")
        with pytest.raises(ValueError, match=r"'plain'.*\(3,\).*2 symbols"):
            figures.next_symbol_bars({"plain": torch.ones(3) / 3}, "ab", n_shown=1)
        with pytest.raises(ValueError, match=r"n_shown.*got 3"):
            figures.next_symbol_bars({"plain": torch.ones(2) / 2}, "ab", n_shown=3)


class TestTextMap:
    def test_every_text_is_placed_and_named(self):
        ax = figures.text_map({"greedy": (1.0, 0.1), "t 1": (3.0, 0.9)}, real=(2.0, 0.8), path=["greedy", "t 1"])
        assert {"greedy", "t 1", "Shakespeare"} <= {text.get_text() for text in ax.texts}
        path, *points = [line.get_xydata().tolist() for line in ax.lines]
        assert path == [[1.0, 0.1], [3.0, 0.9]]
        assert points == [[[1.0, 0.1]], [[3.0, 0.9]], [[2.0, 0.8]]]

    def test_the_path_must_name_drawn_texts(self):
        with pytest.raises(ValueError, match=r"'beam'.*greedy"):
            figures.text_map({"greedy": (1.0, 0.1)}, real=(2.0, 0.8), path=["beam"])


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
