"""Path lengths from an early token to the last position, in a recurrent network and in attention."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lecture21.figures.style import COLOURS, SERIES

_PATH = SERIES[1]


def memory_paths(
    tokens: Sequence[str], *, source: int = 0, titles: tuple[str, str] = ("", ""), axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw how information from one token reaches the last position: through a chain of states, and by attention.

    The number in each state is the sequential step at which it can be computed.

    Args:
        tokens: at least two tokens.
        source: index of the token whose path to the last position is highlighted.
        titles: titles of the left (recurrence) and the right axes (attention).
        axes: the two axes to draw in; a new figure by default.
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
            for key in [place] if chain else range(place + 1):
                marked = (place, key) == (source, source) if chain else (place, key) == (last, source)
                _arrow(ax, (key, 0), (place, 1), marked)
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
    style |= {"color": _PATH if marked else COLOURS["masked"], "linewidth": 2.6 if marked else 1.0}
    ax.annotate("", end, start, arrowprops=style, zorder=2 if marked else 1)
