"""The transformer block: quantities by depth, how alike token vectors are, and positions as pictures."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor
from torch.nn.functional import normalize

from lecture21.course.figures.axes import DASHED, as_array
from lecture21.course.figures.style import COLORS, SERIES, SIGNED, WIDTH
from lecture21.layers.positions import Rotary

KINDS = dict(zip(("pre-norm", "post-norm", "no norm", "no residual"), SERIES, strict=False))
"""The color of each kind of block, the same in every figure of the chapter."""


def depth_curves(
    series: Mapping[str, Sequence[Sequence[int | float]]],
    *,
    ylabel: str,
    title: str = "",
    first: int = 1,
    ax: Axes | None = None,
) -> Axes:
    """Draw a positive quantity after each block on a logarithmic scale: the geometric mean and the range over seeds.

    Args:
        series: for each kind of block, one row for each seed and one column for each block.
        ylabel: the quantity and its unit.
        first: number of the block in the first column; 0 is the embedding.
    """
    if not 1 <= len(series) <= len(SERIES):
        raise ValueError(f"depth_curves draws 1 to {len(SERIES)} series, got {len(series)}")
    ax = plt.subplots(figsize=(WIDTH, 3.2))[1] if ax is None else ax
    for color, (label, rows) in zip(SERIES, series.items(), strict=False):
        color = KINDS.get(label, color)
        values = np.asarray(rows, dtype=float)
        blocks = np.arange(first, first + values.shape[1])
        mean = np.exp(np.log(values).mean(axis=0))
        ax.fill_between(blocks, values.min(axis=0), values.max(axis=0), color=color, alpha=0.25, linewidth=0)
        ax.plot(blocks, mean, "o-", color=color, markersize=3.5, label=label)
    ax.set_yscale("log")
    last = first - 1 + max(len(rows[0]) for rows in series.values())
    step = -(-last // 4)
    ax.set_xticks(sorted({first, *range(step, last + 1, step)}))
    ax.set_xlabel("block, 1 is the first" if first else "block, 0 is the embedding")
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend()
    return ax


def likeness_maps(streams: Mapping[str, Float[Tensor, "T C"]], words: Sequence[str], *, title: str = "") -> list[Axes]:
    """Draw the cosine between any two token vectors, one map for each of several places in a model.

    Args:
        streams: the vectors of T tokens by the title of their map.
        words: the tokens.
    """
    for label, x in streams.items():
        if len(x) != len(words):
            raise ValueError(f"{label!r} has {len(x)} vectors for {len(words)} words")
    rows = math.ceil(len(streams) / 2)  # two beside each other can be read on a phone
    fig, axes = plt.subplots(rows, 2, figsize=(5.0, 0.4 + 2.3 * rows), sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[len(streams) :]:
        ax.remove()
    used = list(axes.flat[: len(streams)])
    for ax, (label, x) in zip(used, streams.items(), strict=True):
        unit = as_array(normalize(x, dim=-1))
        image = ax.imshow(unit @ unit.T, cmap=SIGNED, vmin=-1, vmax=1)
        ax.set_xticks(range(len(words)), words, rotation=90)
        ax.set_yticks(range(len(words)), words)
        ax.tick_params(length=0)
        ax.set_title(label)
    fig.colorbar(image, ax=used, label="cosine", ticks=[-1, 0, 1], shrink=0.6)
    fig.suptitle(title)
    return used


def position_map(table: Float[Tensor, "T C"], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw position vectors, one row for each position, from -1 (blue) to 1 (red)."""
    ax = plt.subplots(figsize=(WIDTH, 3.4))[1] if ax is None else ax
    image = ax.imshow(as_array(table), cmap=SIGNED, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    ax.set_xlabel("feature")
    ax.set_ylabel("position")
    ax.set_title(title)
    ax.figure.colorbar(image, ax=ax, label="value", ticks=[-1, 0, 1])
    return ax


def rotated_pairs(places: Sequence[tuple[int, int]], *, title: str = "") -> list[Axes]:
    """Draw a query and a key as arrows that rotary positions have rotated, one circle for each pair of positions.

    Both vectors are (1, 0) before the rotation, of one radian per position, so that the angle between them and their
    dot product depend on the distance of the two positions alone.

    Args:
        places: positions of query and key in each circle.
    """
    if not places:
        raise ValueError("rotated_pairs draws at least one pair of positions, got none")
    n_position = max(max(pair) for pair in places) + 1
    same = torch.tensor([1.0, 0]).expand(1, 1, n_position, 2)  # (B, H, T, D)
    arrows = as_array(Rotary(n_position, 2)(same))[0, 0]  # (T, D)
    fig, axes = plt.subplots(1, len(places), figsize=(2.3 * len(places), 2.9), squeeze=False)
    for ax, (query, key) in zip(axes[0], places, strict=True):
        ax.add_patch(plt.Circle((0, 0), 1, fill=False, color="#cccccc"))
        for name, place in (("query", query), ("key", key)):
            x, y = arrows[place]
            ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": COLORS[name], "lw": 2.5})
            ax.text(1.25 * x, 1.25 * y, str(place), color=COLORS[name], ha="center", va="center")
        ax.set(xlim=(-1.45, 1.45), ylim=(-1.45, 1.45), aspect="equal")
        ax.axis("off")
        ax.set_title(
            f"{query} − {key} = {query - key}\nq · k = {arrows[query] @ arrows[key]:.2f}", loc="center", fontsize=9.5
        )
    handles = [
        plt.Line2D([], [], color=COLORS[name], lw=2.5, label=f"{name} at its position") for name in ("query", "key")
    ]
    fig.legend(handles=handles, loc="outside lower center", ncols=2)
    fig.suptitle(title)
    return list(axes[0])


def rate_curves(
    losses: Mapping[str, Mapping[float, Sequence[float]]],
    *,
    rules: Mapping[str, int | float],
    top: int | float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss against the learning rate: a dot for each seed, a line through their means.

    Args:
        losses: for each kind of block and learning rate, the loss of each seed in nats per character.
        rules: losses of baselines, drawn as dashed lines.
        top: upper end of the axis; higher losses are drawn at it, as triangles.
    """
    ax = plt.subplots(figsize=(WIDTH, 3.4))[1] if ax is None else ax
    for color, (label, by_rate) in zip(SERIES, losses.items(), strict=False):
        color = KINDS.get(label, color)
        rates = sorted(by_rate)
        means = [float(np.mean(by_rate[rate])) for rate in rates]
        ax.plot(rates, np.minimum(means, top), color=color, linewidth=2, label=label)
        for rate in rates:
            for each in by_rate[rate]:
                inside = each <= top
                ax.plot(rate, each if inside else top, "o" if inside else "^", color=color, markersize=4, alpha=0.7)
    for label, height in rules.items():
        ax.axhline(height, **DASHED, label=label)
    ax.set_xscale("log")
    ticks = sorted({rate for by_rate in losses.values() for rate in by_rate})
    ax.set_xticks(ticks, [f"{rate:g}" for rate in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(top=top + 0.05)
    ax.set_xlabel("learning rate")
    ax.set_ylabel("nats per character")
    ax.set_title(title)
    ax.legend()
    return ax
