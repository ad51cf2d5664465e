"""Mixtures of experts: the formula as a diagram, the members with their gate, and regions of a classifier."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.figures._axes import as_array
from lecture21.figures._diagram import arrow, box
from lecture21.figures.style import COLOURS, SERIES, WIDTH

_MEMBERS = SERIES[:6]  # black is the colour of the mixture


def _member_colours(n_member: int) -> list[str]:
    if not 1 <= n_member <= len(_MEMBERS):
        raise ValueError(f"there are colours for 1 to {len(_MEMBERS)} members, got {n_member}")
    return _MEMBERS[:n_member]


def mixture_diagram(weights: Sequence[float], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the formula of a mixture: members and gate read x, and the gate weights the members in the sum.

    Args:
        weights: g_m at one x, the widths of the arrows into the sum.
    """
    colours, m = _member_colours(len(weights)), len(weights)
    grey = COLOURS["note"]
    ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.55 * (m + 1)))[1] if ax is None else ax
    heights = np.arange(m, -1, -1.0).tolist()  # members from the top, the gate at the bottom
    middle = (m + 1) / 2
    style = {"linewidth": 1.6, "rounding": 0.02}
    box(ax, (0.07, middle), (0.1, 0.6), "$x$", **style)
    box(ax, (0.88, middle), (0.22, 0.6), r"$P(y\,|\,x)$", **style)
    for k, (weight, colour) in enumerate(zip(weights, colours, strict=True)):
        box(ax, (0.4, heights[k]), (0.34, 0.6), rf"member {k + 1}: $P_{k + 1}(y\,|\,x)$", edge=colour, **style)
        start, end = (0.575, heights[k]), (0.765, middle + 0.12 * (heights[k] - middle))
        arrow(ax, start, end, colour=colour, linewidth=0.8 + 4 * weight)
        at = [0.45 * b + 0.55 * a for a, b in zip(start, end, strict=True)]
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(*at, rf"$g_{k + 1}$ = {weight:g}", ha="center", va="center", bbox=white, fontsize=9.5)
    box(ax, (0.4, heights[m]), (0.34, 0.6), r"gate: $g(x)$, sums to 1", edge=grey, **style)
    for height in heights:
        arrow(ax, (0.125, middle), (0.225, height), colour=grey, linewidth=1)
    arrow(
        ax, (0.575, heights[m]), (0.68, min(middle - 0.55, heights[m - 1] - 0.1)), colour=grey, linewidth=1, style="--"
    )
    ax.set(xlim=(0, 1), ylim=(-0.45, m + 0.45))
    ax.axis("off")
    ax.set_title(title)
    return ax


def gated_members(
    x: Float[Tensor, " N"],
    y: Float[Tensor, " N"],
    line: Float[Tensor, " L"],
    means: Float[Tensor, "L M"],
    gate: Float[Tensor, "L M"],
    *,
    title: str = "",
    axes: Iterable[Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Draw the members over the data, bold where their gate exceeds one half, and the mixture; below, the gate.

    Args:
        x: inputs of the data.
        y: targets of the data.
        line: inputs in ascending order at which the mixture is evaluated.
        means: f_m at each of them.
        gate: g_m at each of them.
        axes: the upper and the lower axes; a new figure by default.
    """
    colours = _member_colours(means.shape[1])
    if axes is None:
        axes = plt.subplots(2, 1, figsize=(WIDTH, 3.8), sharex=True, gridspec_kw={"height_ratios": [2.4, 1]})[1]
    upper, lower = axes
    inputs, lines, shares = as_array(line), as_array(means), as_array(gate)
    upper.plot(as_array(x), as_array(y), ".", color="#bbbbbb", markersize=3, zorder=0)
    for k, colour in enumerate(colours):
        upper.plot(inputs, lines[:, k], color=colour, linewidth=0.8, linestyle=(0, (2, 2)), alpha=0.9)
        chosen = np.where(shares[:, k] >= 0.5, lines[:, k], np.nan)
        upper.plot(inputs, chosen, color=colour, linewidth=5, alpha=0.45, solid_capstyle="butt")
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
    """Draw two classes on the square from -1 to 1, the decision boundary, and the region of each member.

    Args:
        points: the data.
        classes: 0 (hollow) or 1 (filled) for each point.
        probability: of class 1 on a grid of the square; rows increase with the second coordinate.
        chosen: the member with the largest gate on the grid; no regions by default.
    """
    ax = plt.subplots(figsize=(3, 3))[1] if ax is None else ax
    axis = np.linspace(-1, 1, probability.shape[0])
    if chosen is not None:
        members = [int(k) for k in chosen.unique()]
        for k, colour in zip(members, _member_colours(len(members)), strict=True):
            region = np.where(as_array(chosen) == k, 1.0, np.nan)
            ax.contourf(axis, axis, region, levels=[0.5, 1.5], colors=[colour], alpha=0.25)
    ax.contour(axis, axis, as_array(probability), levels=[0.5], colors="black", linewidths=1.4)
    for k, face in enumerate(("white", COLOURS["ink"])):
        there = as_array(points)[as_array(classes) == k]
        ax.plot(
            *there.T, "o", markersize=2.6, markerfacecolor=face, markeredgecolor=COLOURS["ink"], markeredgewidth=0.5
        )
    ax.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.set_title(title)
    return ax
