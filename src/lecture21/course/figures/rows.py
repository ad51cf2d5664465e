"""Results over seeds as rows: scores of several methods, and differences to a baseline with their interval."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lecture21.course.figures.axes import name_rows, vertical_rule
from lecture21.course.figures.style import COLORS, SERIES, WIDTH

_BETTER, _WORSE, _UNCLEAR = SERIES[0], SERIES[1], "#777777"


def seed_rows(
    scores: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    rules: Mapping[str, int | float] | None = None,
    limits: tuple[int | float | None, int | float | None] = (None, None),
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one row for each method: a small dot for each seed, a large dot for their mean.

    Args:
        scores: one score for each seed of each method; the first method is at the top.
        xlabel: the quantity and its unit.
        rules: constants, drawn as dashed vertical lines; those outside the limits are left out.
        limits: ends of the axis, None where the data decide. A mean above the upper limit is written at the edge.
    """
    if not scores or not all(len(values) for values in scores.values()):
        raise ValueError(f"each of at least one method needs at least one score, got {list(scores)}")
    ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.27 * len(scores)))[1] if ax is None else ax
    low, high = (-np.inf if limits[0] is None else limits[0]), (np.inf if limits[1] is None else limits[1])
    for row, values in enumerate(scores.values()):
        seeds = np.asarray(values, dtype=float)
        mean = seeds.mean()
        if mean > high or np.isinf(mean):
            text = "∞ →" if np.isinf(mean) else f"{mean:.2f} →"
            ax.annotate(
                text, (1, row), xycoords=("axes fraction", "data"), ha="right", va="center",
                color=COLORS["note"], fontsize=9,
            )  # fmt: skip
            continue
        inside = seeds[seeds <= high]
        ax.plot(inside, [row] * len(inside), "o", color=SERIES[0], markersize=3, alpha=0.45)
        ax.plot([mean], [row], "o", color=SERIES[0], markersize=7, markeredgecolor="white")
    for label, place in (rules or {}).items():
        if low <= place <= high:
            vertical_rule(ax, place, label)
    ax.set_xlim(*limits)
    name_rows(ax, list(scores))
    ax.grid(axis="y", color="#eeeeee", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel)
    ax.set_title(title, pad=18 if rules else None)  # space for the labels of the rules
    return ax


def ladder(
    changes: Mapping[str, Sequence[float]],
    *,
    factor: float | Sequence[float],
    limit: float,
    xlabel: str,
    rules: Mapping[str, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the effect of each change: its seeds, their mean, its standard error, and the interval that decides.

    Less is better. A row is blue where the interval is below 0, vermilion where it is above, gray where it contains 0.

    Args:
        changes: difference to the baseline at each of at least two seeds; the first change is at the top.
        factor: half width of the interval in standard errors, for all changes or one for each; 4.30 is 95 % for three
            seeds, 2.78 for five (Student's t).
        limit: the axis runs from -limit to limit; a mean outside it is drawn as an arrow at the edge.
        xlabel: the quantity and its unit.
        rules: differences of other models to the baseline, drawn as dashed vertical lines.
    """
    if not changes:
        raise ValueError("a ladder needs at least one change")
    factors = np.broadcast_to(factor, len(changes))
    ax = plt.subplots(figsize=(WIDTH, 1.1 + 0.29 * len(changes)))[1] if ax is None else ax
    ax.axvline(0, color=COLORS["note"], linewidth=1, zorder=0)
    for label, place in (rules or {}).items():
        vertical_rule(ax, place, label)
    for row, (differences, width) in enumerate(zip(changes.values(), factors, strict=True)):
        mean, error = _mean_and_error(differences)
        color = _effect_color(mean, width * error)
        if abs(mean) > limit:
            end = np.copysign(limit, mean)
            style = {"arrowstyle": "-|>", "color": color, "linewidth": 2}
            ax.annotate("", (end, row), (0.75 * end, row), arrowprops=style)
        else:
            ax.plot([mean - width * error, mean + width * error], [row, row], color=color, linewidth=1)
            ax.plot([mean - error, mean + error], [row, row], color=color, linewidth=4, solid_capstyle="butt")
            ax.plot(differences, [row] * len(differences), "o", color=color, markersize=3, alpha=0.5)
            ax.plot([mean], [row], "o", color=color, markersize=6, markeredgecolor="white")
        ax.annotate(
            f"{mean:+.3f} ± {error:.3f}".replace("-", "−"), (1.02, row), xycoords=("axes fraction", "data"),
            va="center", color=color, fontsize=9, annotation_clip=False,
        )  # fmt: skip
    name_rows(ax, list(changes))
    ax.set_xlim(-limit, limit)
    ax.grid(axis="y", color="#eeeeee", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.set_xlabel(xlabel)
    ax.figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return ax


def _effect_color(mean: float, half_width: float) -> str:
    if abs(mean) <= half_width:
        return _UNCLEAR
    return _BETTER if mean < 0 else _WORSE


def _mean_and_error(differences: Sequence[float]) -> tuple[float, float]:
    """Return the mean over seeds and its standard error."""
    if len(differences) < 2:
        raise ValueError(f"a standard error needs at least two seeds, got {len(differences)}")
    values = np.asarray(differences, dtype=float)
    return values.mean().item(), (values.std(ddof=1) / np.sqrt(len(values))).item()
