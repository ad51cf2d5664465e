"""Capacity: the tokens that an expert processes, and those that are dropped."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Bool, Int
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import DASHED, HATCHED
from lecture21.course.figures.style import COLORS, SERIES, WIDTH

_WHITE = {"facecolor": "white", "edgecolor": "none", "boxstyle": "round,pad=0.15"}


def expert_slots(
    tokens: Sequence[str],
    experts: Int[Tensor, " T"],
    kept: Bool[Tensor, " T"],
    n_expert: int,
    capacity: int,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw experts as columns of slots, the tokens that fill them in order, and above them the dropped tokens.

    Args:
        tokens: in the order in which slots are assigned.
        experts: the expert chosen by each token.
        kept: whether the token has a slot.
        n_expert: number of experts.
        capacity: number of slots of each expert.
    """
    if not len(tokens) == len(experts) == len(kept):
        raise ValueError(f"got {len(tokens)} tokens, {len(experts)} experts and {len(kept)} values of kept")
    full = experts[kept].bincount(minlength=n_expert).max().item() if kept.any() else 0
    if full > capacity:
        raise ValueError(f"an expert holds {full} tokens and has {capacity} slots")
    heights = experts.bincount(minlength=n_expert)
    top = max(int(heights.max()), capacity)
    ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * top))[1] if ax is None else ax
    ax.set(xlim=(-0.6, n_expert - 0.4), ylim=(-0.1, top + 0.2))
    for expert in range(n_expert):
        for slot in range(capacity):
            ax.add_patch(
                plt.Rectangle((expert - 0.42, slot + 0.08), 0.84, 0.84, fill=False, edgecolor=COLORS["ink"], lw=1)
            )
    stacked = [0] * n_expert
    for token, expert, fits in zip(tokens, experts.tolist(), kept.tolist(), strict=True):
        level = stacked[expert]
        stacked[expert] += 1
        style = {"color": SERIES[0], "alpha": 0.22, "linewidth": 0} if fits else HATCHED
        ax.add_patch(plt.Rectangle((expert - 0.42, level + 0.08), 0.84, 0.84, **style))
        back = None if fits else _WHITE
        ax.text(expert, level + 0.5, token, ha="center", va="center", fontsize=10.5, color=COLORS["ink"], bbox=back)
    ax.axhline(capacity, **DASHED)
    ax.set_xticks(range(n_expert), [f"expert {n + 1}" for n in range(n_expert)])
    ax.set_yticks([])
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_title(title)
    return ax
