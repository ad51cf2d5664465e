"""Attention with queries, keys and values: one query among its keys, and several heads."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.figures._diagram import arrow, box
from lecture21.figures.style import COLOURS, SERIES, TEXT_COLOURS, WIDTH

_BAND = "#f2f2f2"


def query_key_value(
    tokens: Sequence[str], weights: Float[Tensor, " T"], *, query: int, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how one query is compared with all keys, and how its weights mix the values.

    Args:
        tokens: the sentence, at most 6 tokens.
        weights: attention weights of the query, one for each token.
        query: index of the token whose query is drawn.
    """
    if len(weights) != len(tokens) or not 0 <= query < len(tokens):
        raise ValueError(f"{len(tokens)} tokens do not fit {len(weights)} weights and query {query}")
    ax = plt.subplots(figsize=(WIDTH, 4.4))[1] if ax is None else ax
    step, side, size = 2.4, 0.72, (0.6, 0.6)
    centres = [step * place for place in range(len(tokens))]
    middle, width = centres[-1] / 2, centres[-1] + 2.7
    box(ax, (middle, 3.35), (width, 0.8), fill=_BAND, edge=COLOURS["note"], zorder=1)
    box(ax, (middle, 4.65), (width, 0.6), "weighted sum of the values", zorder=3)
    box(
        ax,
        (centres[query], 5.75),
        (2.6, 0.6),
        f"output of {tokens[query]}",
        edge=COLOURS["output"],
        colour=TEXT_COLOURS["output"],
    )
    arrow(ax, (centres[query], 4.95), (centres[query], 5.45), colour=COLOURS["output"], linewidth=1.6)
    bus = [(centres[query], 1.9), (centres[query], 2.45), (centres[0] - side, 2.45)]
    ax.plot(*zip(*bus, strict=True), color=COLOURS["query"], linewidth=1.6, zorder=2)
    ax.plot([centres[query], centres[-1] - side], [2.45, 2.45], color=COLOURS["query"], linewidth=1.6, zorder=2)
    for place, (x, token, weight) in enumerate(zip(centres, tokens, weights.tolist(), strict=True)):
        box(ax, (x, 0.0), (1.7, 0.6), token, fill="#e4f2fb", edge=COLOURS["stream"])
        columns = {"key": x - side, "query": x, "value": x + side}
        for role, column in columns.items():
            if role == "query" and place != query:
                continue
            arrow(ax, (x + (column - x) * 0.8, 0.3), (column, 1.3), colour=COLOURS[role])
            box(ax, (column, 1.6), size, role[0], edge=COLOURS[role], colour=TEXT_COLOURS[role], linewidth=1.8)
        arrow(ax, (columns["key"], 1.9), (columns["key"], 3.07), colour=COLOURS["key"], linewidth=1.6)
        ax.plot(columns["key"], 2.45, "o", color="white", markeredgecolor=COLOURS["ink"], markersize=9, zorder=4)
        ax.plot(columns["key"], 2.45, "o", color=COLOURS["ink"], markersize=2.5, zorder=5)
        box(ax, (columns["key"], 3.35), (0.95, 0.54), f"{weight:.2f}")
        arrow(ax, (columns["key"], 3.62), (columns["key"], 4.35))
        arrow(
            ax, (columns["value"], 1.9), (columns["value"], 4.35), colour=COLOURS["value"], linewidth=0.8 + 6 * weight
        )
    left = centres[0] - 1.55
    for height, text in ((0.8, "$W^q$, $W^k$, $W^v$"), (2.45, "q · k / √d"), (3.35, "softmax")):
        ax.text(left, height, text, ha="right", va="center", color=COLOURS["note"])
    ax.set(xlim=(left - 1.8, centres[-1] + 1.4), ylim=(-0.4, 6.15))
    ax.axis("off")
    ax.set_title(title)
    return ax


def attention_heads(n_head: int, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw multi-head attention: slices of queries, keys and values, one attention each, joined and projected.

    Args:
        n_head: number of heads, 1 to 6.
    """
    if not 1 <= n_head <= 6:
        raise ValueError(f"n_head must be between 1 and 6, got {n_head}")
    ax = plt.subplots(figsize=(WIDTH, 4.6))[1] if ax is None else ax
    total, grey = 8.0, COLOURS["note"]
    slot, middle = total / n_head, total / 2
    box(ax, (middle, 0.0), (total, 0.6), "token vector $x$: width C", fill="#e4f2fb", edge=COLOURS["stream"])
    for row, (role, sign) in enumerate({"query": "q", "key": "k", "value": "v"}.items()):
        height = 1.25 + 0.46 * row
        for head in range(n_head):
            box(
                ax, (slot * (head + 0.5), height), (slot - 0.08, 0.4), f"{sign}$_{head + 1}$", edge=SERIES[head],
                colour=TEXT_COLOURS[role], rounding=0.04,
            )  # fmt: skip
        ax.text(-0.2, height, f"$W^{sign}$", ha="right", va="center", color=TEXT_COLOURS[role])
    for head in range(n_head):
        x, colour = slot * (head + 0.5), SERIES[head]
        arrow(ax, (x, 0.3), (x, 1.0))
        arrow(ax, (x, 2.4), (x, 3.05), colour=colour, linewidth=1.6)
        box(ax, (x, 3.5), (slot - 0.3, 0.9), f"attention\nof head {head + 1}", edge=colour, linewidth=2.0)
        arrow(ax, (x, 3.95), (x, 4.55), colour=colour, linewidth=1.6)
        box(
            ax,
            (x, 4.78),
            (slot - 0.08, 0.44),
            f"o$_{head + 1}$",
            edge=colour,
            colour=TEXT_COLOURS["output"],
            rounding=0.04,
        )
    arrow(ax, (middle, 5.0), (middle, 5.5))
    box(ax, (middle, 5.8), (total, 0.6), "output projection $W^O$: mixes the heads, width C")
    for height, text in ((3.5, "each of\nwidth C/H"), (4.78, "joined")):
        ax.text(-0.2, height, text, ha="right", va="center", color=grey)
    ax.set(xlim=(-1.7, total + 0.1), ylim=(-0.4, 6.2))
    ax.axis("off")
    ax.set_title(title)
    return ax
