import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from lecture21 import figures
from lecture21.transformer import Transformer, TransformerConfig


def texts(ax):
    return [text.get_text() for text in ax.findobj(Text) if text.get_text()]


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


class TestDiagram:
    @pytest.mark.parametrize(
        "changes",
        [{}, {"n_encoder_layer": 3, "n_decoder_layer": 1, "d_model": 32}, {"share_embeddings": False}]
        + [{"position": position} for position in ("learned", "none", "rotary")],
    )
    def test_counts_come_from_both_models_and_add_up(self, changes):
        model = Transformer(TransformerConfig(**{"source_vocab_size": 44, **changes}))
        c, drawn = model.config, texts(figures.transformer_diagram(model))
        encoder, decoder = count(model.encoder.blocks[0]), count(model.decoder.blocks[0])
        assert f"{model.num_parameters():,}" in drawn
        assert {f"{c.n_encoder_layer} × {encoder:,}", f"{c.n_decoder_layer} × {decoder:,}"} <= set(drawn)
        layers = [int(text.replace(",", "")) for text in drawn if text.replace(",", "").isdigit()]
        layers.remove(model.num_parameters())
        assert sum(layers) == encoder + decoder
        assert sum("the same" in text for text in drawn) == (2 if c.share_embeddings else 0)

    def test_absolute_positions_are_added_to_both_streams(self):
        for position, added in (("sinusoidal", 2), ("learned", 2), ("rotary", 0), ("none", 0)):
            model = Transformer(TransformerConfig(position=position))
            assert texts(figures.transformer_diagram(model)).count("+") == added

    def test_the_model_must_be_post_norm(self):
        with pytest.raises(ValueError, match="'post', got 'pre'"):
            figures.transformer_diagram(Transformer(TransformerConfig(norm_position="pre")))


class TestWordLinks:
    def test_lines_run_from_the_query_and_are_as_wide_as_their_weights(self):
        weights = torch.tensor([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
        ax = figures.word_links(["a", "b", "c"], weights, 1)
        drawn = [(*line.get_ydata(), line.get_linewidth() / 6) for line in ax.lines]
        assert [(start, end) for start, end, _ in drawn] == [(1, 0), (1, 1), (1, 2)] * 2
        assert [width for *_, width in drawn] == pytest.approx(weights.flatten().tolist())

    def test_each_head_has_its_colour_and_its_squares(self):
        weights = torch.tensor([[0.5, 0.5], [0.25, 0.75]])
        ax = figures.word_links(["a", "b"], weights, 0)
        assert [square.get_alpha() for square in ax.patches] == pytest.approx(weights.flatten().tolist())
        colours = [to_rgb(square.get_facecolor()) for square in ax.patches]
        assert colours == [to_rgb(figures.SERIES[0])] * 2 + [to_rgb(figures.SERIES[1])] * 2

    def test_the_query_is_bold(self):
        ax = figures.word_links(["a", "b"], torch.full((1, 2), 0.5), 1)
        assert [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"] == ["b"]

    def test_words_weights_and_query_must_be_consistent(self):
        with pytest.raises(ValueError, match=r"\(1, 2\) and query 0 do not fit 1 heads and 3 tokens"):
            figures.word_links(["a", "b", "c"], torch.ones(1, 2), 0)
        with pytest.raises(ValueError, match="query 2"):
            figures.word_links(["a", "b"], torch.ones(1, 2), 2)
        with pytest.raises(ValueError, match="colours for 7 heads, got 8"):
            figures.word_links(["a"], torch.ones(8, 1), 0)


class TestFamilies:
    def test_a_line_for_each_dependence_in_the_colour_of_its_kind(self):
        mask = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]).bool()
        ax = figures.family_diagram(["a", "b", "s", "c"], mask, [None, None, "c", "d"], n_source=2)
        lines = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_ydata()[0] == 0]
        columns = {place: n for n, place in enumerate((0, 1, 2.6, 3.6))}
        drawn = {(columns[line.get_xdata()[1]], columns[line.get_xdata()[0]]): line.get_color() for line in lines}
        assert drawn.keys() == {(i, j) for i, j in mask.nonzero().tolist()}
        assert {pair for pair, colour in drawn.items() if colour == figures.SERIES[1]} == {(0, 1)}
        assert {pair for pair, colour in drawn.items() if colour == figures.COLOURS["key"]} == {
            (i, j) for i in (2, 3) for j in (0, 1)
        }

    def test_only_what_is_in_the_loss_has_a_prediction(self):
        ax = figures.family_diagram(["a", "b"], torch.ones(2, 2).bool(), [None, "c"])
        assert texts(ax) == ["a", "b", "c"]
        assert [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"] == ["c"]

    def test_inputs_mask_and_predictions_must_be_consistent(self):
        with pytest.raises(ValueError, match=r"\(2, 2\) and 1 predictions do not fit 2 inputs"):
            figures.family_diagram(["a", "b"], torch.ones(2, 2).bool(), [None])
