"""What each change buys, with its error over seeds."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lecture21.figures.style import SERIES, WIDTH

BETTER, WORSE, NEITHER = SERIES[0], SERIES[1], "#777777"


def verdict(differences: Sequence[float], factor: float) -> str:
    """Return the colour of a change: better or worse where 0 lies outside mean +- factor * standard error, else grey.

    Args:
        differences: one for each seed, at least two.
        factor: how many standard errors make the interval; 4.30 for 95 % with three seeds (Student's t).

    Raises:
        ValueError: if there are fewer than two seeds.
    """
    mean, error = _mean_and_error(differences)
    if abs(mean) <= factor * error:
        return NEITHER
    return BETTER if mean < 0 else WORSE


def ladder(
    changes: Mapping[str, Sequence[float]],
    *,
    factor: float,
    limit: float,
    xlabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one row for each rung: its seeds, their mean, the interval that decides, and the numbers beside it.

    Less is better. A row is blue where the interval lies below 0, red above it, and grey where it holds 0.

    Args:
        changes: for each rung, the difference to the baseline at each seed; the first is on top.
        factor: see `verdict`.
        limit: where the axis ends on both sides; a rung beyond it is an arrow at the edge.
        xlabel: the quantity and its unit.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is no rung, or a rung has fewer than two seeds.
    """
    if not changes:
        raise ValueError("a ladder needs at least one rung")
    ax = plt.subplots(figsize=(WIDTH, 1.1 + 0.29 * len(changes)))[1] if ax is None else ax
    ax.axvline(0, color="#555555", linewidth=1, zorder=0)
    for row, differences in enumerate(changes.values()):
        mean, error = _mean_and_error(differences)
        colour = verdict(differences, factor)
        if abs(mean) > limit:
            end = np.copysign(limit, mean)
            style = {"arrowstyle": "-|>", "color": colour, "linewidth": 2}
            ax.annotate("", (end, row), (0.75 * end, row), arrowprops=style)
        else:
            ax.plot([mean - factor * error, mean + factor * error], [row, row], color=colour, linewidth=1)
            ax.plot([mean - error, mean + error], [row, row], color=colour, linewidth=4, solid_capstyle="butt")
            ax.plot(differences, [row] * len(differences), "o", color=colour, markersize=3, alpha=0.5)
            ax.plot([mean], [row], "o", color=colour, markersize=6, markeredgecolor="white")
        ax.annotate(
            f"{mean:+.3f} ± {error:.3f}".replace("-", "−"),
            (1.02, row),
            xycoords=("axes fraction", "data"),
            va="center",
            color=colour,
            fontsize=9,
            annotation_clip=False,
        )
    ax.set_yticks(range(len(changes)), list(changes))
    ax.set_ylim(len(changes) - 0.4, -0.6)
    ax.set_xlim(-limit, limit)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", color="#eeeeee", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel)
    ax.figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return ax


def _mean_and_error(differences: Sequence[float]) -> tuple[float, float]:
    """Return the mean over seeds and its standard error."""
    if len(differences) < 2:
        raise ValueError(f"an error needs at least two seeds, got {len(differences)}")
    values = np.asarray(differences, dtype=float)
    return values.mean().item(), (values.std(ddof=1) / np.sqrt(len(values))).item()
