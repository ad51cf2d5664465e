"""A GPT drawn from the model itself."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import nn

from lecture21.course.figures.diagram import arrow, box, count_parameters, plus
from lecture21.course.figures.style import COLORS, TEXT_COLORS
from lecture21.gpt import GPT

_STREAM, _RIGHT = 1.8, 10.0  # x of the residual stream, and of the right edge of the column of counts


def gpt_diagram(model: GPT, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a GPT as a residual stream with its branches, and beside each part its number of parameters.

    Source: slides 19 and 24; the pre-norm block of Radford et al. 2019, section 2.3.
    """
    c = model.config
    gray = COLORS["note"]
    if ax is None:
        _, ax = plt.subplots(figsize=(4.8, 5.9))
    ax.set_xlim(0, _RIGHT)
    ax.set_ylim(-0.35, 11.15)
    ax.axis("off")
    arrow(ax, (_STREAM, 10.4), (_STREAM, 0.45), color=COLORS["stream"], linewidth=4.0)

    ax.text(_STREAM, 10.75, f"ids (B, {c.block_size})", ha="center", va="center")
    ax.text(_RIGHT, 10.75, "parameters", ha="right", va="center", color=gray)
    box(ax, (_STREAM, 9.75), (3.2, 0.9), f"token {c.vocab_size} × {c.d_model}")
    total = _counted(ax, 9.75, model.token)
    box(ax, (6.3, 8.8), (3.8, 0.9), f"position {c.block_size} × {c.d_model}")
    arrow(ax, (4.4, 8.8), (_STREAM + 0.22, 8.8))
    plus(ax, (_STREAM, 8.8))
    total += _counted(ax, 8.8, model.position)

    box(ax, (4.375, 5.8), (8.05, 4.9), fill="#f3f3f3", edge=COLORS["masked"], linewidth=1, rounding=0.2, zorder=0)
    block = model.blocks[0]
    ax.text(8.2, 7.93, f"block, {c.n_layer} times", ha="right", va="center", color=gray)
    one = _branch(ax, 7.2, block.norm_attention, block.attention, f"attention, {c.n_head} heads\n")
    for x, role in zip((4.95, 5.75, 6.6, 7.5), ("query", "key", "value", "output"), strict=True):
        ax.text(x, 7.0, role, ha="center", va="center", color=TEXT_COLORS[role], fontsize=9, zorder=4)
    hidden = f"{c.d_model} → {c.d_ff} → {c.d_model}"
    one += _branch(ax, 5.35, block.norm_feed_forward, block.feed_forward, f"feed-forward\n{hidden}")
    ax.text(_STREAM + 0.25, 3.72, f"(B, {c.block_size}, {c.d_model})", ha="left", va="center", color=gray)
    ax.text(8.2, 3.72, f"{c.n_layer} × {one:,} =", ha="right", va="center", color=gray)
    total += _counted(ax, 3.72, model.blocks)

    box(ax, (_STREAM, 2.65), (3.2, 0.9), "norm")
    total += _counted(ax, 2.65, model.norm)
    if model.head is None:
        box(ax, (_STREAM + 1.0, 1.45), (5.2, 0.9), "head: token table, transposed")
    else:
        box(ax, (_STREAM, 1.45), (3.2, 0.9), f"head {c.d_model} → {c.vocab_size}")
        total += _counted(ax, 1.45, model.head)
    ax.text(_STREAM, 0.1, f"logits (B, {c.block_size}, {c.vocab_size})", ha="center", va="center")
    ax.plot([7.6, _RIGHT], [0.75, 0.75], color=COLORS["ink"], linewidth=0.8)
    ax.text(_RIGHT, 0.2, f"{total:,}", ha="right", va="center", fontweight="bold")
    ax.set_title(title)
    return ax


def _counted(ax: Axes, y: float, *modules: nn.Module, color: str = COLORS["ink"]) -> int:
    count = count_parameters(*modules)
    ax.text(_RIGHT, y, f"{count:,}", ha="right", va="center", color=color)
    return count


def _branch(ax: Axes, y: float, norm: nn.Module, layer: nn.Module, text: str) -> int:
    """Draw a branch that leaves the stream, passes a norm and a layer, and is added to the stream one row below."""
    arrow(ax, (_STREAM, y), (2.5, y))
    box(ax, (3.2, y), (1.4, 0.9), "norm")
    arrow(ax, (3.9, y), (4.4, y))
    box(ax, (6.3, y), (3.8, 0.9), text)
    arrow(ax, (6.3, y - 0.45), (6.3, y - 0.85), (_STREAM + 0.22, y - 0.85))
    plus(ax, (_STREAM, y - 0.85))
    # Grey: these are the counts of one block, and not summands of the column.
    return _counted(ax, y, norm, layer, color=COLORS["note"])
