"""Pictures of a sparse layer: what it computes, who works while it trains, who reads what, and who finds no place."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from lecture21.figures.style import COLOURS, MAGNITUDE, SERIES, TEXT_COLOURS, WIDTH

INK, GREY, STREAM = "#222222", "#555555", "#56B4E9"
EXPERTS = [*SERIES, COLOURS["masked"]]
"""Colours of up to eight experts."""
BALANCE = {"color": GREY, "linewidth": 1, "linestyle": (0, (4, 3))}


def sparse_layer(
    n_expert: int, chosen: Mapping[int, float], *, n_shared: int = 0, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw what one token does in a sparse layer: a router, experts of which few read it, their weights, the residual.

    Args:
        n_expert: number of experts, at most 8.
        chosen: the weight of each chosen expert, by its number from 0.
        n_shared: number of shared experts, drawn as one box on the right if there are any.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if nothing is chosen, or an expert is not among those drawn.
    """
    if not 1 <= n_expert <= len(EXPERTS):
        raise ValueError(f"n_expert must be between 1 and {len(EXPERTS)}, got {n_expert}")
    if not chosen or not set(chosen) <= set(range(n_expert)):
        raise ValueError(f"chosen must name some of the experts 0 to {n_expert - 1}, got {sorted(chosen)}")
    ax = plt.subplots(figsize=(WIDTH, 4.3))[1] if ax is None else ax
    ax.set(xlim=(-1.1, 10.2), ylim=(-0.5, 8.2))
    ax.axis("off")
    places = np.linspace(2.2, 9.4, n_expert + bool(n_shared)).tolist()
    middle, wide = sum(places) / len(places), min(1.3, 0.82 * 7.2 / max(len(places) - 1, 1))
    _arrow(ax, (0.0, 8.1), (0.0, -0.3), STREAM, 4.0)
    ax.text(0.25, 8.0, "hidden vector $x$ of one token", va="center")
    ax.plot([0, middle], [7.1, 7.1], color=INK, linewidth=1.1, zorder=1)
    _box(ax, middle, 6.35, 3.4, "router  $W x$", edge=TEXT_COLOURS["query"])
    _arrow(ax, (middle, 7.1), (middle, 6.72))
    for n, x in enumerate(places):
        shared = n == len(places) - 1 and n_shared
        if shared or n in chosen:
            colour = GREY if shared else EXPERTS[n]
            _box(ax, x, 4.0, wide, "shared" if shared else f"{n + 1}", edge=colour, width=2.2)
            if shared:  # no router is asked
                ax.plot([middle, x], [7.1, 7.1], color=colour, linewidth=1.6, zorder=1)
            _arrow(ax, (x, 7.1) if shared else (middle, 5.98), (x, 4.45), colour, 1.6)
            _arrow(ax, (x, 3.6), (middle, 1.85), colour, 1.6)
            said = "" if shared else f"× {chosen[n]:.2f}"
            ax.text(x, 3.2, said, ha="center", va="center", fontsize=10.5, bbox=_BACK, zorder=5)
        else:
            _box(ax, x, 4.0, wide, f"{n + 1}", edge="#bbbbbb", text="#777777")
    ax.text(places[0] - wide / 2 - 0.45, 4.0, "experts", rotation=90, va="center", ha="center", color=GREY)
    _box(ax, middle, 1.5, 2.6, "weighted sum")
    ax.plot([middle, middle], [1.13, 0.5], color=INK, linewidth=1.1, zorder=1)
    _arrow(ax, (middle, 0.5), (0.32, 0.5))
    ax.text(0, 0.5, "+", ha="center", va="center", zorder=6, bbox={**_BACK, "edgecolor": INK, "boxstyle": "circle"})
    ax.set_title(title)
    return ax


