"""Mixtures and ensembles: a gate, members about a target, a sparse layer, experts on two devices."""

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lecture21.course.figures.diagram import PATH, STREAM, THICK, THIN, arrow, note, panel, part, plus, write
from lecture21.course.figures.style import COLORS

_GREY = COLORS["masked"]


def mixture_of_experts(ax: Axes) -> None:
    """Draw three experts and the gate that weights them."""
    xs, weights = (5.4, 15.8, 26.2), (0.7, 0.2, 0.1)
    part(ax, 21, 39.4, 10, 3, "input x", "token")
    for n, (x, weight) in enumerate(zip(xs, weights, strict=True)):
        arrow(ax, (21, 37.9), (x, 33))
        part(ax, x, 30.8, 9, 4.2, f"expert {n + 1}", "expert")
        ax.plot([x, x], [28.7, 24.9], color=COLORS["ink"], linewidth=THIN, zorder=1)
        part(ax, x, 22.9, 6.4, 3.8, f"× {weight}")
        style = {"color": PATH, "linewidth": 1 + 6 * weight, "solid_capstyle": "butt"}
        ax.plot([x, 15.8 + (x - 15.8) * 0.12], [21, 14.6], zorder=1, **style)
    arrow(ax, (21, 37.9), (37.2, 33))
    part(ax, 37.2, 30.8, 8, 4.2, "gate", "layer")
    dashed = {"color": COLORS["ink"], "linewidth": THIN, "linestyle": "--", "zorder": 1}
    ax.plot([37.2, 37.2, xs[0]], [28.7, 22.9, 22.9], **dashed)
    note(ax, 36.4, 20.2, "weights\nsum to 1", va="top")
    part(ax, 15.8, 12.9, 16, 3.6, "weighted sum", "plain")
    arrow(ax, (15.8, 11.1), (15.8, 8.2))
    part(ax, 15.8, 6.6, 16, 3.2, "prediction", "output")
    note(ax, 21, 2.6, "Another input gets other weights.")


MEMBERS = ((3, 9), (-4, 6), (-4, -1), (2, -5), (6, -2), (9, 5))
"""Predictions of six members, relative to the target at (0, 0)."""


def ensemble(ax: Axes) -> None:
    """Draw the predictions of the members, their mean and the target, with the ambiguity decomposition."""
    x0, y0, n = 17.0, 23.6, len(MEMBERS)
    mean = tuple(sum(member[axis] for member in MEMBERS) / n for axis in (0, 1))
    average = sum(x * x + y * y for x, y in MEMBERS) / n
    own = mean[0] ** 2 + mean[1] ** 2
    for x, y in MEMBERS:
        ax.plot([x0, x0 + 1.45 * x], [y0, y0 + 1.45 * y], color=_GREY, linewidth=THIN, zorder=1)
        ax.plot(x0 + 1.45 * x, y0 + 1.45 * y, "o", color=PATH, markersize=9, zorder=3)
    at = x0 + 1.45 * mean[0], y0 + 1.45 * mean[1]
    ax.plot([x0, at[0]], [y0, at[1]], color=COLORS["ink"], linewidth=THICK, zorder=2)
    ax.plot(*at, "D", color=COLORS["query"], markersize=11, zorder=4)
    ax.plot(x0, y0, "*", color=COLORS["ink"], markersize=17, zorder=5)
    write(ax, x0 - 2.2, y0 + 1, "target", ha="right")
    write(ax, at[0] + 1.4, at[1] + 2.2, "mean", "query")
    write(ax, x0 + 10.2, y0 - 2.9, "a member", "expert", ha="left")
    write(ax, 21, 9.4, "squared error of the mean", "query")
    write(ax, 21, 6.8, "= members' average squared error − spread")
    write(ax, 21, 3.8, f"{own:.1f} = {average:.1f} − {average - own:.1f}", fontweight="bold")


def sparse_layer(ax: Axes) -> None:
    """Draw the path of one token: router, two experts of eight, weighted sum, residual stream."""
    stream, middle, chosen = 3.6, 24.6, {1: 0.7, 5: 0.3}
    xs = [9.2 + 4.4 * n for n in range(8)]
    arrow(ax, (stream, 44.4), (stream, 2.0), color=COLORS["stream"], linewidth=STREAM)
    write(ax, 5.4, 43.4, "vector of one token", ha="left")
    arrow(ax, (stream, 40.2), (middle, 40.2), (middle, 37.6))
    part(ax, middle, 35.8, 12, 3.6, "router", "layer")
    scores = (0.3, 2.7, 0.9, 0.2, 0.6, 1.6, 0.5, 0.8)
    for n, (x, score) in enumerate(zip(xs, scores, strict=True)):
        color = PATH if n in chosen else _GREY
        ax.add_patch(Rectangle((x - 1.1, 29.4), 2.2, 1.4 * score, color=color, linewidth=0, zorder=3))
        part(ax, x, 24.4, 3.4, 4, str(n + 1), "expert" if n in chosen else "idle")
        if n in chosen:
            arrow(ax, (x, 29.2), (x, 26.6), color=PATH, linewidth=THICK)
            ax.plot([x, x], [22.4, 19.6], color=PATH, linewidth=THICK, zorder=1)
            write(ax, x, 18.2, f"× {chosen[n]}")
            arrow(ax, (x, 16.8), (middle + (x - middle) * 0.5, 13.9), color=PATH, linewidth=THICK)
    note(ax, xs[0] - 1.6, 33.4, "scores", ha="left")
    note(ax, xs[7] + 1.6, 16.6, "six idle\nexperts", ha="right")
    part(ax, middle, 12, 18, 3.6, "weighted sum", "plain")
    arrow(ax, (middle, 10.2), (middle, 6.6), (stream + 1, 6.6))
    plus(ax, (stream, 6.6))
    note(ax, 6, 3, "The next token may select other experts.", ha="left")


def expert_parallelism(ax: Axes) -> None:
    """Draw two devices that exchange tokens, apply their experts, and exchange the results."""
    goes = (0, 2, 1, 3, 0, 3, 1, 2)  # the expert of each token
    tokens = [3.6 + 4.6 * n for n in range(4)], [24.6 + 4.6 * n for n in range(4)]
    tokens = [*tokens[0], *tokens[1]]
    experts = (5.8, 15.2, 26.8, 36.2)
    for left, name in ((0.6, "device 1"), (21.6, "device 2")):
        panel(ax, left, 2.0, left + 19.8, 47.6)
        write(ax, left + 9.9, 45.8, name, fontweight="bold")
    for n, (x, expert) in enumerate(zip(tokens, goes, strict=True)):
        crosses = (n < 4) != (expert < 2)
        style = {"color": PATH, "linewidth": THICK} if crosses else {"color": _GREY}
        slot = experts[expert] + (-1.6 if goes.index(expert) == n else 1.6)
        for y in (41.6, 5.0):
            part(ax, x, y, 3.6, 2.8, "abcdefgh"[n], "token")
        arrow(ax, (x, 40.1), (slot, 27.8), **style)
        arrow(ax, (slot, 20.9), (x, 6.5), **style)
    for n, x in enumerate(experts):
        part(ax, x, 24.3, 8.6, 6.4, f"expert\n{n + 1}", "expert")
    white = {"facecolor": "white", "edgecolor": COLORS["note"], "boxstyle": "round,pad=0.3", "linewidth": 0.8}
    write(ax, 21, 34.2, "all-to-all: tokens to their experts", bbox=white)
    write(ax, 21, 13.8, "all-to-all: results back", bbox=white)
