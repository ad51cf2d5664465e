"""A GPT drawn from the model itself: every size and every count in the picture is read from its modules."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import nn

from lecture21.figures.style import COLOURS, TEXT_COLOURS
from lecture21.gpt import GPT

INK = "#222222"
GREY = "#555555"
STREAM = "#56B4E9"
LEFT, RIGHT = 1.8, 10.0  # the residual stream, and the right edge where counts end


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _box(ax: Axes, x: float, y: float, width: float, text: str, *, height: float = 0.9) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (x, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor="white",
            edgecolor=INK,
            linewidth=1.1,
            zorder=3,
        )
    )
    ax.text(x + width / 2, y, text, ha="center", va="center", zorder=4)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = INK, width: float = 1.1
) -> None:
    ax.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0},
        zorder=2,
    )


def _plus(ax: Axes, y: float) -> None:
    ax.text(
        LEFT,
        y,
        "+",
        ha="center",
        va="center",
        zorder=5,
        bbox={"boxstyle": "circle,pad=0.14", "facecolor": "white", "edgecolor": INK, "linewidth": 1.1},
    )


def _counted(ax: Axes, y: float, module: nn.Module, colour: str = INK) -> int:
    count = _count(module)
    ax.text(RIGHT, y, f"{count:,}", ha="right", va="center", color=colour)
    return count


def _branch(ax: Axes, y: float, norm: nn.Module, layer: nn.Module, text: str) -> int:
    """Leave the stream, pass a layer norm and a layer, and be added to the stream again one row below."""
    _arrow(ax, (LEFT, y), (2.5, y))
    _box(ax, 2.5, y, 1.4, "norm")
    _arrow(ax, (3.9, y), (4.4, y))
    _box(ax, 4.4, y, 3.8, text)
    ax.plot([6.3, 6.3], [y - 0.45, y - 0.85], color=INK, linewidth=1.1, zorder=2)
    _arrow(ax, (6.3, y - 0.85), (LEFT + 0.22, y - 0.85))
    _plus(ax, y - 0.85)
    # Grey: these count one block, and the column adds up without them.
    return _counted(ax, y, nn.ModuleList([norm, layer]), GREY)


def _roles(ax: Axes, y: float) -> None:
    for x, role in zip((4.95, 5.75, 6.6, 7.5), ("query", "key", "value", "output"), strict=True):
        ax.text(x, y, role, ha="center", va="center", color=TEXT_COLOURS[role], fontsize=8.5, zorder=4)


def gpt_diagram(model: GPT, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a GPT as a residual stream with its branches, and beside each part how many numbers are trained in it.

    Args:
        model: read, not run.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Source: slides 19 and 24; the pre-norm block of Radford et al. 2019, section 2.3.
    """
    c = model.config
    if ax is None:
        _, ax = plt.subplots(figsize=(5.6, 6.2))
    ax.set_xlim(0, RIGHT)
    ax.set_ylim(-0.35, 11.15)
    ax.axis("off")
    _arrow(ax, (LEFT, 10.4), (LEFT, 0.45), STREAM, 4.0)

    ax.text(LEFT, 10.75, f"ids (B, {c.block_size})", ha="center", va="center")
    ax.text(RIGHT, 10.75, "trained numbers", ha="right", va="center", color=GREY)
    _box(ax, LEFT - 1.6, 9.75, 3.2, f"token {c.vocab_size} × {c.d_model}")
    total = _counted(ax, 9.75, model.token)
    _box(ax, 4.4, 8.8, 3.8, f"position {c.block_size} × {c.d_model}")
    _arrow(ax, (4.4, 8.8), (LEFT + 0.22, 8.8))
    _plus(ax, 8.8)
    total += _counted(ax, 8.8, model.position)

    ax.add_patch(
        FancyBboxPatch(
            (0.35, 3.35),
            8.05,
            4.9,
            boxstyle="round,pad=0,rounding_size=0.2",
            facecolor="#f3f3f3",
            edgecolor=COLOURS["masked"],
            linewidth=1,
            zorder=0,
        )
    )
    block = model.blocks[0]
    ax.text(8.2, 7.93, f"block, {c.n_layer} times", ha="right", va="center", color=GREY)
    one = _branch(ax, 7.2, block.norm_attention, block.attention, f"attention, {c.n_head} heads\n")
    _roles(ax, 7.0)
    hidden = f"{c.d_model} → {c.d_ff} → {c.d_model}"
    one += _branch(ax, 5.35, block.norm_feed_forward, block.feed_forward, f"feed-forward\n{hidden}")
    ax.text(LEFT + 0.25, 3.72, f"(B, {c.block_size}, {c.d_model})", ha="left", va="center", color=GREY)
    ax.text(8.2, 3.72, f"{c.n_layer} × {one:,} =", ha="right", va="center", color=GREY)
    total += _counted(ax, 3.72, model.blocks)

    _box(ax, LEFT - 1.6, 2.65, 3.2, "norm")
    total += _counted(ax, 2.65, model.norm)
    if model.head is None:
        _box(ax, LEFT - 1.6, 1.45, 5.2, "head: token table, transposed")
    else:
        _box(ax, LEFT - 1.6, 1.45, 3.2, f"head {c.d_model} → {c.vocab_size}")
        total += _counted(ax, 1.45, model.head)
    ax.text(LEFT, 0.1, f"logits (B, {c.block_size}, {c.vocab_size})", ha="center", va="center")
    ax.plot([7.6, RIGHT], [0.75, 0.75], color=INK, linewidth=0.8)
    ax.text(RIGHT, 0.2, f"{total:,}", ha="right", va="center", fontweight="bold")
    ax.set_title(title)
    return ax