def load_course(steps: Sequence[int], shares: Float[Tensor, "S E"], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the share of the tokens that each expert reads while a model trains: bands that fill the height.

    The expert that ends with most lies at the bottom.

    Args:
        steps: where the shares were taken.
        shares: they sum to 1 in each row; at most 8 experts.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are too many experts, the rows are not one for each step, or do not sum to 1.
    """
    values = shares.double().numpy()
    if values.shape[1] > len(EXPERTS):
        raise ValueError(f"at most {len(EXPERTS)} experts can be told apart, got {values.shape[1]}")
    if len(values) != len(steps):
        raise ValueError(f"shares must have a row for each of {len(steps)} steps, got {len(values)}")
    if not np.allclose(values.sum(1), 1, atol=2e-3):
        raise ValueError(f"shares must sum to 1 at each step, got sums from {values.sum(1).min()} on")
    ax = plt.subplots(figsize=(WIDTH, 2.6))[1] if ax is None else ax
    order = values[-1].argsort()[::-1]
    ax.stackplot(steps, values[:, order].T, colors=EXPERTS, edgecolor="white", linewidth=0.6)
    ax.set(xlim=(steps[0], steps[-1]), ylim=(0, 1), xlabel="training step", ylabel="share of the tokens")
    ax.set_title(title)
    return ax


def load_bars(
    loads: Mapping[str, Float[Tensor, " E"]], *, names: Sequence[str] | None = None, title: str = ""
) -> list[Axes]:
    """Draw the load of each expert as a multiple of its equal share, the largest first, one panel for each setting.

    Args:
        loads: shares that sum to 1, by setting.
        names: labels of the bars, in the order of the experts; numbers from 1 if not given.
        title: what the reader should find.

    Raises:
        ValueError: if there is no setting.
    """
    if not loads:
        raise ValueError("load_bars needs at least one setting")
    axes = plt.subplots(1, len(loads), figsize=(WIDTH, 2.5), sharey=True, squeeze=False)[1][0]
    for ax, (setting, load) in zip(axes, loads.items(), strict=True):
        order = load.argsort(descending=True).tolist()
        heights = [len(load) * load[n].item() for n in order]
        ax.bar(range(len(order)), heights, color=SERIES[0], width=0.75)
        ax.axhline(1, **BALANCE)
        ax.set_xticks(range(len(order)), [names[n] if names else f"{n + 1}" for n in order])
        ax.tick_params(axis="x", length=0)
        ax.set_title(setting, fontsize=10)
        ax.set_xlabel("expert")
    axes[0].set_ylabel("load (1 is balance)")
    axes[0].figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return list(axes)


def routing_map(counts: Int[Tensor, "V E"], tokens: Sequence[str], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw which expert reads which token: one column for each token, the share of its occurrences in each row.

    Columns are ordered by the expert that reads them most, and within it by how often they are read.

    Args:
        counts: how often each expert read each token; every token at least once.
        tokens: what stands under the columns.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if tokens and counts do not fit, or a token was never read.
    """
    if len(tokens) != len(counts):
        raise ValueError(f"counts must have a row for each of {len(tokens)} tokens, got {len(counts)}")
    read = counts.sum(1)
    if not read.all():
        raise ValueError(f"every token must have been read; {tokens[int((read == 0).nonzero()[0])]!r} was not")
    order = sorted(range(len(tokens)), key=lambda n: (int(counts[n].argmax()), -int(read[n])))
    shares = (counts / read[:, None])[order].T.numpy()
    ax = plt.subplots(figsize=(WIDTH, 0.95 + 0.24 * len(shares)))[1] if ax is None else ax
    image = ax.imshow(shares, cmap=MAGNITUDE, vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(order)), [tokens[n] for n in order])
    ax.set_yticks(range(len(shares)), range(1, len(shares) + 1))
    ax.tick_params(length=0)
    ax.set_ylabel("expert")
    bar = ax.figure.colorbar(image, ax=ax, ticks=[0, 0.5, 1], pad=0.02, aspect=12)
    bar.set_label("share", fontsize=9.5)
    bar.outline.set_visible(False)
    ax.set_title(title)
    return ax


def capacity_slots(
    tokens: Sequence[str],
    experts: Int[Tensor, " T"],
    kept: Bool[Tensor, " T"],
    n_expert: int,
    places: int,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw experts as columns of places, the tokens that fill them in order, and above them those that find none.

    Args:
        tokens: in the order in which places are given.
        experts: the one expert chosen by each.
        kept: whether it found a place.
        n_expert: number of experts.
        places: number of places in each.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if an expert holds more tokens than it has places, or tokens, experts and kept differ in length.
    """
    if not len(tokens) == len(experts) == len(kept):
        raise ValueError(f"there are {len(tokens)} tokens, {len(experts)} experts and {len(kept)} verdicts")
    full = experts[kept].bincount(minlength=n_expert).max().item() if kept.any() else 0
    if full > places:
        raise ValueError(f"an expert holds {full} tokens and has {places} places")
    heights = experts.bincount(minlength=n_expert)
    top = max(int(heights.max()), places)
    ax = plt.subplots(figsize=(WIDTH, 0.9 + 0.36 * top))[1] if ax is None else ax
    ax.set(xlim=(-0.6, n_expert - 0.4), ylim=(-0.1, top + 0.2))
    for expert in range(n_expert):
        for place in range(places):
            ax.add_patch(plt.Rectangle((expert - 0.42, place + 0.08), 0.84, 0.84, fill=False, edgecolor=INK, lw=1))
    stacked = [0] * n_expert
    for token, expert, fits in zip(tokens, experts.tolist(), kept.tolist(), strict=True):
        level = stacked[expert]
        stacked[expert] += 1
        style = (
            {"color": EXPERTS[0], "alpha": 0.22} if fits else {"fill": False, "hatch": "////", "edgecolor": "#bbbbbb"}
        )
        ax.add_patch(plt.Rectangle((expert - 0.42, level + 0.08), 0.84, 0.84, linewidth=0, **style))
        back = None if fits else _BACK
        ax.text(expert, level + 0.5, token, ha="center", va="center", fontsize=10.5, color=INK, bbox=back)
    ax.axhline(places, **BALANCE)
    ax.set_xticks(range(n_expert), [f"expert {n + 1}" for n in range(n_expert)])
    ax.set_yticks([])
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.set_title(title)
    return ax


_BACK = {"facecolor": "white", "edgecolor": "none", "boxstyle": "round,pad=0.15"}


def _box(
    ax: Axes, x: float, y: float, wide: float, said: str, *, edge: str = INK, text: str = INK, width: float = 1.2
) -> None:
    style = {"boxstyle": "round,pad=0,rounding_size=0.12", "facecolor": "white", "edgecolor": edge, "linewidth": width}
    ax.add_patch(FancyBboxPatch((x - wide / 2, y - 0.37), wide, 0.74, zorder=3, **style))
    ax.text(x, y, said, ha="center", va="center", color=text, zorder=4)


def _arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = INK, width: float = 1.1
) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style, zorder=2)
