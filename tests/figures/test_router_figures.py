"""The pictures of a sparse layer show what they are given: chosen experts, loads, tokens, the dropped."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Annotation

from lecture21 import figures
from lecture21.figures.router import EXPERTS
from lecture21.moe import within_capacity


def words(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def inside(ax: plt.Axes) -> bool:
    """Whether all that is drawn lies inside the figure."""
    figure = ax.figure
    figure.canvas.draw()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return min(box.x0, box.y0) >= -0.05 and box.x1 <= width + 0.05 and box.y1 <= height + 0.05


def test_a_layer_shows_all_experts_and_colours_the_chosen_with_their_weights():
    ax = figures.sparse_layer(4, {2: 0.75, 0: 0.25}, title="finding")
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    edges = [to_hex(box.get_edgecolor()).upper() for box in boxes]
    assert [edges.count(colour) for colour in EXPERTS[:4]] == [2, 0, 1, 0]  # the router's edge is that of expert 1
    assert edges.count("#BBBBBB") == 2
    assert {"1", "2", "3", "4", "× 0.75", "× 0.25", "weighted sum", "+"} <= set(words(ax))
    weights = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert weights["× 0.75"] == weights["3"]
    assert weights["× 0.25"] == weights["1"]
    assert "shared" not in words(ax)
    assert ax.get_title(loc="left") == "finding"
    assert inside(ax)


def test_a_shared_expert_reads_every_token_and_no_router_is_asked():
    ax = figures.sparse_layer(3, {1: 1.0}, n_shared=1)
    x = next(text.get_position()[0] for text in ax.texts if text.get_text() == "shared")
    beside = [line for line in ax.lines if x in line.get_xdata()]  # from the stream past the router
    assert len(beside) == 1
    router = next(text.get_position() for text in ax.texts if text.get_text().startswith("router"))
    assert min(beside[0].get_ydata()) > router[1]
    arrows = [text for text in ax.texts if isinstance(text, Annotation) and text.xy == (x, 4.45)]
    assert [arrow.xyann for arrow in arrows] == [(x, 7.1)]
    assert [word for word in words(ax) if word.startswith("×")] == ["× 1.00"]
    assert inside(ax)


@pytest.mark.parametrize(
    ("n_expert", "chosen", "said"),
    [
        (9, {0: 1.0}, "n_expert must be between 1 and 8, got 9"),
        (0, {0: 1.0}, "got 0"),
        (3, {}, r"got \[\]"),
        (3, {3: 1.0}, r"experts 0 to 2, got \[3\]"),
    ],
)
def test_a_layer_refuses_what_it_cannot_draw(n_expert: int, chosen: dict, said: str):
    with pytest.raises(ValueError, match=said):
        figures.sparse_layer(n_expert, chosen)


def test_bands_are_the_shares_and_the_busiest_lies_at_the_bottom():
    shares = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2]])
    ax = figures.load_course([1, 10], shares, title="finding")
    heights = []
    for band in ax.collections:
        at_the_end = [y for x, y in band.get_paths()[0].vertices if x == 10]
        heights.append((min(at_the_end), max(at_the_end)))
    assert torch.tensor(heights).sub(torch.tensor([[0, 0.7], [0.7, 0.9], [0.9, 1]])).abs().max() < 1e-6
    assert ax.get_xlim() == (1, 10)
    assert ax.get_ylim() == (0, 1)
    assert ax.get_title(loc="left") == "finding"
    assert inside(ax)


def test_bands_refuse_what_is_no_share():
    with pytest.raises(ValueError, match="at most 8 experts can be told apart, got 9"):
        figures.load_course([1], torch.full((1, 9), 1 / 9))
    with pytest.raises(ValueError, match="a row for each of 2 steps, got 1"):
        figures.load_course([1, 2], torch.full((1, 4), 1 / 4))
    with pytest.raises(ValueError, match=r"must sum to 1 at each step, got sums from 0\.5"):
        figures.load_course([1], torch.tensor([[0.25, 0.25]]))


def test_bars_are_multiples_of_the_equal_share_largest_first():
    loads = {"none": torch.tensor([0.25, 0.75, 0.0, 0.0]), "aux": torch.full((4,), 0.25)}
    axes = figures.load_bars(loads, title="finding")
    assert [[bar.get_height() for bar in ax.patches] for ax in axes] == [[3, 1, 0, 0], [1, 1, 1, 1]]
    assert [label.get_text() for label in axes[0].get_xticklabels()][:2] == ["2", "1"]
    assert [ax.get_title(loc="left") for ax in axes] == ["none", "aux"]
    assert all(list(ax.lines[0].get_ydata()) == [1, 1] for ax in axes)
    named = figures.load_bars({"none": torch.tensor([0.25, 0.75])}, names=["a", "b"])
    assert [label.get_text() for label in named[0].get_xticklabels()] == ["b", "a"]
    assert inside(axes[0])
    with pytest.raises(ValueError, match="at least one setting"):
        figures.load_bars({})


def test_a_map_has_the_share_of_each_token_in_its_experts():
    counts = torch.tensor([[0, 4], [3, 1], [1, 0]])
    ax = figures.routing_map(counts, ["a", "b", "c"], title="finding")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["b", "c", "a"]  # b and c are the first expert's
    assert ax.images[0].get_array().tolist() == [[0.75, 1, 0], [0.25, 0, 1]]
    assert ax.images[0].get_clim() == (0, 1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2"]
    assert ax.get_title(loc="left") == "finding"
    assert inside(ax)
    with pytest.raises(ValueError, match="a row for each of 2 tokens, got 3"):
        figures.routing_map(counts, ["a", "b"])
    with pytest.raises(ValueError, match="'b' was not"):
        figures.routing_map(torch.tensor([[1, 0], [0, 0]]), ["a", "b"])


def test_tokens_fill_places_in_order_and_the_rest_stand_above_the_line():
    experts = torch.tensor([0, 1, 0, 0])
    kept = within_capacity(experts.view(1, 4, 1), 3, 2).flatten()
    ax = figures.capacity_slots(list("abcd"), experts, kept, 3, 2, title="finding")
    at = {text.get_text(): text.get_position() for text in ax.texts}
    assert at == {"a": (0, 0.5), "b": (1, 0.5), "c": (0, 1.5), "d": (0, 2.5)}
    assert list(ax.lines[0].get_ydata()) == [2, 2]
    hatched = [patch.get_y() for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_hatch()]
    assert hatched == [2.08]
    assert len(ax.patches) == 3 * 2 + 4  # places and tokens
    assert ax.get_title(loc="left") == "finding"
    assert inside(ax)


def test_places_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="an expert holds 2 tokens and has 1 places"):
        figures.capacity_slots(list("ab"), torch.tensor([0, 0]), torch.tensor([True, True]), 2, 1)
    with pytest.raises(ValueError, match="3 tokens, 2 experts and 2 verdicts"):
        figures.capacity_slots(list("abc"), torch.tensor([0, 0]), torch.tensor([True, True]), 2, 2)
