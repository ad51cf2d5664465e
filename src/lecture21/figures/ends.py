"""Names beside the right ends of lines, instead of a legend."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes


def name_ends(ax: Axes, ends: Sequence[tuple[float, str, str]], *, gap: float = 0.065) -> None:
    """Write each label beside the right end of its line, moved apart where they would touch.

    Args:
        ax: whose limits and scale are set.
        ends: of each line the height where it ends, its label and its colour.
        gap: least distance of two labels, as a share of the height of the axes: a line of text.
    """
    ends = sorted(ends)
    scale = ax.transScale  # a logarithmic axis becomes an even one
    low, high = scale.transform([(1, limit) for limit in ax.get_ylim()])[:, 1]
    heights = scale.transform([(1, height) for height, _, _ in ends])[:, 1]
    # Neighbours push each other apart by equal parts, so that no label strays far from its line.
    for _ in range(200):
        for i in range(len(heights) - 1):
            overlap = gap * (high - low) - (heights[i + 1] - heights[i])
            if overlap > 0:
                heights[i] -= overlap / 2
                heights[i + 1] += overlap / 2
    places = scale.inverted().transform(np.column_stack([np.zeros(len(heights)), heights]))[:, 1]
    for (_, text, colour), place in zip(ends, places, strict=True):
        ax.annotate(
            text,
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            color=colour,
            fontsize=9.5,
            annotation_clip=False,
        )
