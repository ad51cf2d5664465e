"""The transformer block: a quantity by depth for several kinds of blocks."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lecture21.figures.style import SERIES, WIDTH


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
    for color, (label, rows) in zip(SERIES, series.items(), strict=False):
        values = np.asarray(rows, dtype=float)
        blocks = np.arange(1, values.shape[1] + 1)
        mean = np.exp(np.log(values).mean(axis=0))
        ax.fill_between(blocks, values.min(axis=0), values.max(axis=0), color=color, alpha=0.25, linewidth=0)
        ax.plot(blocks, mean, "o-", color=color, markersize=3.5, label=label)
    ax.set_yscale("log")
    n_block = max(len(rows[0]) for rows in series.values())
    step = -(-n_block // 4)
    ax.set_xticks(sorted({1, *range(step, n_block + 1, step)}))
    ax.set_xlabel("block, 1 is the first")
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend()
    return ax
