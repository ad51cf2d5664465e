"""The transformer block: its two lines of code as a drawing, and a quantity by depth for several kinds of blocks."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lecture21.figures._diagram import arrow, box, plus
from lecture21.figures.style import COLOURS, SERIES, WIDTH

_STREAM, _NORM, _LAYER = 0.8, 2.0, 3.2  # heights of the stream, the norms and the layers
_BRANCHES = (("attention", "mixes positions", 1.6), ("feed_forward", "transforms each position", 6.4))


def block_diagram(*, norm_position: str = "pre", title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a block as a residual stream, from left to right, with two branches that are added to it.

    Below each branch is its line of code.

    Args:
        norm_position: pre, in each branch before its layer, or post, on the stream after each sum.
    """
    if norm_position not in ("pre", "post"):
        raise ValueError(f"norm_position must be pre or post, got {norm_position!r}")
    ax = plt.subplots(figsize=(WIDTH, 2.7))[1] if ax is None else ax
    ax.set_xlim(-0.5, 11.4)
    ax.set_ylim(-0.5, 4.3)
    ax.axis("off")
    ax.set_title(title)
    arrow(ax, (0.2, _STREAM), (10.9, _STREAM), colour=COLOURS["stream"], linewidth=4.0)
    ax.text(0.05, _STREAM, "x", ha="right", va="center", style="italic")
    ax.text(11.05, _STREAM, "x", ha="left", va="center", style="italic")
    for name, what, left in _BRANCHES:
        right = left + 2.6
        arrow(ax, (left, _STREAM), (left, _LAYER), (left + 0.2, _LAYER))
        arrow(ax, (left + 2.4, _LAYER), (right, _LAYER), (right, _STREAM + 0.22))
        box(ax, (left + 1.3, _LAYER), (2.2, 0.9), name.replace("_", "-"))
        ax.text(left + 1.3, _LAYER + 0.55, what, ha="center", va="bottom", fontsize=8.5, color=COLOURS["note"])
        plus(ax, (right, _STREAM))
        if norm_position == "pre":
            box(ax, (left, _NORM), (1.1, 0.62), "norm")
            code = f"x = x + {name}(norm(x))"
        else:
            box(ax, (right + 0.95, _STREAM), (1.1, 0.62), "norm", zorder=4)
            code = f"x = norm(x + {name}(x))"
        ax.text(left + 1.6, -0.1, code, ha="center", va="center", family="monospace", fontsize=8)
    return ax


def depth_curves(
    series: Mapping[str, Sequence[Sequence[int | float]]], *, ylabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a positive quantity of each block, from the first to the last, on a logarithmic scale.

    Args:
        series: for each kind of block, one row for each seed and one column for each block.
    """
    if not 1 <= len(series) <= len(SERIES):
        raise ValueError(f"depth_curves draws 1 to {len(SERIES)} series, got {len(series)}")
    ax = plt.subplots(figsize=(WIDTH, 3.2))[1] if ax is None else ax
    for colour, (label, rows) in zip(SERIES, series.items(), strict=False):
        values = np.asarray(rows, dtype=float)
        blocks = np.arange(1, values.shape[1] + 1)
        mean = np.exp(np.log(values).mean(axis=0))
        ax.fill_between(blocks, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.25, linewidth=0)
        ax.plot(blocks, mean, "o-", color=colour, markersize=3.5, label=label)
    ax.set_yscale("log")
    n_block = max(len(rows[0]) for rows in series.values())
    step = -(-n_block // 4)
    ax.set_xticks(sorted({1, *range(step, n_block + 1, step)}))
    ax.set_xlabel("block, 1 is the first")
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend()
    return ax
