"""The attention of one word in several heads."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import as_array, visible
from lecture21.course.figures.style import COLORS, SERIES


def word_links(
    tokens: Sequence[str],
    weights: Float[Tensor, "H T"],
    query: int,
    *,
    names: Sequence[str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what one word attends to: a line to each word, wider for a larger weight, in one color for each head.

    Args:
        tokens: the words, from top to bottom.
        weights: the word's row of the attention map of each head.
        query: index of the word.
        names: one for each head, by default its number counted from 1.

    Source: slide 9; Vaswani et al. 2017, figure 3.
    """
    array = as_array(weights)
    names = [f"head {h + 1}" for h in range(len(array))] if names is None else names
    if array.shape != (len(names), len(tokens)) or not 0 <= query < len(tokens):
        raise ValueError(
            f"weights of shape {array.shape} and query {query} do not fit {len(names)} heads and {len(tokens)} tokens"
        )
    if len(array) > len(SERIES):
        raise ValueError(f"there are colors for {len(SERIES)} heads, got {len(array)}")
    if ax is None:
        _, ax = plt.subplots(figsize=(3.0, 0.9 + 0.235 * len(tokens)))
    step = 0.13
    for place, token in enumerate(tokens):
        style = {"fontweight": "bold", "color": COLORS["ink"]} if place == query else {"color": COLORS["masked"]}
        ax.text(-0.04, place, visible(token), ha="right", va="center", fontsize=9.5, **style)
        ax.text(1.04 + step * len(array), place, visible(token), ha="left", va="center", fontsize=9.5)
    for h, (row, color) in enumerate(zip(array, SERIES, strict=False)):
        for place, weight in enumerate(row):
            faint = min(1.0, 0.1 + 1.5 * weight)
            ax.plot([0, 1], [query, place], color=color, linewidth=6 * weight, alpha=faint, zorder=2)
            corner = (1.0 + step * h, place - 0.4)
            shade = min(1.0, float(weight))  # a softmax may exceed 1 by a rounding error
            ax.add_patch(plt.Rectangle(corner, step, 0.8, color=color, alpha=shade, linewidth=0))
        ax.text(1.0 + step * (h + 0.5), -0.9, names[h].split()[-1], ha="center", va="bottom", color=color, fontsize=9)
    ax.set(xlim=(-0.9, 2.6), ylim=(len(tokens) - 0.4, -1.9))
    ax.text(1.0, -0.9, f"{names[0].rsplit(' ', 1)[0]} ", ha="right", va="bottom", color=COLORS["note"], fontsize=9)
    ax.axis("off")
    ax.set_title(title)
    return ax
