"""Scale: the best size for a budget of compute, the loss of a larger one, and how heads look up an example."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.course.figures.axes import DASHED, as_array
from lecture21.course.figures.diagram import Point
from lecture21.course.figures.style import COLORS, SERIES, WIDTH


def isoflop_curves(
    curves: Mapping[str, tuple[Sequence[int], Float[Tensor, "_ _S"]]],
    *,
    curvature: int | float,
    xlabel: str,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss over the size, a curve for each budget of compute, and join the lowest points.

    Small dots are seeds, large dots their mean. Each curve is a parabola in the logarithm of the size, of one curvature
    for all, fitted to the means by least squares. A star is its lowest point.

    Args:
        curves: by the label of the budget, the S sizes and the losses of shape (seeds, S); at least 3 sizes.
        curvature: factor of the squared natural logarithm of the size.
        xlabel: what the size counts.
        ylabel: the loss and its unit.
    """
    for label, (sizes, losses) in curves.items():
        if losses.shape[1] != len(sizes) or len(sizes) < 3:
            counts = f"{len(sizes)} and {losses.shape[1]}"
            raise ValueError(f"{label}: a curve needs 3 or more sizes and a loss for each, got {counts}")
    ax = plt.subplots(figsize=(WIDTH, 3.6))[1] if ax is None else ax
    bottoms = []
    for (label, (sizes, losses)), color in zip(curves.items(), SERIES, strict=False):
        x, values = np.log(sizes), as_array(losses)
        a = curvature
        b, c = np.polyfit(x, values.mean(0) - a * x**2, 1)
        grid = np.linspace(x.min(), x.max(), 60)
        ax.plot(np.exp(grid), np.polyval((a, b, c), grid), color=color, linewidth=1.4)
        for row in values:
            ax.plot(sizes, row, "o", color=color, markersize=2.5, alpha=0.5)
        ax.plot(sizes, values.mean(0), "o", markersize=6, label=label, color=color, linestyle="none")
        bottoms.append((np.exp(-b / (2 * a)), c - b**2 / (4 * a)))
    ax.plot(*zip(*bottoms, strict=True), **DASHED | {"color": COLORS["ink"], "zorder": 3})
    star = {"color": COLORS["ink"], "markersize": 10, "linestyle": "none", "zorder": 4}
    ax.plot(*zip(*bottoms, strict=True), "*", label="lowest point", **star)
    ax.set_xscale("log")
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend(fontsize=8.5)
    return ax


