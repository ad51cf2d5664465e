"""Mixtures of experts: the formula as a picture, the gate and its members at work, and how methods compare."""

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from lecture21.figures.heatmaps import as_array
from lecture21.figures.style import SERIES, WIDTH

INK = "#333333"
GREY = "#777777"


def _colours(n_member: int) -> list[str]:
    """Return one colour for each member; black stays for what they make together."""
    available = [colour for colour in SERIES if colour != "#000000"]
    if not 1 <= n_member <= len(available):
        raise ValueError(f"this picture has colours for 1 to {len(available)} members, got {n_member}")
    return available[:n_member]


def mixture_diagram(weights: Sequence[float], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the formula: x goes to every member and to the gate, whose weights say how much each counts in the sum.

    Args:
        weights: g_m at one x, written on the arrows into the sum, and drawn as wide as they are.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are no weights, or more than colours.
    """
    colours, m = _colours(len(weights)), len(weights)
    ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.55 * (m + 1)))[1] if ax is None else ax
    heights = np.arange(m, -1, -1.0)  # members from the top, the gate below

    def box(x: float, y: float, text: str, colour: str, width: float = 0.24) -> None:
        shape = FancyBboxPatch((x - width / 2, y - 0.3), width, 0.6, boxstyle="round,pad=0,rounding_size=0.02")
        shape.set(facecolor="white", edgecolor=colour, linewidth=1.6)
        ax.add_patch(shape)
        ax.text(x, y, text, ha="center", va="center_baseline", color=INK)

    middle = (m + 1) / 2
    box(0.07, middle, "$x$", INK, 0.1)
    box(0.88, middle, r"$P(y\,|\,x)$", INK, 0.22)
    for k, (weight, colour) in enumerate(zip(weights, colours, strict=True)):
        box(0.4, heights[k], rf"member {k + 1}: $P_{k + 1}(y\,|\,x)$", colour, 0.34)
        style = {"arrowstyle": "-|>", "color": colour, "linewidth": 0.8 + 4 * weight, "shrinkA": 0, "shrinkB": 0}
        ends = (0.765, middle + 0.12 * (heights[k] - middle)), (0.575, heights[k])
        ax.annotate("", *ends, arrowprops=style)
        at = [(0.45 * a + 0.55 * b) for a, b in zip(*ends, strict=True)]
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(*at, rf"$g_{k + 1}$ = {weight:g}", ha="center", va="center", color=INK, bbox=white, fontsize=9.5)
    box(0.4, heights[m], r"gate: $g(x)$, sums to 1", GREY, 0.34)
    for k in range(m + 1):
        style = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (0.225, heights[k]), (0.125, middle), arrowprops=style)
    dashes = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1, "linestyle": "--", "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (0.68, min(middle - 0.55, heights[m - 1] - 0.1)), (0.575, heights[m]), arrowprops=dashes)
    ax.set(xlim=(0, 1), ylim=(-0.45, m + 0.45))
    ax.axis("off")
    ax.set_title(title)
    return ax


def mixture_density(
    y: Float[Tensor, " N"],
    densities: Float[Tensor, "N M"],
    weights: Float[Tensor, " M"],
    *,
    marked: float | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw g_m P_m(y|x) at one x for each member, filled, and their sum as a line.

    Args:
        y: where.
        densities: P_m(y|x) there.
        weights: g_m(x).
        marked: a y at which a dashed line asks who is responsible.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are more members than colours, or the weights are not one for each.
    """
    parts, colours = as_array(densities) * as_array(weights), _colours(densities.shape[1])
    ax = plt.subplots(figsize=(WIDTH, 2.6))[1] if ax is None else ax
    for k, colour in enumerate(colours):
        label = f"$g_{k + 1}P_{k + 1}$, $g_{k + 1}$ = {weights[k].item():.2g}"
        ax.fill_between(as_array(y), parts[:, k], color=colour, alpha=0.35, linewidth=0, label=label)
    ax.plot(as_array(y), parts.sum(axis=1), color="black", linewidth=1.6, label="sum")
    if marked is not None:
        ax.axvline(marked, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    ax.set(xlabel="y", ylabel="density at this x", xlim=(y.min().item(), y.max().item()))
    ax.set_ylim(bottom=0)
    ax.legend()
    ax.set_title(title)
    return ax


def members_at_work(
    x: Float[Tensor, " N"],
    y: Float[Tensor, " N"],
    line: Float[Tensor, " L"],
    means: Float[Tensor, "L M"],
    gate: Float[Tensor, "L M"],
    *,
    title: str = "",
    axes: Iterable[Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Draw the members over the data, bold where the gate prefers it, with their blend; below, the gate's shares.

    Args:
        x: the data's inputs.
        y: what followed them.
        line: inputs in ascending order, at which the rest is known.
        means: f_m there.
        gate: g_m there.
        title: what the reader should find.
        axes: the upper and the lower one; a new figure if not given.

    Raises:
        ValueError: if there are more members than colours.
    """
    colours = _colours(means.shape[1])
    if axes is None:
        axes = plt.subplots(2, 1, figsize=(WIDTH, 3.8), sharex=True, gridspec_kw={"height_ratios": [2.4, 1]})[1]
    upper, lower = axes
    inputs, lines, shares = as_array(line), as_array(means), as_array(gate)
    upper.plot(as_array(x), as_array(y), ".", color="#bbbbbb", markersize=3, zorder=0)
    for k, colour in enumerate(colours):
        upper.plot(inputs, lines[:, k], color=colour, linewidth=0.8, linestyle=(0, (2, 2)), alpha=0.9)
        weak = np.where(shares[:, k] >= 0.5, lines[:, k], np.nan)  # where it has the say
        upper.plot(inputs, weak, color=colour, linewidth=5, alpha=0.45, solid_capstyle="butt")
    upper.plot(inputs, (shares * lines).sum(axis=1), color="black", linewidth=1.3)
    spread = np.ptp(as_array(y))
    upper.set(ylabel="y", ylim=(as_array(y).min() - 0.1 * spread, as_array(y).max() + 0.1 * spread))
    lower.stackplot(inputs, shares.T, colors=colours, alpha=0.75, linewidth=0)
    lower.set(xlabel="x", ylabel="gate", xlim=(inputs.min(), inputs.max()), ylim=(0, 1), yticks=[0, 1])
    upper.set_title(title)
    return upper, lower


def class_map(
    points: Float[Tensor, "N 2"],
    classes: Int[Tensor, " N"],
    probability: Float[Tensor, "S S"],
    chosen: Int[Tensor, "S S"] | None = None,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw two classes on the square from -1 to 1, where a model changes its mind, and which member has the say where.

    Args:
        points: the data.
        classes: 0 (hollow) or 1 (filled) for each.
        probability: of class 1 on a grid of the square; rows go up with the second coordinate.
        chosen: the member with the largest gate there; nothing is coloured if not given.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are more members than colours.
    """
    ax = plt.subplots(figsize=(3, 3))[1] if ax is None else ax
    axis = np.linspace(-1, 1, probability.shape[0])
    if chosen is not None:
        members = [int(k) for k in chosen.unique()]
        for k, colour in zip(members, _colours(len(members)), strict=True):
            region = np.where(as_array(chosen) == k, 1.0, np.nan)
            ax.contourf(axis, axis, region, levels=[0.5, 1.5], colors=[colour], alpha=0.25)
    ax.contour(axis, axis, as_array(probability), levels=[0.5], colors="black", linewidths=1.4)
    for k, face in enumerate(("white", INK)):
        there = as_array(points)[as_array(classes) == k]
        ax.plot(*there.T, "o", markersize=2.6, markerfacecolor=face, markeredgecolor=INK, markeredgewidth=0.5)
    ax.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal")
    ax.set_title(title)
    return ax


def climbs(
    curves: Mapping[str, Sequence[Sequence[float]]], *, ylabel: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how a fit gets better, one thin line for each start, over steps on a logarithmic axis.

    Args:
        curves: for each method, the values of each start before the first step and after each.
        ylabel: the quantity and its unit.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are more methods than colours, or one without a start.
    """
    ax = plt.subplots(figsize=(WIDTH, 3.0))[1] if ax is None else ax
    for (label, starts), colour in zip(curves.items(), _colours(len(curves)), strict=True):
        if not starts:
            raise ValueError(f"{label!r} has no start to draw")
        for n, values in enumerate(starts):
            steps = np.arange(len(values)) + 1  # a logarithmic axis has no 0
            ax.plot(steps, values, color=colour, linewidth=1.1, alpha=0.8, label=label if n == 0 else None)
            ax.plot(steps[-1], values[-1], "o", color=colour, markersize=3.5)
    ax.set_xscale("log")
    ax.set(xlabel="step, from 1 (the start)", ylabel=ylabel)
    ax.legend()
    ax.set_title(title)
    return ax


def method_rows(
    scores: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    best: float | None = None,
    limit: float | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one row for each method: a small dot for each seed, a large one for their mean.

    Args:
        scores: for each method, one score for each seed; the first is on top.
        xlabel: the quantity and its unit.
        best: a score that nothing can beat, drawn as a dashed line.
        limit: where the axis ends; a mean beyond it is written at the edge, an infinite one as such.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is no method, or one without a score.
    """
    if not scores or not all(len(values) for values in scores.values()):
        raise ValueError(f"each of at least one method needs at least one score, got {list(scores)}")
    ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.27 * len(scores)))[1] if ax is None else ax
    for row, values in enumerate(scores.values()):
        numbers = np.asarray(values, dtype=float)
        mean = numbers.mean()
        if limit is not None and not mean <= limit:
            text = "∞ →" if np.isinf(mean) else f"{mean:.2f} →"
            ax.annotate(
                text, (1, row), xycoords=("axes fraction", "data"), ha="right", va="center", color=GREY, fontsize=9
            )
            continue
        inside = numbers if limit is None else numbers[numbers <= limit]
        ax.plot(inside, [row] * len(inside), "o", color=SERIES[0], markersize=3, alpha=0.45)
        ax.plot([mean], [row], "o", color=SERIES[0], markersize=7, markeredgecolor="white")
    if best is not None:
        ax.axvline(best, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    if limit is not None:
        ax.set_xlim(right=limit)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set_ylim(len(scores) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", color="#eeeeee", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel)
    ax.set_title(title)
    return ax
