"""Errors of ensembles against a setting, what averaging removes, and where members disagree."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import DASHED, text_color_on, vertical_rule, visible
from lecture21.course.figures.style import COLORS, SERIES

_NARROW = 4.75  # inches: what is written in a figure of this width stays readable on a phone


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


def ambiguity_bars(
    losses: Mapping[str, tuple[Float[Tensor, " _"], Float[Tensor, " _"]]],
    *,
    ylabel: str,
    rules: Mapping[str, int | float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a bar from the ensemble's loss up to its members' average, so that its length is the ambiguity.

    Args:
        losses: the members' average loss and the ensemble's, a value for each seed, by the name of the bar.
        ylabel: the loss and its unit.
        rules: losses of other models, as dashed lines with their names at the right.
    """
    ax = plt.subplots(figsize=(_NARROW, 3.4))[1] if ax is None else ax
    number = {"ha": "center", "bbox": {"facecolor": "white", "linewidth": 0, "pad": 0.5}}
    for place, (average, ensemble) in enumerate(losses.values()):
        top, bottom = average.mean().item(), ensemble.mean().item()
        ax.bar(place, top - bottom, bottom=bottom, width=0.66, color="#cfe6f5", edgecolor=COLORS["ink"], linewidth=1)
        names = ("average\n", "ambiguity\n", "ensemble\n") if place == 0 else ("", "", "")
        ax.text(place, (top + bottom) / 2, f"{names[1]}{top - bottom:.2f}", ha="center", va="center", fontsize=9)
        for seeds, name, side, color in ((average, names[0], 1, "#B34700"), (ensemble, names[2], -1, SERIES[0])):
            ax.annotate(
                f"{name}{seeds.mean():.2f}", (place, seeds.mean().item()), xytext=(0, 5 * side),
                textcoords="offset points", va="bottom" if side > 0 else "top", color=color, **number,
            )  # fmt: skip
            places = [place + 0.4 + 0.04 * n for n in range(len(seeds))]
            ax.plot(places, seeds.tolist(), ".", color=color, markersize=5)
    right = len(losses) - 0.3
    for name, height in (rules or {}).items():
        ax.axhline(height, **DASHED)
        ax.annotate(
            name, (right, height), xytext=(4, 0), textcoords="offset points", va="center", color=COLORS["note"],
            fontsize=9.5, annotation_clip=False,
        )  # fmt: skip
    ax.set_xlim(-0.5, right)
    ax.margins(y=0.2)
    ax.set_xticks(range(len(losses)), losses)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel(ylabel)
    return ax


def colored_characters(
    text: str,
    values: Float[Tensor, " _"],
    *,
    limit: float,
    label: str,
    underlined: Sequence[bool] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Write a text line by line, each character on a color for its value, from nearly white at 0 to orange.

    Args:
        text: a line break is drawn as a sign of its own at the end of its line.
        values: one for each character.
        limit: value of the strongest color; greater ones have it too.
        label: what the values are, and their unit, at the color scale.
        underlined: which characters have a line below them; none if not given.
    """
    underlined = [False] * len(text) if underlined is None else underlined
    if not len(values) == len(text) == len(underlined):
        raise ValueError(f"got {len(values)} values and {len(underlined)} lines below for {len(text)} characters")
    lines = text.splitlines(keepends=True)
    ax = plt.subplots(figsize=(_NARROW, 0.75 + 0.25 * len(lines)))[1] if ax is None else ax
    colors = sns.light_palette(SERIES[1], as_cmap=True)
    row = column = 0
    for character, value, below in zip(text, values.tolist(), underlined, strict=True):
        shade = colors(min(value / limit, 1.0))
        ax.add_patch(plt.Rectangle((column, row), 1, 1, facecolor=shade, linewidth=0))
        if below:
            ax.plot([column, column + 1], [row + 0.93] * 2, color=SERIES[0], linewidth=1.6, solid_capstyle="butt")
        sign = visible(character) if character == "\n" else character
        ax.text(column + 0.5, row + 0.5, sign, ha="center", va="center", family="DejaVu Sans Mono", fontsize=10.5)
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    ax.set(xlim=(0, max(map(len, lines))), ylim=(len(lines), 0))
    ax.set_axis_off()
    scale = plt.cm.ScalarMappable(plt.Normalize(0, limit), colors)
    ax.figure.colorbar(scale, ax=ax, location="bottom", aspect=40, pad=0.02, extend="max", label=label)
    return ax


def error_map(
    errors: Float[Tensor, "R C"], rows: Sequence[float], columns: Sequence[float], ax: Axes | None = None
) -> Axes:
    """Draw errors, in thousandths, for each kappa, a row, and penalty, a column, with a ring at each column's least.

    The least of all has a second ring.
    """
    if errors.shape != (len(rows), len(columns)):
        raise ValueError(f"errors must have the shape {(len(rows), len(columns))}, got {tuple(errors.shape)}")
    ax = plt.subplots(figsize=(_NARROW, 3.0))[1] if ax is None else ax
    shades = sns.color_palette("mako_r", as_cmap=True)
    ax.imshow(errors.log().numpy(), origin="lower", aspect="auto", cmap=shades, vmax=errors.log().max() + 0.6)
    for i, j in np.ndindex(*errors.shape):
        shade = (errors[i, j].log() - errors.log().min()) / (errors.log().max() + 0.6 - errors.log().min())
        ax.text(
            j,
            i,
            f"{1000 * errors[i, j]:.0f}",
            ha="center",
            va="center",
            color=text_color_on(np.array(shades(float(shade)))),
        )
    least = errors.argmin(dim=0).tolist()
    best = int(errors.min(dim=0).values.argmin())
    ring = {"markerfacecolor": "none", "markeredgecolor": "#D55E00"}
    ax.plot(range(len(columns)), least, "o", markersize=17, markeredgewidth=1.5, **ring)
    ax.plot([best], [least[best]], "o", markersize=22, markeredgewidth=2.5, **ring)
    ax.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
    ax.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
    ax.set(xlabel="λ, the penalty on weights", ylabel="κ")
    ax.grid(visible=False)
    return ax
