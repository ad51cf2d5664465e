"""A sparse layer: the path of one token, the experts of each symbol, and the capacity of the experts."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Int
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.figures._axes import DASHED, HATCHED
from lecture21.figures._diagram import arrow, box, plus
from lecture21.figures.style import _MAGNITUDE, COLOURS, SERIES, TEXT_COLOURS, WIDTH

_EXPERTS = [*SERIES, COLOURS["masked"]]
_WHITE = {"facecolor": "white", "edgecolor": "none", "boxstyle": "round,pad=0.15"}


def sparse_layer(
    n_expert: int, chosen: Mapping[int, float], *, n_shared: int = 0, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the path of one token through a sparse layer: router, chosen experts with their weights, residual stream.

    Args:
        n_expert: number of experts, at most 8.
        chosen: weight of each chosen expert, by its index.
        n_shared: number of shared experts, drawn as one box on the right.
    """
    if not 1 <= n_expert <= len(_EXPERTS):
        raise ValueError(f"n_expert must be between 1 and {len(_EXPERTS)}, got {n_expert}")
    if not chosen or not set(chosen) <= set(range(n_expert)):
        raise ValueError(f"chosen must name some of the experts 0 to {n_expert - 1}, got {sorted(chosen)}")
    ax = plt.subplots(figsize=(WIDTH, 4.3))[1] if ax is None else ax
    ax.set(xlim=(-1.1, 10.2), ylim=(-0.5, 8.2))
    ax.axis("off")
    places = np.linspace(2.2, 9.4, n_expert + bool(n_shared)).tolist()
    middle, width = sum(places) / len(places), min(1.3, 0.82 * 7.2 / max(len(places) - 1, 1))
    grey = COLOURS["note"]
    arrow(ax, (0.0, 8.1), (0.0, -0.3), colour=COLOURS["stream"], linewidth=4.0)
    ax.text(0.25, 8.0, "hidden vector $x$ of one token", va="center")
    box(ax, (middle, 6.35), (3.4, 0.74), "router  $W x$", edge=TEXT_COLOURS["query"], linewidth=1.2)
    arrow(ax, (0, 7.1), (middle, 7.1), (middle, 6.72))
    for n, x in enumerate(places[:n_expert]):
        if n in chosen:
            colour = _EXPERTS[n]
            box(ax, (x, 4.0), (width, 0.74), f"{n + 1}", edge=colour, linewidth=2.2)
            arrow(ax, (middle, 5.98), (x, 4.45), colour=colour, linewidth=1.6)
            arrow(ax, (x, 3.6), (middle, 1.85), colour=colour, linewidth=1.6)
            ax.text(x, 3.2, f"× {chosen[n]:.2f}", ha="center", va="center", fontsize=10.5, bbox=_WHITE, zorder=5)
        else:
            box(ax, (x, 4.0), (width, 0.74), f"{n + 1}", edge="#bbbbbb", colour="#777777", linewidth=1.2)
    if n_shared:  # shared experts process every token, independently of the router
        x = places[-1]
        box(ax, (x, 4.0), (width, 0.74), "shared", edge=grey, linewidth=2.2)
        arrow(ax, (middle, 7.1), (x, 7.1), (x, 4.45), colour=grey, linewidth=1.6)
        arrow(ax, (x, 3.6), (middle, 1.85), colour=grey, linewidth=1.6)
    ax.text(places[0] - width / 2 - 0.45, 4.0, "experts", rotation=90, va="center", ha="center", color=grey)
    box(ax, (middle, 1.5), (2.6, 0.74), "weighted sum", linewidth=1.2)
    arrow(ax, (middle, 1.13), (middle, 0.5), (0.32, 0.5))
    plus(ax, (0, 0.5))
    ax.set_title(title)
    return ax


def routing_map(counts: Int[Tensor, "V E"], tokens: Sequence[str], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw which expert processes which token: one column for each token, with the share of each expert.

    Columns are sorted by their most frequent expert, and within it by their number of occurrences.

    Args:
        counts: how often each expert processed each token; every token at least once.
        tokens: labels of the columns.
    """
    if len(tokens) != len(counts):
        raise ValueError(f"counts must have a row for each of {len(tokens)} tokens, got {len(counts)}")
    total = counts.sum(1)
    if not total.all():
        raise ValueError(f"every token must occur; {tokens[int((total == 0).nonzero()[0])]!r} does not")
    order = sorted(range(len(tokens)), key=lambda n: (int(counts[n].argmax()), -int(total[n])))
    shares = (counts / total[:, None])[order].T.numpy()
    ax = plt.subplots(figsize=(WIDTH, 0.95 + 0.24 * len(shares)))[1] if ax is None else ax
    image = ax.imshow(shares, cmap=_MAGNITUDE, vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(order)), [tokens[n] for n in order])
    ax.set_yticks(range(len(shares)), range(1, len(shares) + 1))
    ax.tick_params(length=0)
    ax.set_ylabel("expert")
    bar = ax.figure.colorbar(image, ax=ax, ticks=[0, 0.5, 1], pad=0.02, aspect=12)
    bar.set_label("share", fontsize=9.5)
    bar.outline.set_visible(False)
    ax.set_title(title)
    return ax


def expert_slots(
    tokens: Sequence[str],
    experts: Int[Tensor, " T"],
    kept: Bool[Tensor, " T"],
    n_expert: int,
    capacity: int,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw experts as columns of slots, the tokens that fill them in order, and above them the dropped tokens.

    Args:
        tokens: in the order in which slots are assigned.
        experts: the expert chosen by each token.
        kept: whether the token has a slot.
        n_expert: number of experts.
        capacity: number of slots of each expert.
    """
    if not len(tokens) == len(experts) == len(kept):
        raise ValueError(f"got {len(tokens)} tokens, {len(experts)} experts and {len(kept)} values of kept")
    full = experts[kept].bincount(minlength=n_expert).max().item() if kept.any() else 0
    if full > capacity:
        raise ValueError(f"an expert holds {full} tokens and has {capacity} slots")
    heights = experts.bincount(minlength=n_expert)
    top = max(int(heights.max()), capacity)
    ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * top))[1] if ax is None else ax
    ax.set(xlim=(-0.6, n_expert - 0.4), ylim=(-0.1, top + 0.2))
    for expert in range(n_expert):
        for slot in range(capacity):
            ax.add_patch(
                plt.Rectangle((expert - 0.42, slot + 0.08), 0.84, 0.84, fill=False, edgecolor=COLOURS["ink"], lw=1)
            )
    stacked = [0] * n_expert
    for token, expert, fits in zip(tokens, experts.tolist(), kept.tolist(), strict=True):
        level = stacked[expert]
        stacked[expert] += 1
        style = {"color": SERIES[0], "alpha": 0.22, "linewidth": 0} if fits else HATCHED
        ax.add_patch(plt.Rectangle((expert - 0.42, level + 0.08), 0.84, 0.84, **style))
        back = None if fits else _WHITE
        ax.text(expert, level + 0.5, token, ha="center", va="center", fontsize=10.5, color=COLOURS["ink"], bbox=back)
    ax.axhline(capacity, **DASHED)
    ax.set_xticks(range(n_expert), [f"expert {n + 1}" for n in range(n_expert)])
    ax.set_yticks([])
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_title(title)
    return ax
