"""Pictures of chapter 07: what they draw is what they were given, and nonsense is refused by name."""

from itertools import pairwise

import matplotlib as mpl
import pytest
import torch

from lecture21 import GPT, figures, presets
from lecture21.generation import next_token_probabilities
from lecture21.training.evaluation import History


def bars(ax):
    return [patch.get_height() for patch in ax.patches]


def texts(figure):
    """Every text of a figure, those of its axes included."""
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def history(*losses):
    run = History()
    for i, loss in enumerate(losses):
        run.append(100 * i, loss + 1.0, float(loss), 1e-3)
    return run


class TestNextSymbolBars:
    def test_bars_are_sorted_and_sum_to_one_with_the_others(self):
        probabilities = torch.tensor([0.1, 0.4, 0.2, 0.3])
        figure = figures.next_symbol_bars({"plain": probabilities}, "abcd", n_shown=2)
        assert bars(figure.axes[0]) == pytest.approx([0.4, 0.3, 0.3])
        assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["b", "d", "others"]

    def test_what_a_rule_cuts_is_hatched_and_keeps_its_old_height(self):
        logits = torch.tensor([3.0, 2.0, 1.0, 0.0])
        plain, cut = next_token_probabilities(logits), next_token_probabilities(logits, top_k=2)
        figure = figures.next_symbol_bars({"plain": plain, "top-k 2": cut}, "abcd", n_shown=4)
        assert not [patch for patch in figure.axes[0].patches if patch.get_hatch()]
        hatched = [patch.get_height() for patch in figure.axes[1].patches if patch.get_hatch()]
        assert hatched == pytest.approx(plain[2:].tolist())

    def test_spaces_and_line_ends_can_be_seen(self):
        figure = figures.next_symbol_bars({"plain": torch.tensor([0.6, 0.4])}, [" ", "\n"], n_shown=2)
        assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["␣", "↵", "others"]

    def test_refuses_what_does_not_fit(self):
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

    def test_refuses_a_path_over_an_unknown_text(self):
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


class TestHeadGrid:
    def test_draws_each_head_in_its_place(self):
        maps = torch.zeros(2, 3, 4, 4)
        maps[..., 0] = 1
        maps[1, 2] = torch.eye(4)
        figure = figures.head_grid(maps, "abcd", marked=(1, 2))
        assert len(figure.axes) == 6
        assert figure.axes[5].get_title(loc="left") == "layer 2, head 3"
        drawn = figure.axes[5].collections[0].get_array().reshape(4, 4)
        assert drawn.filled(0).tolist() == torch.eye(4).tolist()
        assert drawn.mask.tolist() == (~torch.ones(4, 4, dtype=torch.bool).tril()).tolist()
        assert [ax.spines["top"].get_visible() for ax in figure.axes] == [False] * 5 + [True]
        assert figure.axes[0].get_ylim() == (4, 0)  # the first query at the top

    def test_refuses_tokens_that_do_not_fit(self):
        with pytest.raises(ValueError, match=r"4 x 4.*3 tokens"):
            figures.head_grid(torch.zeros(1, 1, 4, 4), "abc")


class TestLossCurves:
    def test_thick_line_is_the_mean_of_the_seeds(self):
        ax = figures.loss_curves({"GPT": [history(4, 2), history(4, 3)]}, rules={"bigram": 2.5})
        thick = max(ax.lines, key=lambda line: line.get_linewidth())
        assert thick.get_xydata().tolist() == [[0, 4], [100, 2.5]]
        assert {"GPT", "bigram 2.50"} <= {text.get_text() for text in ax.texts}

    def test_draws_the_training_loss_if_asked(self):
        ax = figures.loss_curves({"GPT": history(4, 2)}, split="train")
        assert ax.lines[0].get_ydata().tolist() == [5, 3]

    def test_labels_do_not_touch_and_keep_their_order(self):
        rules = {"a": 2.0, "b": 2.001, "c": 2.002, "top": 4.0}
        ax = figures.loss_curves({"GPT": history(4, 2.0005)}, rules=rules)
        heights = {text.get_text().split()[0]: text.xy[1] for text in ax.texts}
        low, high = ax.get_ylim()
        ordered = [heights[name] for name in ("a", "GPT", "b", "c", "top")]
        assert min(b - a for a, b in pairwise(ordered)) > 0.06 * (high - low)

    def test_refuses_what_it_cannot_draw(self):
        with pytest.raises(ValueError, match="val or train, got 'test'"):
            figures.loss_curves({"GPT": history(4)}, split="test")
        with pytest.raises(ValueError, match="1 to 7 runs, got 8"):
            figures.loss_curves({str(i): history(4) for i in range(8)})
        with pytest.raises(ValueError, match=r"'GPT'.*same steps"):
            figures.loss_curves({"GPT": [history(4, 3), history(4)]})
        with pytest.raises(ValueError, match="at least one seed"):
            figures.loss_curves({"GPT": []})


def test_loss_by_size_draws_tables_as_a_line_and_models_as_points():
    ax = figures.loss_by_size({"1": (64, 3.3), "2": (1400, 2.5)}, {"GPT": (209_729, 2.0)})
    table, model = (line.get_xydata().tolist() for line in ax.lines)
    assert table == [[64, 3.3], [1400, 2.5]]
    assert model == [[209_729, 2.0]]
    assert [text.get_text() for text in ax.texts] == ["1", "2", "GPT"]
