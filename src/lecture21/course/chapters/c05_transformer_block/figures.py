"""The transformer block: the loss by learning rate."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from lecture21.course.figures.axes import DASHED
from lecture21.course.figures.style import SERIES, WIDTH

KINDS = dict(zip(("pre-norm", "post-norm"), SERIES, strict=False))
"""The color of each kind of block, the same in every figure of the chapter."""


def rate_curves(
    losses: Mapping[str, Mapping[float, Sequence[float]]],
    *,
    rules: Mapping[str, int | float],
    top: int | float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss against the learning rate: a dot for each seed, a line through their means.

    Args:
        losses: for each kind of block and learning rate, the loss of each seed in nats per character.
        rules: losses of baselines, drawn as dashed lines.
        top: upper end of the axis; higher losses are drawn at it, as triangles.
    """
    ax = plt.subplots(figsize=(WIDTH, 3.4))[1] if ax is None else ax
    for color, (label, by_rate) in zip(SERIES, losses.items(), strict=False):
        color = KINDS.get(label, color)
        rates = sorted(by_rate)
        means = [float(np.mean(by_rate[rate])) for rate in rates]
        ax.plot(rates, np.minimum(means, top), color=color, linewidth=2, label=label)
        for rate in rates:
            for each in by_rate[rate]:
                inside = each <= top
                ax.plot(rate, each if inside else top, "o" if inside else "^", color=color, markersize=4, alpha=0.7)
    for label, height in rules.items():
        ax.axhline(height, **DASHED, label=label)
    ax.set_xscale("log")
    ticks = sorted({rate for by_rate in losses.values() for rate in by_rate})
    ax.set_xticks(ticks, [f"{rate:g}" for rate in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(top=top + 0.05)
    ax.set_xlabel("learning rate")
    ax.set_ylabel("nats per character")
    ax.set_title(title)
    ax.legend()
    return ax
