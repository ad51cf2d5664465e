"""Scale: a scaling law with the size it predicts, ways to give a model a task, and how heads look up an example."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch
from matplotlib.ticker import NullFormatter
from torch import Tensor

from lecture21.figures.axes import as_array, horizontal_rule
from lecture21.figures.diagram import Point, box
from lecture21.figures.style import COLORS, SERIES, WIDTH


def scaling_law(
    sizes: Sequence[int],
    losses: Float[Tensor, "_ S"],
    laws: Mapping[str, tuple[float, float, float]],
    *,
    xlabel: str,
    ylabel: str,
    ticks: Sequence[int | float],
    rules: Mapping[str, int | float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw losses and fitted laws over the size on logarithmic axes; the last size was not used for the fit.

    Args:
        sizes: number of parameters N of each of S models, the last one held back.
        losses: one row for each seed; small dots are seeds, large dots their mean, hollow at the last size.
        laws: a, b and c of each law c + a N^-b.
        xlabel: what N counts.
        ylabel: the loss and its unit.
        ticks: losses with a label.
        rules: losses of baselines, drawn as dashed lines.
    """
    if losses.shape[1] != len(sizes):
        raise ValueError(f"losses of {losses.shape[1]} models do not fit {len(sizes)} sizes")
    if not 1 <= len(laws) < len(SERIES):
        raise ValueError(f"scaling_law draws 1 to {len(SERIES) - 1} laws, got {len(laws)}")
    ax = plt.subplots(figsize=(WIDTH, 3.9))[1] if ax is None else ax
    values, means = as_array(losses), as_array(losses).mean(0)
    grid = np.geomspace(min(sizes) / 1.3, max(sizes) * 1.3, 100)
    for (label, (a, b, c)), color in zip(laws.items(), SERIES[1:], strict=False):
        ax.plot(grid, c + a * grid**-b, color=color, linewidth=1.6, label=label, zorder=1)
    for row in values:
        ax.plot(sizes, row, "o", color=SERIES[0], markersize=3, alpha=0.5)
    ax.plot(sizes[:-1], means[:-1], "o", color=SERIES[0], markersize=7, markeredgecolor="white", label="fitted sizes")
    hollow = {"markerfacecolor": "white", "markeredgecolor": SERIES[0], "markeredgewidth": 1.8}
    ax.plot(sizes[-1:], means[-1:], "o", markersize=8, linestyle="none", label="size held back", **hollow)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_yticks(list(ticks), [f"{tick:g}" for tick in ticks])
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="y", which="minor", length=0)
    for label, height in (rules or {}).items():
        horizontal_rule(ax, height, label)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend()
    return ax


def prompt_panels(panels: Mapping[str, tuple[Sequence[str], str]], *, title: str = "") -> np.ndarray:
    """Draw ways to give a model a task side by side: what it is given, in a box, and a note below.

    Args:
        panels: lines of the input and a note for each way. A line that ends in "?" is the query.

    Returns:
        The `Axes`, one for each panel.
    """
    if not panels:
        raise ValueError("prompt_panels needs at least one panel")
    longest = max(len(lines) for lines, _ in panels.values())
    figure, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 1.25 + 0.24 * longest), squeeze=False)
    for ax, (label, (lines, note)) in zip(axes[0], panels.items(), strict=True):
        ax.set_xlim(0, 1)
        ax.set_ylim(-2.6, longest + 0.4)
        ax.set_axis_off()
        ax.set_title(label, fontsize=10.5, fontweight="bold")
        height = len(lines) + 0.5
        center = (0.5, longest - height / 2 + 0.2)
        box(ax, center, (1.0, height), rounding=0.06, edge=COLORS["masked"], fill="#f7f7f7")
        for n, line in enumerate(lines):
            color = COLORS["query"] if line.endswith("?") else COLORS["ink"]
            style = {"family": "DejaVu Sans Mono", "fontsize": 8.5, "va": "center"}
            ax.text(0.06, longest - n - 0.55, line, color=color, zorder=5, **style)
        ax.text(0.0, longest - height - 0.35, note, ha="left", va="top", fontsize=9, color=COLORS["note"])
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return axes[0]


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