def lowest_losses(
    budgets: Sequence[int | float],
    losses: Float[Tensor, "B 3"],
    predicted: tuple[int | float, int | float],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the lowest loss over the budget of compute, the power law through all but the last, and its prediction.

    Args:
        budgets: B budgets in FLOPs; the last was held back.
        losses: for each, the lowest loss that was measured, and the limits of its interval.
        predicted: the limits of the interval that was predicted for the last budget.
        xlabel: how the compute is counted.
        ylabel: the loss and its unit.
    """
    if len(budgets) != len(losses) or len(budgets) < 3:
        raise ValueError(f"lowest_losses needs 3 or more budgets and a loss of each, got {len(budgets)}, {len(losses)}")
    ax = plt.subplots(figsize=(WIDTH, 3.6))[1] if ax is None else ax
    values = as_array(losses)
    slope, intercept = np.polyfit(np.log(budgets[:-1]), np.log(values[:-1, 0]), 1)
    grid = np.geomspace(budgets[0] / 1.5, budgets[-1] * 1.8, 50)
    label = f"loss $\\propto F^{{{slope:.3f}}}$, fitted to the first {len(budgets) - 1}"
    ax.plot(grid, np.exp(intercept + slope * np.log(grid)), color=COLORS["note"], label=label)
    band = {"color": COLORS["masked"], "alpha": 0.45, "linewidth": 9, "zorder": 1}
    ax.vlines(budgets[-1], *predicted, label="predicted before the run", **band)
    for n, (budget, (best, lowest, highest)) in enumerate(zip(budgets, values, strict=True)):
        last = n == len(budgets) - 1
        ax.errorbar(
            budget,
            best,
            yerr=[[best - lowest], [highest - best]],
            fmt="o",
            color=SERIES[n],
            markerfacecolor="white" if last else SERIES[n],
            markersize=6,
            capsize=3,
            label="measured afterward" if last else None,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    ticks = np.arange(1, 5, 0.2)
    ax.set_yticks(ticks, [f"{tick:.1f}" for tick in ticks])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylim(values.min() / 1.03, values.max() * 1.03)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend(fontsize=9, loc="lower left")
    return ax


def formula_and_runs(
    sizes: Sequence[int],
    formula: Float[Tensor, "S 3"],
    runs: Mapping[str, tuple[Sequence[int], Float[Tensor, "_ _S"]]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what a formula says of some sizes, with its interval, and what runs of them gave.

    Args:
        sizes: S sizes.
        formula: for each, the loss that it gives, and the limits of its interval.
        runs: by their label, some of the sizes and losses of shape (seeds, sizes). Dots are seeds, joined their means.
        xlabel: what the size counts.
        ylabel: the loss and its unit.
    """
    ax = plt.subplots(figsize=(WIDTH, 3.4))[1] if ax is None else ax
    middle, low, high = as_array(formula).T
    ax.fill_between(sizes, low, high, color=COLORS["masked"], alpha=0.35, linewidth=0)
    ax.plot(sizes, middle, color=COLORS["note"], label="the formula, fitted to smaller budgets")
    for (label, (tried, losses)), color in zip(runs.items(), SERIES, strict=False):
        values = as_array(losses)
        for row in values:
            ax.plot(tried, row, "o", color=color, markersize=2.5, alpha=0.5)
        ax.plot(tried, values.mean(0), "o-", color=color, markersize=6, label=label)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend(fontsize=9, loc="upper left")
    return ax


def lookup_heads(tokens: Sequence[str], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw how two layers look up the value of the last key in a prompt of pairs: key, value, key, value, ..., key.

    The arcs above are those of the first layer: each value attends to the key before it. The arcs below are those of
    the second layer: the last key attends to the values whose key it is.
    """
    keys = list(tokens[::2])
    if len(tokens) % 2 == 0 or keys[-1] not in keys[:-1]:
        raise ValueError(f"the prompt must end with a key that occurred before, got {' '.join(tokens)}")
    ax = plt.subplots(figsize=(WIDTH, 2.6))[1] if ax is None else ax
    matches = [2 * n + 1 for n, key in enumerate(keys[:-1]) if key == keys[-1]]
    for place, token in enumerate(tokens):
        chosen = place in matches or place == len(tokens) - 1
        edge = COLORS["query"] if place == len(tokens) - 1 else COLORS["value"] if chosen else COLORS["masked"]
        style = {"family": "DejaVu Sans Mono", "fontsize": 13, "ha": "center", "va": "center"}
        frame = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": edge}
        frame["linewidth"] = 1.8 if chosen else 1
        ax.text(place, 0, token, bbox=frame, zorder=4, **style)
    for place in range(1, len(tokens), 2):
        _arc(ax, (place, 0.42), (place - 1, 0.42), "arc3,rad=0.6", COLORS["output"])
    for place in matches:
        bend = -0.35 if len(tokens) - 1 - place > 3 else -0.6
        _arc(ax, (len(tokens) - 1, -0.42), (place, -0.42), f"arc3,rad={bend}", COLORS["query"])
    ax.text(-0.4, 1.35, "layer 1: each value attends to the key before it", color=COLORS["note"], va="center")
    ax.text(-0.4, -2.2, "layer 2: the last key attends to values of the same key", color=COLORS["note"], va="center")
    ax.set_xlim(-0.6, len(tokens) - 0.4)
    ax.set_ylim(-2.5, 1.7)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def _arc(ax: Axes, start: Point, end: Point, shape: str, color: str) -> None:
    style = {"arrowstyle": "-|>", "mutation_scale": 11, "linewidth": 1.6, "color": color, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=shape, zorder=2, **style))
