import numpy as np
import pytest
import torch
from drawn import inside, words
from matplotlib.patches import FancyArrowPatch

from lecture21.chapters.c11_scale import figures
from lecture21.figures.style import COLORS

LABELS = {"xlabel": "parameters", "ylabel": "nats", "ticks": [2, 3]}


class TestScalingLaw:
    def test_the_last_size_is_hollow_and_the_laws_are_drawn_through_their_formula(self):
        losses = torch.tensor([[3.0, 2.0, 1.9], [3.2, 2.2, 2.1]])
        ax = figures.scaling_law([10, 100, 1000], losses, {"law": (4.0, 0.5, 1.5)}, rules={"5-gram": 2.5}, **LABELS)
        law, *_ = ax.lines
        x, y = law.get_data()
        assert np.allclose(y, 1.5 + 4 * x**-0.5)
        assert x.max() > 1000
        fitted = next(line for line in ax.lines if line.get_label() == "fitted sizes")
        held = next(line for line in ax.lines if line.get_label() == "size held back")
        assert np.allclose(fitted.get_ydata(), [3.1, 2.1])
        assert np.allclose(held.get_data(), [[1000], [2.0]])
        assert held.get_markerfacecolor() == "white"
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert words(ax) == ["5-gram"]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["2", "3"]

    def test_losses_and_sizes_must_fit(self):
        with pytest.raises(ValueError, match="losses of 2 models do not fit 3 sizes"):
            figures.scaling_law([1, 2, 3], torch.ones(1, 2), {"law": (1.0, 1.0, 0.0)}, **LABELS)
        with pytest.raises(ValueError, match="1 to 6 laws, got 0"):
            figures.scaling_law([1, 2], torch.ones(1, 2), {}, **LABELS)


PANELS = {"zero-shot": (["task", "cheese = ?"], "weights fixed"), "few-shot": (["task", "a = b", "c = ?"], "same")}


class TestPromptPanels:
    def test_each_panel_has_its_lines_and_its_note_and_the_query_in_its_color(self):
        axes = figures.prompt_panels(PANELS, title="finding")
        assert [ax.get_title(loc="left") for ax in axes] == list(PANELS)
        assert [words(ax) for ax in axes] == [[*lines, note] for lines, note in PANELS.values()]
        colors = {text.get_text(): text.get_color() for text in axes[0].texts}
        assert colors["cheese = ?"] == COLORS["query"] != colors["task"]
        assert inside(axes[0].figure)

    def test_there_must_be_a_panel(self):
        with pytest.raises(ValueError, match="at least one panel"):
            figures.prompt_panels({})


class TestLookupHeads:
    def test_every_value_attends_to_its_key_and_the_query_to_the_values_of_its_key(self):
        ax = figures.lookup_heads("aFcBaFdLa", title="finding")
        arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
        ends = [tuple(tuple(point) for point in arrow._posA_posB) for arrow in arrows]
        above = sorted((start[0], end[0]) for start, end in ends if start[1] > 0)
        below = sorted((start[0], end[0]) for start, end in ends if start[1] < 0)
        assert above == [(1, 0), (3, 2), (5, 4), (7, 6)]
        assert below == [(8, 1), (8, 5)]
        assert words(ax)[:9] == list("aFcBaFdLa")
        assert inside(ax.figure)

    @pytest.mark.parametrize("prompt", ["aFcBaF", "aFcBd"])
    def test_the_last_key_must_have_occurred(self, prompt):
        with pytest.raises(ValueError, match="must end with a key that occurred before"):
            figures.lookup_heads(prompt)
