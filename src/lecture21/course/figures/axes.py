"""Helpers for the figures: tensors and tokens in matplotlib's terms, hatching, reference lines and line-end labels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from torch import Tensor

from lecture21.course.figures.style import COLORS

DASHED = {"color": COLORS["note"], "linewidth": 1, "linestyle": (0, (4, 3)), "zorder": 0}
"""Style of a reference line."""

HATCHED = {"facecolor": "#e6e6e6", "edgecolor": COLORS["masked"], "hatch": "////", "linewidth": 0}
"""Style of cells or bars that are masked, excluded or not yet assigned."""


def as_array(values: Tensor | np.ndarray) -> np.ndarray:
    """Return a tensor on any device as a NumPy array; an array is returned unchanged."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def visible(token: str) -> str:
    """Return a token with a visible sign for a space, line break or tab."""
    return {" ": "␣", "\n": "↵", "\t": "⇥"}.get(token, token)


def text_color_on(color: str | np.ndarray) -> str:
    """Return black or white, whichever has the greater contrast on a background color."""
    red, green, blue = (channel**2.2 for channel in to_rgb(color))  # approximately linear light
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    # Black has the greater contrast by WCAG 2 where (L + 0.05) / 0.05 > 1.05 / (L + 0.05), which is L > 0.18.
    return "black" if luminance > 0.18 else "white"


def horizontal_rule(ax: Axes, height: int | float, label: str) -> None:
    """Draw a dashed line at a constant height, with its label above its left end."""
    ax.axhline(height, **DASHED)
    ax.annotate(
        label, (0.01, height), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
        color=COLORS["note"], fontsize=9.5,
    )  # fmt: skip


def vertical_rule(ax: Axes, place: int | float, label: str) -> None:
    """Draw a dashed line at a constant horizontal value, with its label above the axes."""
    ax.axvline(place, **DASHED)
    ax.annotate(
        label, (place, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
        ha="center", color=COLORS["note"], fontsize=9,
    )  # fmt: skip


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Write one name at each row of a horizontal chart, the first at the top."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def label_ends(ax: Axes, ends: Sequence[tuple[float, str, str]], *, gap: float = 0.07) -> None:
    """Write labels beside the right ends of lines, moved apart where they would overlap.

    Args:
        ax: axes whose limits and scale are final.
        ends: height, label and color of each line's end.
        gap: least distance between two labels, as a fraction of the height of the axes.
    """
    ends = sorted(ends)
    scale = ax.transScale  # makes a logarithmic axis linear
    low, high = scale.transform([(1, limit) for limit in ax.get_ylim()])[:, 1]
    heights = scale.transform([(1, height) for height, _, _ in ends])[:, 1]
    # Neighbors move apart by equal amounts, so that no label ends up far from its line.
    for _ in range(200):
        for i in range(len(heights) - 1):
            overlap = gap * (high - low) - (heights[i + 1] - heights[i])
            if overlap > 0:
                heights[i] -= overlap / 2
                heights[i + 1] += overlap / 2
    places = scale.inverted().transform(np.column_stack([np.zeros(len(heights)), heights]))[:, 1]
    for (_, text, color), place in zip(ends, places, strict=True):
        ax.annotate(
            text, (1.01, place), xycoords=("axes fraction", "data"), va="center", color=color, fontsize=9.5,
            annotation_clip=False,
        )  # fmt: skip
