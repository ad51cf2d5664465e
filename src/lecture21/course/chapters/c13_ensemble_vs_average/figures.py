"""The error of ensembles against a setting, with the settings of least error."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import vertical_rule
from lecture21.course.figures.style import SERIES


def minima(
    series: Mapping[str, tuple[Sequence[int | float], Float[Tensor, " _"]]],
    *,
    xlabel: str,
    ylabel: str,
    limits: tuple[int | float, int | float],
    points: Mapping[str, tuple[Sequence[int | float], Float[Tensor, " _"], Float[Tensor, " _"]]] | None = None,
    rules: Mapping[str, int | float] | None = None,
    log_x: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw curves, with a ring at the minimum of each and a thin line from it down to the axis.

    Args:
        series: settings and values of each curve.
        xlabel: the setting.
        ylabel: the quantity and its unit.
        limits: of the quantity.
        points: settings, measured values and their standard errors for some of the labels, in the same color.
        rules: settings marked by a dashed vertical line.
        log_x: whether the horizontal axis is logarithmic.
    """
    unknown = sorted(set(points or {}) - set(series))
    if unknown:
        raise ValueError(f"points need a line of the same name, got {unknown} beside {sorted(series)}")
    ax = plt.subplots(figsize=(5.4, 3.6))[1] if ax is None else ax
    for color, (label, (x, y)) in zip(SERIES, series.items(), strict=False):
        ax.plot(x, y, color=color, linewidth=1.8, label=label)
        low = int(y.argmin())
        ax.plot([x[low]] * 2, [limits[0], y[low]], color=color, linewidth=0.8, linestyle=(0, (2, 2)))
        ax.plot(
            [x[low]], [y[low]], "o", color=color, markersize=8, markerfacecolor="white", markeredgewidth=1.8, zorder=5
        )
        if label in (points or {}):
            ax.errorbar(*points[label], fmt=".", color=color, markersize=6, linewidth=1)
    for label, place in (rules or {}).items():
        vertical_rule(ax, place, label)
    ax.set_xscale("log" if log_x else "linear")
    ax.set_ylim(*limits)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title, pad=18 if rules else None)  # space for the labels of the rules
    if len(series) > 1:
        ax.legend(frameon=True, framealpha=1, edgecolor="none")  # hides the rules behind it
    return ax
