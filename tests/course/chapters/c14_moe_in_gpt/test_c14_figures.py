import torch
from drawn import inside
from matplotlib.patches import Rectangle

from lecture21.course.chapters.c14_moe_in_gpt import figures
from lecture21.moe import within_capacity


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
