"""An ensemble against its average member: what cancels, and where the two are best."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lecture21.figures.style import SERIES, WIDTH

KEPT, CANCELLED, TRUTH, RULE = SERIES[1], "#9ecae9", "#000000", "#555555"


class Points(NamedTuple):
    """Measured values with their standard errors."""

    x: Sequence[int | float]
    y: Float[Tensor, " N"]
    error: Float[Tensor, " N"]


def cancellation(
    predictions: Float[Tensor, " M"],
    target: float | int,
    weights: Float[Tensor, " M"],
    *,
    limits: tuple[int | float, int | float],
    largest: float | int,
    title: str = "",
) -> Figure:
    """Draw members and their pool on a line, and under it the average error, cut into what stays and what cancels.

    Args:
        predictions: f_m.
        target: y.
        weights: g_m >= 0, which sum to one; a member's dot has an area in proportion to its weight.
        limits: the ends of the line.
        largest: where the axis of the errors ends.
        title: what the reader should find.
    """
    pool = (weights * predictions).sum().item()
    kept = (target - pool) ** 2
    cancelled = (weights * (predictions - pool).square()).sum().item()
    figure, (line, bar) = plt.subplots(2, 1, figsize=(WIDTH, 2.7), gridspec_kw={"height_ratios": [1.5, 1]})
    line.axhline(0, color="#cccccc", linewidth=1, zorder=0)
    line.scatter(predictions, [0] * len(predictions), s=360 * weights, color=SERIES[0], alpha=0.75, linewidth=0)
    # Below the line: a member may stand where the pool does.
    line.plot([pool], [-0.6], marker="D", markersize=8, color=KEPT, markeredgecolor="white", zorder=4)
    line.plot([target] * 2, [-0.35, 0.6], color=TRUTH, linewidth=2)
    line.annotate("truth", (target, 0.62), ha="center", va="bottom", color=TRUTH)
    line.annotate("pool", (pool, -0.85), ha="center", va="top", color=KEPT)
    line.set(xlim=limits, ylim=(-1.4, 1.15), yticks=[], xlabel="prediction")
    line.spines["left"].set_visible(False)
    line.set_title(title)

    bar.barh([0], [kept], color=KEPT, height=0.5)
    bar.barh([0], [cancelled], left=[kept], color=CANCELLED, height=0.5)
    bar.annotate(
        f"average error {kept + cancelled:.2f} =", (0.0, 0.42), va="bottom", ha="left", color="#333333", fontsize=9.5
    )
    bar.annotate(
        f"ensemble error {kept:.2f}", (0.0, -0.42), va="top", ha="left", color="#A84A00", fontsize=9.5,
    )  # fmt: skip
    bar.annotate(
        f"+ ambiguity {cancelled:.2f}, which cancels", (largest, -0.42), va="top", ha="right", color="#2F6F9F",
        fontsize=9.5,
    )  # fmt: skip
    bar.set(xlim=(0, largest), ylim=(-1.0, 1.0), yticks=[], xlabel="squared error")
    bar.spines["left"].set_visible(False)
    return figure


def error_scatter(
    ensemble: Float[Tensor, " N"],
    average: Float[Tensor, " N"],
    *,
    limits: tuple[int | float, int | float],
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the ensemble error of each point against an average error; above the diagonal the ensemble is worse.

    Args:
        ensemble: squared errors of the pool.
        average: the members' average squared errors at the same points.
        limits: of both axes, which are logarithmic.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.
    """
    ax = plt.subplots(figsize=(3.4, 3.4))[1] if ax is None else ax
    worse = ensemble > average
    for colour, part in ((SERIES[0], ~worse), (KEPT, worse)):
        ax.plot(average[part], ensemble[part], ".", color=colour, markersize=4, alpha=0.7)
    ax.plot(limits, limits, color=RULE, linewidth=1)
    ax.annotate(
        f"worse: {worse.double().mean():.0%}", (0.04, 0.96), xycoords="axes fraction", va="top", color="#A84A00"
    )
    ax.set(xscale="log", yscale="log", xlim=limits, ylim=limits)
    ax.set_xlabel("average squared error")
    ax.set_ylabel("ensemble's squared error")
    ax.set_title(title)
    return ax


def minima(
    series: Mapping[str, tuple[Sequence[int | float], Float[Tensor, " N"]]],
    *,
    xlabel: str,
    ylabel: str,
    limits: tuple[int | float, int | float],
    points: Mapping[str, Points] | None = None,
    rules: Mapping[str, int | float] | None = None,
    log_x: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw curves, and on each a ring where it is lowest, with a thin line down to the axis.

    Args:
        series: for each label, settings and values; drawn as a line.
        xlabel: the setting.
        ylabel: the quantity and its unit.
        limits: of the quantity.
        points: for some of the labels, measured values in the same colour.
        rules: for each label, a setting that a vertical dashed line marks.
        log_x: whether the settings stand on a logarithmic axis.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are points without a line of that name.
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
            measured = points[label]
            ax.errorbar(measured.x, measured.y, measured.error, fmt=".", color=colour, markersize=6, linewidth=1)
    for label, place in (rules or {}).items():
        ax.axvline(place, color=RULE, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(
            label, (place, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            ha="center", color=RULE, fontsize=9,
        )  # fmt: skip
    ax.set_xscale("log" if log_x else "linear")
    ax.set_ylim(*limits)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title, pad=18 if rules else None)  # room for the labels of the rules
    if len(series) > 1:
        ax.legend(frameon=True, framealpha=1, edgecolor="none")  # hides what a rule would strike through
    return ax


def pool_sizes(
    series: Mapping[str, Mapping[int, Sequence[int | float]]],
    *,
    ylabel: str,
    rules: Mapping[str, int | float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a loss against the number of members: the mean over choices of members, and every choice as a dot.

    Args:
        series: for each label and number of members, one loss for each choice of that many.
        ylabel: the loss and its unit.
        rules: for each label, a constant drawn as a dashed line.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.
    """
    ax = plt.subplots(figsize=(5.4, 3.6))[1] if ax is None else ax
    step = 0.22 / max(len(series) - 1, 1)
    for n, (colour, (label, sizes)) in enumerate(zip(SERIES, series.items(), strict=False)):
        places = [size + (n - (len(series) - 1) / 2) * step for size in sizes]
        for place, values in zip(places, sizes.values(), strict=True):
            ax.plot([place] * len(values), values, ".", color=colour, markersize=4, alpha=0.45)
        means = [sum(values) / len(values) for values in sizes.values()]
        ax.plot(places, means, color=colour, linewidth=1.8, marker="o", markersize=4, label=label)
    for label, height in (rules or {}).items():
        ax.axhline(height, color=RULE, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(
            label, (0.01, height), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
            color=RULE, fontsize=9.5,
        )  # fmt: skip
    sizes = sorted({size for by_size in series.values() for size in by_size})
    ax.set_xticks(sizes)
    ax.set_xlabel("members in the pool")
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 0.12))
    return ax
