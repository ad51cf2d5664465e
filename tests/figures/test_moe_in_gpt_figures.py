import pytest
import torch
from drawn import inside, words
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Annotation

from lecture21 import figures
from lecture21.figures.moe_in_gpt import _EXPERTS
from lecture21.moe import within_capacity


def test_a_layer_shows_all_experts_and_colours_the_chosen_with_their_weights():
    ax = figures.sparse_layer(4, {2: 0.75, 0: 0.25}, title="finding")
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    edges = [to_hex(box.get_edgecolor()).upper() for box in boxes]
    assert [edges.count(colour) for colour in _EXPERTS[:4]] == [2, 0, 1, 0]  # the router's edge is that of expert 1
    assert edges.count("#BBBBBB") == 2
    assert {"1", "2", "3", "4", "× 0.75", "× 0.25", "weighted sum", "+"} <= set(words(ax))
    weights = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert weights["× 0.75"] == weights["3"]
    assert weights["× 0.25"] == weights["1"]
    assert "shared" not in words(ax)
    assert ax.get_title(loc="left") == "finding"
    assert inside(ax.figure)


def test_a_shared_expert_does_not_depend_on_the_router():
    ax = figures.sparse_layer(3, {1: 1.0}, n_shared=1)
    x = next(text.get_position()[0] for text in ax.texts if text.get_text() == "shared")
    router = next(text.get_position() for text in ax.texts if text.get_text().startswith("router"))
    beside = [line for line in ax.lines if x in line.get_xdata() and min(line.get_ydata()) > router[1]]
    assert len(beside) == 1  # from the stream past the router
    arrows = [text for text in ax.texts if isinstance(text, Annotation) and text.xy == (x, 4.45)]
    assert [arrow.xyann for arrow in arrows] == [(x, 7.1)]
    assert [word for word in words(ax) if word.startswith("×")] == ["× 1.00"]
    assert inside(ax.figure)


@pytest.mark.parametrize(
    ("n_expert", "chosen", "message"),
    [
        (9, {0: 1.0}, "n_expert must be between 1 and 8, got 9"),
        (0, {0: 1.0}, "got 0"),
        (3, {}, r"got \[\]"),
        (3, {3: 1.0}, r"experts 0 to 2, got \[3\]"),
    ],
)
def test_experts_of_a_layer_must_be_in_range(n_expert: int, chosen: dict, message: str):
    with pytest.raises(ValueError, match=message):
        figures.sparse_layer(n_expert, chosen)


def test_the_map_shows_the_share_of_each_expert():
    counts = torch.tensor([[0, 4], [3, 1], [1, 0]])
    ax = figures.routing_map(counts, ["a", "b", "c"], title="finding")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["b", "c", "a"]  # b and c are the first expert's
    assert ax.images[0].get_array().tolist() == [[0.75, 1, 0], [0.25, 0, 1]]
    assert ax.images[0].get_clim() == (0, 1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2"]
    assert ax.get_title(loc="left") == "finding"
    assert inside(ax.figure)
    with pytest.raises(ValueError, match="a row for each of 2 tokens, got 3"):
        figures.routing_map(counts, ["a", "b"])
    with pytest.raises(ValueError, match="'b' does not"):
        figures.routing_map(torch.tensor([[1, 0], [0, 0]]), ["a", "b"])


def test_tokens_fill_slots_in_order_and_dropped_ones_are_above_the_line():
    experts = torch.tensor([0, 1, 0, 0])
    kept = within_capacity(experts.view(1, 4, 1), 3, 2).flatten()
    ax = figures.expert_slots(list("abcd"), experts, kept, 3, 2, title="finding")
    at = {text.get_text(): text.get_position() for text in ax.texts}
    assert at == {"a": (0, 0.5), "b": (1, 0.5), "c": (0, 1.5), "d": (0, 2.5)}
    assert list(ax.lines[0].get_ydata()) == [2, 2]
    hatched = [patch.get_y() for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_hatch()]
    assert hatched == [2.08]
    assert len(ax.patches) == 3 * 2 + 4  # slots and tokens
    assert ax.get_title(loc="left") == "finding"
    assert inside(ax.figure)


def test_tokens_and_slots_must_be_consistent():
    with pytest.raises(ValueError, match="an expert holds 2 tokens and has 1 slots"):
        figures.expert_slots(list("ab"), torch.tensor([0, 0]), torch.tensor([True, True]), 2, 1)
    with pytest.raises(ValueError, match="3 tokens, 2 experts and 2 values of kept"):
        figures.expert_slots(list("abc"), torch.tensor([0, 0]), torch.tensor([True, True]), 2, 2)
