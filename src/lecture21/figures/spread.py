"""A measured quantity against a setting, over several seeds."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.figures.style import SERIES


def spread(
    x: Sequence[int | float],
    series: Mapping[str, Float[Tensor, "seed N"]],
    *,
    xlabel: str,
    ylabel: str,
    rules: Mapping[str, float] | None = None,
    log_x: bool = True,
    log_y: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean over seeds as a line, and the band from the least to the greatest seed.

    Args:
        x: the settings.
        series: for each label, one row for each seed and one column for each setting.
        xlabel: the setting.
        ylabel: the quantity and its unit.
        rules: for each label, a constant drawn as a dashed line.
        log_x: whether the settings stand on a logarithmic axis to base 2.
        log_y: whether the quantity stands on a logarithmic axis; if not, it starts at 0.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if a series has another number of columns than `x`.
    """
    ax = plt.subplots(figsize=(5.4, 3.4))[1] if ax is None else ax
    for colour, (label, values) in zip(SERIES, series.items(), strict=False):
        if values.shape[1] != len(x):
            raise ValueError(f"{label!r} has {values.shape[1]} columns for {len(x)} settings")
        ax.fill_between(x, values.amin(0), values.amax(0), color=colour, alpha=0.25, linewidth=0)
        ax.plot(x, values.mean(0), color=colour, marker="o", markersize=4, linewidth=2, label=label)
    for label, height in (rules or {}).items():
        ax.axhline(height, color="#555555", linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(
            label, (0.01, height), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
            color="#555555", fontsize=9.5,
        )  # fmt: skip
    if log_x:
        ax.set_xscale("log", base=2)
    if log_y:
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    ax.set_xticks(x, [f"{value:g}" for value in x])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    if len(series) > 1:
        ax.legend()
    return ax
