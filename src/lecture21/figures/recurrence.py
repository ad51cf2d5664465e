"""Two ways to bring a word to where it is needed, and how models that differ in that compare."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lecture21.figures.style import COLOURS, SERIES

PATH = "#D55E00"  # the vermilion of SERIES: the way that the picture follows


def memory_paths(
    tokens: Sequence[str], *, source: int = 0, titles: tuple[str, str] = ("", ""), axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw how the last position hears of token `source`: through a chain of states, and by attention.

    The number in each state is the step at which it can be computed, if everything that can be done at once is.

    Args:
        tokens: the sentence, two words or more.
        source: the token whose way to the last position is marked.
        titles: what the reader should find, left (recurrence) and right (attention).
        axes: where to draw; a new figure if not given.

    Returns:
        The two `Axes`.

    Raises:
        ValueError: if there is no such token before the last.
    """
    last = len(tokens) - 1
    if not 0 <= source < last:
        raise ValueError(f"source must be a token before the last of {len(tokens)}, got {source}")
    axes = plt.subplots(1, 2, figsize=(6.0, 2.7))[1] if axes is None else axes
    for ax, chain, title in zip(axes, (True, False), titles, strict=True):
        for place, token in enumerate(tokens):
            _node(ax, place, 0, "", COLOURS["key"])
            ax.text(place, -0.2, token, ha="center", va="top", fontsize=9.5)
            _node(ax, place, 1, str(place + 1 if chain else 1), COLOURS["query"])
            for reads in [place] if chain else range(place + 1):
                marked = (place, reads) == (source, source) if chain else (place, reads) == (last, source)
                _arrow(ax, (reads, 0), (place, 1), marked)
            if chain and place:
                _arrow(ax, (place - 1, 1), (place, 1), place > source)
        ax.set_xlim(-0.5, last + 0.5)
        ax.set_ylim(-0.5, 1.35)
        ax.axis("off")
        ax.set_title(title)
    return list(axes)


def _node(ax: Axes, x: int, y: int, text: str, colour: str) -> None:
    ax.plot([x], [y], "o", color=colour, markersize=17 if text else 8, zorder=3)
    ax.text(x, y - 0.01, text, color="white", ha="center", va="center", fontsize=9.5, zorder=4)


def _arrow(ax: Axes, start: tuple[int, int], end: tuple[int, int], marked: bool) -> None:
    style = {"arrowstyle": "-|>", "shrinkA": 4 if start[1] == 0 else 9, "shrinkB": 9, "mutation_scale": 11}
    style |= {"color": PATH if marked else COLOURS["masked"], "linewidth": 2.6 if marked else 1.0}
    ax.annotate("", end, start, arrowprops=style, zorder=2 if marked else 1)


def seed_marks(
    losses: Mapping[str, Sequence[float]],
    *,
    rules: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss of several models side by side: a thin mark for each seed, a thick one for their mean.

    Args:
        losses: for each label, one loss in nats per token for each seed.
        rules: for each label, a constant loss, drawn as a horizontal line and named at the right edge.
        limits: the least and the greatest loss on the axis; rules outside are left out.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw, or more than there are colours.
    """
    if not 1 <= len(losses) <= len(SERIES) or not all(len(values) for values in losses.values()):
        raise ValueError(f"seed_marks draws 1 to {len(SERIES)} models of one seed or more, got {list(losses)}")
    ax = plt.subplots()[1] if ax is None else ax
    for place, (colour, values) in enumerate(zip(SERIES, losses.values(), strict=False)):
        ax.hlines(values, place - 0.28, place + 0.28, color=colour, linewidth=0.9)
        ax.hlines(np.mean(values), place - 0.16, place + 0.16, color=colour, linewidth=3.5)
    if limits is not None:
        ax.set_ylim(limits)
    for label, height in (rules or {}).items():
        if limits is None or limits[0] <= height <= limits[1]:
            ax.axhline(height, color=COLOURS["masked"], linewidth=1, linestyle=(0, (4, 3)), zorder=0)
            ax.annotate(
                f"{label}\n{height:.2f}", (1.02, height), xycoords=("axes fraction", "data"), va="center",
                color="#555555", fontsize=9.5, annotation_clip=False,
            )  # fmt: skip
    ax.set_xticks(range(len(losses)), list(losses))
    ax.set_xlim(-0.6, len(losses) - 0.4)
    ax.set_ylabel("nats per character")
    ax.set_title(title)
    return ax
