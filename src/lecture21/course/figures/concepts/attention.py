"""Attention: against recurrence, with queries, keys and values, in heads, and under the causal mask."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lecture21.course.figures.diagram import AMOUNT, PATH, THICK, THIN, Number, arrow, cells, chips, note, part, write
from lecture21.course.figures.style import COLORS
from lecture21.data.worked_example import TOKENS, W_KEY, W_QUERY, W_QUERY_PLACE, W_VALUE, X
from lecture21.layers.attention import attention

_GREY = COLORS["masked"]


def rnn_and_attention(ax: Axes) -> None:
    """Draw how "pilots" reaches the last position: through all states between, and directly."""
    tokens, source, last = ("the", "pilots", "near", "the", "window"), 1, 4
    xs = [4.4 + 8.3 * place for place in range(5)]
    for top, recurrent in ((41.5, True), (20.0, False)):
        write(ax, 0.6, top, "Recurrent network" if recurrent else "Attention", ha="left", fontweight="bold")
        chips(ax, xs, top - 13.5, tokens, width=6.8)
        for place, x in enumerate(xs):
            part(ax, x, top - 5, 6.2, 3.4, f"step {place + 1}" if recurrent else "step 1")
            for key in [place] if recurrent else range(place + 1):
                marked = key == source and place == (source if recurrent else last)
                ends = (xs[key] + (x - xs[key]) / 14, top - 12.1), (x - (x - xs[key]) / 14, top - 6.8)
                arrow(ax, *ends, color=PATH if marked else _GREY, linewidth=THICK if marked else THIN)
            if recurrent and place:
                style = {"color": PATH, "linewidth": THICK} if place > source else {"color": _GREY}
                arrow(ax, (xs[place - 1] + 3.1, top - 5), (x - 3.1, top - 5), **style)
    note(ax, 21, 24.9, "“pilots” reaches the end through four states")
    note(ax, 21, 3.3, "“pilots” reaches every later position directly")


def query_key_value(ax: Axes) -> None:
    """Draw how three matrices make one query, all keys and all values, and the weighted sum of the values."""
    query = TOKENS.index("sat")
    weights = attention(X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T)[1][query].tolist()
    part(ax, 3.8, 38.4, 6.4, 2.8, TOKENS[query], "token")
    arrow(ax, (7, 38.4), (8.2, 38.4))
    part(ax, 9.9, 38.4, 3.4, 2.8, "$W^q$", "layer")
    arrow(ax, (11.6, 38.4), (12.8, 38.4))
    part(ax, 14.6, 38.4, 3.6, 3, "q", "query")
    note(ax, 19, 38.4, "query: what sat looks for", ha="left")
    for x, name, role in ((3.8, "token", "plain"), (14.6, "key", "key"), (21.4, "weight", "plain")):
        write(ax, x, 34.3, name, role, fontsize=9)
    for x, name, role in ((27.2, "value", "value"), (38, "token", "plain")):
        write(ax, x, 34.3, name, role, fontsize=9)
    ys = [30.7, 26.3, 21.9, 17.5]
    middle, height = (ys[0] + ys[-1]) / 2, ys[0] - ys[-1] + 2.8
    part(ax, 9.9, middle, 3.4, height, "$W^k$", "layer")
    part(ax, 32.0, middle, 3.4, height, "$W^v$", "layer")
    ax.plot([16.4, 17.6, 17.6], [38.4, 38.4, ys[-1]], color=COLORS["query"], linewidth=THICK, zorder=1)
    arrow(ax, (24.6, ys[0]), (24.6, 8.7), color=COLORS["value"])
    for y, token, weight in zip(ys, TOKENS, weights, strict=True):
        part(ax, 3.8, y, 6.4, 2.8, token, "token")
        arrow(ax, (7, y), (8.2, y))
        arrow(ax, (11.6, y), (12.8, y))
        part(ax, 14.6, y, 3.6, 3, "k", "key")
        ax.plot([16.4, 17.6], [y, y], color=COLORS["key"], linewidth=THICK, zorder=1)
        ax.plot(17.6, y, "o", color=COLORS["ink"], markersize=4, zorder=4)
        ax.add_patch(Rectangle((18.6, y - 1.1), 3.4 * weight, 2.2, color=AMOUNT, linewidth=0, zorder=3))
        write(ax, 18.9 + 3.4 * weight, y, f"{weight:.2f}", ha="left", fontsize=9)
        part(ax, 38, y, 6.4, 2.8, token, "token")
        arrow(ax, (34.8, y), (33.7, y))
        arrow(ax, (30.3, y), (29, y))
        part(ax, 27.2, y, 3.6, 3, "v", "value")
        ax.plot([25.4, 24.6], [y, y], color=COLORS["value"], linewidth=0.8 + 6 * weight, zorder=1)
    note(ax, 13.4, 13.0, "q · k / √d,\nthen softmax", va="center")
    part(ax, 24.6, 7, 12.8, 3.4, "weighted sum")
    arrow(ax, (18.2, 7), (16.4, 7))
    part(ax, 8.5, 7, 15.8, 3.4, "new vector of sat", "output")
    note(ax, 21, 2.6, "The weights mix the values: mostly the one of cat.")


def heads(ax: Axes) -> None:
    """Draw queries, keys and values cut into two heads, the map of each on the example, and their concatenation."""
    xs = [10.6, 30.6]
    note(ax, 0.6, 41.2, "queries, keys and values of all tokens, each of width C", ha="left")
    for row, role in enumerate(("query", "key", "value")):
        for n, x in enumerate(xs):
            part(ax, x, 38.2 - 2.7 * row, 19.4, 2.4, role[0] + "₁₂"[n], role, rounding=0.2, fontsize=9)
    for n, (x, w_query, sought) in enumerate(zip(xs, (W_QUERY, W_QUERY_PLACE), ("subject", "place"), strict=True)):
        arrow(ax, (x, 31.5), (x, 29.6))
        write(ax, x, 28.4, f"head {n + 1}: sat finds its {sought}", fontsize=9)
        _map(ax, x - 3.4, 26.8, 2.4, attention(X @ w_query.T, X @ W_KEY.T, X)[1].tolist())
        arrow(ax, (x, 16.6), (x, 13.8))
        part(ax, x, 12.4, 19.4, 2.4, "o" + "₁₂"[n], "output", rounding=0.2, fontsize=9)
    arrow(ax, (20.6, 11), (20.6, 8.6))
    note(ax, 22, 9.8, "concatenated: width C again", ha="left")
    part(ax, 20.6, 6.8, 39.4, 3.4, "output projection $W^O$ mixes the heads", "layer")
    note(ax, 20.6, 2.9, "maps: a row for each query, a column for each key")


def _map(ax: Axes, x: Number, top: Number, side: Number, weights: Sequence[Sequence[Number]]) -> None:
    """Draw an attention map of the example, the darker the larger a weight, with the query of each row."""
    for i, row in enumerate(weights):
        note(ax, x - 0.5, top - (i + 0.5) * side, TOKENS[i], ha="right")
        for j, weight in enumerate(row):
            corner = (x + j * side, top - (i + 1) * side)
            gray = str(0.95 - 0.8 * weight)
            ax.add_patch(Rectangle(corner, side, side, facecolor=gray, edgecolor="white", linewidth=THIN, zorder=5))


def causal_mask(ax: Axes) -> None:
    """Draw the mask as a table: what each position attends to, and what it predicts."""
    side, left, top = 5.4, 8.4, 33.5
    roles = [["masked" if j > i else "query" for j in range(4)] for i in range(4)]
    cells(ax, left, top, side, roles)
    write(ax, left + 2 * side, 37.7, "keys", "key")
    write(ax, left - 0.8, 35.2, "queries", "query", ha="right")
    for n, token in enumerate(TOKENS):
        y = top - side * (n + 0.5)
        write(ax, left + side * (n + 0.5), 35.2, token)
        write(ax, left - 0.8, y, token, ha="right")
        arrow(ax, (left + 4 * side + 0.6, y), (left + 4 * side + 3, y))
        target = TOKENS[n + 1] if n < 3 else "?"
        part(ax, 37.6, y, 7.4, 2.8, target, "token")
    note(ax, 37.2, 36.4, "predicts")
    _legend(ax, 7.6, "query", "may attend")
    _legend(ax, 4.0, "masked", "future: score −∞, weight 0")


def _legend(ax: Axes, y: Number, role: str, text: str) -> None:
    cells(ax, 8.4, y + 1.1, 2.2, [[role]])
    write(ax, 11.6, y, text, ha="left", fontsize=9)
