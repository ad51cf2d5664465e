"""A GPT as a probability: its directed graph."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch

from lecture21.course.figures.axes import visible
from lecture21.course.figures.style import COLORS, SERIES, TEXT_COLORS, WIDTH

_RADIUS = 0.30
_ARCH = 0.34  # height of an arrow above a token, for each step that it spans


def _parents(length: int, reach: int | None = None) -> list[list[int]]:
    """Return for each position the earlier ones that its distribution may depend on: the last `reach`, or all."""
    if length < 1 or (reach is not None and reach < 0):
        raise ValueError(f"a graph needs length >= 1 and reach >= 0, got {length} and {reach}")
    return [list(range(0 if reach is None else max(0, t - reach), t)) for t in range(length)]


def token_graph(
    tokens: Sequence[str],
    *,
    reach: int | None = None,
    marked: int | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw which tokens the distribution of each token may depend on.

    An arrow means "may depend"; the missing arrows are the model's assumptions.

    Args:
        tokens: labels of the nodes, in order.
        reach: number of previous tokens with an arrow; 1 is a Markov chain, None all of the past.
        marked: index of a token whose incoming arrows are highlighted.
    """
    n = len(tokens)
    edges = [(s, t) for t, places in enumerate(_parents(n, reach)) for s in places]
    if marked is not None and not 0 <= marked < n:
        raise ValueError(f"marked must be an index from 0 to {n - 1}, got {marked}")
    longest = max((t - s for s, t in edges), default=0)
    top = max(_RADIUS, _ARCH * longest if longest > 1 else 0) + 0.15
    bottom = -_RADIUS - 0.15
    if ax is None:
        ax = plt.subplots(figsize=(WIDTH, WIDTH / (n + 0.4) * (top - bottom) + 0.4))[1]

    def style(target: int) -> dict[str, object]:
        color, width, zorder = COLORS["ink"], 1.2, 2
        if target == marked:
            color, width = SERIES[1], 1.8
        elif marked is not None:
            color, zorder = "#cccccc", 1
        shape = {"arrowstyle": "-|>", "mutation_scale": 11, "shrinkA": 0, "shrinkB": 0}
        return {"color": color, "linewidth": width, "zorder": zorder, **shape}

    for s, t in edges:
        if t - s == 1:
            ax.add_patch(FancyArrowPatch((s + _RADIUS, 0), (t - _RADIUS, 0), **style(t)))
        else:
            # From the top of one node to the top of the other, a little to the side so that arrows do not merge.
            start, end = (s + 0.12, _RADIUS * 0.93), (t - 0.12, _RADIUS * 0.93)
            rad = -2 * (_ARCH * (t - s) - _RADIUS * 0.6) / (t - s)
            curve = f"arc3,rad={rad:.3f}"
            ax.add_patch(FancyArrowPatch(start, end, connectionstyle=curve, **style(t)))
    for t, token in enumerate(tokens):
        circle = Circle((t, 0), _RADIUS, facecolor="white", edgecolor=TEXT_COLORS["query"], linewidth=1.4, zorder=3)
        ax.add_patch(circle)
        ax.text(t, 0, visible(token), ha="center", va="center_baseline", fontsize=11, zorder=4)
    ax.set_xlim(-0.6, n - 0.4)
    ax.set_ylim(bottom, top)
    ax.set_aspect("equal", anchor="N")  # graphs side by side are aligned at the top
    ax.axis("off")
    ax.set_title(title)
    return ax
