"""Shares of a whole as strips of length 1."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Shaped
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import as_array, name_rows, text_color_on, visible
from lecture21.course.figures.style import SERIES, WIDTH

_NARROWEST_NAME, _NARROWEST_NUMBER = 0.035, 0.09  # narrower pieces have no space for their text


def share_strips(
    amounts: Mapping[str, Shaped[Tensor, " V"]],
    parts: Sequence[str],
    *,
    xlabel: str,
    legend: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one strip for each label, cut into pieces as long as each part's share of the sum.

    Args:
        amounts: probability or number of each of the V parts; the first strip is at the top.
        parts: names of the parts, at most one for each color.
        xlabel: the quantity that the strips divide.
        legend: whether a legend names the parts and the pieces show percentages; otherwise the pieces show the names.
    """
    if not amounts or not 1 <= len(parts) <= len(SERIES):
        raise ValueError(
            f"share_strips draws at least one strip of 1 to {len(SERIES)} parts, got {len(amounts)} of {len(parts)}"
        )
    ax = plt.subplots(figsize=(WIDTH, 0.8 + 0.42 * len(amounts) + 0.4 * legend))[1] if ax is None else ax
    for row, (label, values) in enumerate(amounts.items()):
        if values.shape != (len(parts),):
            raise ValueError(f"{label!r} has amounts of shape {tuple(values.shape)}, there are {len(parts)} parts")
        shares = as_array(values) / as_array(values).sum()
        starts = shares.cumsum() - shares
        for part, share, start, color in zip(parts, shares, starts, SERIES, strict=False):
            name = part if legend and row == 0 else None
            if share > 0 or name:
                ax.barh(row, share, left=start, height=0.72, color=color, edgecolor="white", linewidth=1, label=name)
            if share >= (_NARROWEST_NUMBER if legend else _NARROWEST_NAME):
                text, ink = f"{share:.0%}" if legend else visible(part), text_color_on(color)
                ax.text(start + share / 2, row, text, ha="center", va="center_baseline", color=ink)
    name_rows(ax, list(amounts))
    ax.set_xlim(0, 1)
    ax.set_xlabel(xlabel)
    ax.set_title(title)
    if legend:
        ax.figure.legend(loc="outside lower center", ncols=len(parts), handlelength=1.2)
    return ax
