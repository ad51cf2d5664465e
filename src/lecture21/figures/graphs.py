"""The directed graph of a sequence model: a node for each token, an arrow from all that its probability may ask."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lecture21.figures.heatmaps import visible
from lecture21.figures.style import COLOURS, SERIES, TEXT_COLOURS, WIDTH

RADIUS = 0.30
ARCH = 0.34  # height of an arrow over a token, for each step that it spans
SOURCE_DEPTH = 1.25  # how far below the tokens the source stands


def parents(length: int, reach: int | None = None) -> list[list[int]]:
    """Return, for each place, the earlier places that its distribution may depend on.

    Args:
        length: number of tokens.
        reach: how far back an arrow may come from; 1 is a Markov chain, the whole past if not given.

    Raises:
        ValueError: if a value is out of range.
    """
    if length < 1 or (reach is not None and reach < 0):
        raise ValueError(f"a graph needs length >= 1 and reach >= 0, got {length} and {reach}")
    return [list(range(0 if reach is None else max(0, t - reach), t)) for t in range(length)]


def token_graph(
    tokens: Sequence[str],
    *,
    reach: int | None = None,
    source: str | None = None,
    given: int = 0,
    marked: int | None = None,
    plate: str | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw which tokens the distribution of each token may depend on.

    An arrow says "may depend"; what the graph claims are the arrows that are not there. Shaded nodes are given.

    Args:
        tokens: how each node is written, in order.
        reach: how far back arrows come from; 1 is a Markov chain, the whole past if not given.
        source: a given node of its own, such as a sentence to translate, with an arrow to every token.
        given: how many tokens at the start are given: a prompt.
        marked: a place whose incoming arrows stand out.
        plate: text of a frame around the graph: what it is repeated for, independently.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are no tokens, or `reach`, `given` or `marked` is out of range.
    """
    n = len(tokens)
    edges = [(s, t) for t, places in enumerate(parents(n, reach)) for s in places]
    if not 0 <= given <= n:
        raise ValueError(f"given must be between 0 and the number of tokens {n}, got {given}")
    if marked is not None and not 0 <= marked < n:
        raise ValueError(f"marked must be a place from 0 to {n - 1}, got {marked}")
    longest = max((t - s for s, t in edges), default=0)
    top = max(RADIUS, ARCH * longest if longest > 1 else 0) + 0.15
    bottom = -SOURCE_DEPTH - RADIUS - 0.1 if source is not None else -RADIUS - 0.15
    bottom -= 0.45 if plate is not None else 0
    if ax is None:
        ax = plt.subplots(figsize=(WIDTH, WIDTH / (n + 0.4) * (top - bottom) + 0.4))[1]

    def style(target: int) -> dict[str, object]:
        strong = marked is None or target == marked
        return {
            "arrowstyle": "-|>", "mutation_scale": 11, "zorder": 2 if strong else 1,
            "color": "#333333" if marked is None else SERIES[1] if strong else "#cccccc",
            "linewidth": 1.8 if strong and marked is not None else 1.2, "shrinkA": 0, "shrinkB": 0,
        }  # fmt: skip

    for s, t in edges:
        if t - s == 1:
            ax.add_patch(FancyArrowPatch((s + RADIUS, 0), (t - RADIUS, 0), **style(t)))
        else:
            # From the head of one node to the head of the other, each a little aside, so that arrows do not merge.
            start, end = (s + 0.12, RADIUS * 0.93), (t - 0.12, RADIUS * 0.93)
            rad = -2 * (ARCH * (t - s) - RADIUS * 0.6) / (t - s)
            curve = f"arc3,rad={rad:.3f}"
            ax.add_patch(FancyArrowPatch(start, end, connectionstyle=curve, **style(t)))
    if source is not None:
        middle = ((n - 1) / 2, -SOURCE_DEPTH)
        for t in range(n):
            dx, dy = t - middle[0], -middle[1]
            length = (dx**2 + dy**2) ** 0.5
            start = (middle[0] + RADIUS * dx / length, middle[1] + RADIUS * dy / length)
            end = (t - RADIUS * dx / length, -RADIUS * dy / length)
            ax.add_patch(FancyArrowPatch(start, end, **style(t)))
        _node(ax, middle, source, shaded=True)
    for t, token in enumerate(tokens):
        _node(ax, (float(t), 0.0), token, shaded=t < given)
    if plate is not None:
        frame = FancyBboxPatch(
            (-0.5, bottom + 0.05), n, top - bottom - 0.1,
            boxstyle="round,pad=0,rounding_size=0.12", facecolor="none", edgecolor=COLOURS["masked"],
        )  # fmt: skip
        ax.add_patch(frame)
        ax.text(n - 0.6, bottom + 0.15, plate, ha="right", va="bottom", color="#555555")
    ax.set_xlim(-0.6, n - 0.4)
    ax.set_ylim(bottom, top)
    ax.set_aspect("equal", anchor="N")  # graphs side by side hang from one line
    ax.axis("off")
    ax.set_title(title)
    return ax


def _node(ax: Axes, centre: tuple[float, float], token: str, *, shaded: bool) -> None:
    colour = "#d9d9d9" if shaded else "white"
    ax.add_patch(Circle(centre, RADIUS, facecolor=colour, edgecolor=TEXT_COLOURS["query"], linewidth=1.4, zorder=3))
    ax.text(*centre, visible(token), ha="center", va="center_baseline", fontsize=11, zorder=4)
