"""A quantity against the length of a text or the distance in it, on logarithmic axes, each line named at its end."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.figures.ends import name_ends
from lecture21.figures.style import SERIES, WIDTH

GREY = "#555555"


def by_length(
    x: Sequence[int],
    series: Mapping[str, Float[Tensor, "_ N"]],
    *,
    xlabel: str,
    ylabel: str,
    rules: Mapping[str, int | float] | None = None,
    marks: Mapping[str, int | float] | None = None,
    log_y: bool = False,
    ticks: Mapping[int, str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a thin line for each seed and a thick one for their mean over a logarithmic axis, named at the right edge.

    Args:
        x: lengths or distances.
        series: for each label, one row for each seed and one column for each length.
        xlabel: what the lengths are, and of what.
        ylabel: the quantity and its unit.
        rules: for each label, a constant drawn as a dashed line across.
        marks: for each label, a length drawn as a dashed line upwards.
        log_y: whether the quantity stands on a logarithmic axis too.
        ticks: what is written at which lengths; the lengths themselves at all of them if not given.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw or more than there are colours, or a series does not fit the lengths.
    """
    if not 1 <= len(series) <= len(SERIES):
        raise ValueError(f"by_length draws 1 to {len(SERIES)} series, got {len(series)}")
    ax = plt.subplots(figsize=(WIDTH, 3.8))[1] if ax is None else ax
    ends = []
    for colour, (label, values) in zip(SERIES, series.items(), strict=False):
        if values.shape[1] != len(x):
            raise ValueError(f"{label!r} has {values.shape[1]} columns for {len(x)} lengths")
        if len(values) > 1:
            ax.plot(x, values.T, color=colour, linewidth=0.7, alpha=0.6)
        ax.plot(x, values.mean(0), "o-", color=colour, linewidth=2, markersize=4)
        ends.append((values.mean(0)[-1].item(), label, colour))
    ax.set_xscale("log", base=2)
    if log_y:
        ax.set_yscale("log")
    for label, height in (rules or {}).items():
        ax.axhline(height, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ends.append((height, label, GREY))
    for label, length in (marks or {}).items():
        ax.axvline(length, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(
            label, (length, 1), xycoords=("data", "axes fraction"), xytext=(3, -3), textcoords="offset points",
            va="top", color=GREY, fontsize=9.5,
        )  # fmt: skip
    ticks = {value: f"{value:,}" for value in x} if ticks is None else ticks
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    name_ends(ax, ends, gap=0.075)
    return ax
