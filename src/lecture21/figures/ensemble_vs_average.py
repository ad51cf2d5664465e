"""An ensemble and its average member: the ambiguity decomposition, and settings of least error."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lecture21.figures._axes import vertical_rule
from lecture21.figures.style import SERIES, WIDTH

_ENSEMBLE, _AMBIGUITY = SERIES[1], "#9ecae9"


def decomposition(
    predictions: Float[Tensor, " M"],
    target: float | int,
    weights: Float[Tensor, " M"],
    *,
    limits: tuple[int | float, int | float],
    largest: float | int,
    title: str = "",
) -> Figure:
    """Draw members and ensemble on a line; below them, the average error as ensemble error plus ambiguity.

    Args:
        predictions: f_m.
        target: y.
        weights: g_m >= 0 with sum 1; the area of a member's dot is proportional to its weight.
        limits: of the predictions.
        largest: upper limit of the error axis.
    """
    pool = (weights * predictions).sum().item()
    kept = (target - pool) ** 2
    cancelled = (weights * (predictions - pool).square()).sum().item()
    figure, (line, bar) = plt.subplots(2, 1, figsize=(WIDTH, 2.7), gridspec_kw={"height_ratios": [1.5, 1]})
    line.axhline(0, color="#cccccc", linewidth=1, zorder=0)
    line.scatter(predictions, [0] * len(predictions), s=360 * weights, color=SERIES[0], alpha=0.75, linewidth=0)
    # Below the line, since a member may have the same prediction.
    line.plot([pool], [-0.6], marker="D", markersize=8, color=_ENSEMBLE, markeredgecolor="white", zorder=4)
    line.plot([target] * 2, [-0.35, 0.6], color="black", linewidth=2)
    line.annotate("truth", (target, 0.62), ha="center", va="bottom", color="black")
    line.annotate("ensemble", (pool, -0.85), ha="center", va="top", color=_ENSEMBLE)
    line.set(xlim=limits, ylim=(-1.4, 1.15), yticks=[], xlabel="prediction")
    line.spines["left"].set_visible(False)
    line.set_title(title)

    bar.barh([0], [kept], color=_ENSEMBLE, height=0.5)
    bar.barh([0], [cancelled], left=[kept], color=_AMBIGUITY, height=0.5)
    bar.text(0.0, 0.42, f"average error {kept + cancelled:.2f} =", va="bottom", ha="left", fontsize=9.5)
    bar.text(0.0, -0.42, f"ensemble error {kept:.2f}", va="top", ha="left", color="#A84A00", fontsize=9.5)
    bar.text(largest, -0.42, f"+ ambiguity {cancelled:.2f}", va="top", ha="right", color="#2F6F9F", fontsize=9.5)
    bar.set(xlim=(0, largest), ylim=(-1.0, 1.0), yticks=[], xlabel="squared error")
    bar.spines["left"].set_visible(False)
    return figure


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
        points: settings, measured values and their standard errors for some of the labels, in the same colour.
        rules: settings marked by a dashed vertical line.
        log_x: whether the horizontal axis is logarithmic.
    """
    unknown = sorted(set(points or {}) - set(series))
    if unknown:
        raise ValueError(f"points need a line of the same name, got {unknown} beside {sorted(series)}")
    ax = plt.subplots(figsize=(5.4, 3.6))[1] if ax is None else ax
    for colour, (label, (x, y)) in zip(SERIES, series.items(), strict=False):
        ax.plot(x, y, color=colour, linewidth=1.8, label=label)
        low = int(y.argmin())
        ax.plot([x[low]] * 2, [limits[0], y[low]], color=colour, linewidth=0.8, linestyle=(0, (2, 2)))
        ax.plot(
            [x[low]], [y[low]], "o", color=colour, markersize=8, markerfacecolor="white", markeredgewidth=1.8, zorder=5
        )
        if label in (points or {}):
            ax.errorbar(*points[label], fmt=".", color=colour, markersize=6, linewidth=1)
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
