"""Probability as a share of one whole: cut by every rule of decoding, and met by drawing again and again."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.figures.heatmaps import as_array, visible
from lecture21.figures.style import COLOURS, SERIES, WIDTH

PALE = {"#E69F00", "#56B4E9", "#CC79A7"}  # of the series' colours, those on which black text reads better
BAND = 1.96  # standard deviations that hold 95 % of a normal distribution
NARROWEST = 0.035  # a share too narrow for a letter


def share_strips(
    choices: Mapping[str, Float[Tensor, " V"]],
    symbols: Sequence[str],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw distributions as strips of length 1, one above the other, cut into one piece for each symbol.

    A piece is as long as its symbol is probable: to draw a symbol is to throw a dart at the strip.

    Args:
        choices: for each label, the probabilities of all V symbols; the first is on top.
        symbols: how each symbol is written; at most one for each colour.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw, there are more symbols than colours, or they do not fit.
    """
    if not choices or not 1 <= len(symbols) <= len(SERIES):
        raise ValueError(
            f"share_strips draws at least one distribution over 1 to {len(SERIES)} symbols, "
            f"got {len(choices)} over {len(symbols)}"
        )
    ax = plt.subplots(figsize=(WIDTH, 0.75 + 0.42 * len(choices)))[1] if ax is None else ax
    for row, (label, probabilities) in enumerate(choices.items()):
        shares = as_array(probabilities)
        if shares.shape != (len(symbols),):
            raise ValueError(f"{label!r} has probabilities of shape {shares.shape}, there are {len(symbols)} symbols")
        starts = shares.cumsum() - shares
        for symbol, share, start, colour in zip(symbols, shares, starts, SERIES, strict=False):
            if share == 0:
                continue
            ax.barh(row, share, left=start, height=0.72, color=colour, edgecolor="white", linewidth=1)
            if share >= NARROWEST:
                ink = "black" if colour in PALE else "white"
                ax.text(start + share / 2, row, visible(symbol), ha="center", va="center_baseline", color=ink)
    ax.set_yticks(range(len(choices)), list(choices))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(0, 1)
    ax.set_xlabel("probability, laid end to end")
    ax.set_title(title)
    return ax


def frequencies(
    exact: Float[Tensor, " N"],
    counts: Mapping[str, Int[Tensor, " M"]],
    labels: Sequence[str],
    *,
    title: str = "",
) -> tuple[Axes, Axes]:
    """Draw how often each outcome was drawn, beside its probability, and below how many standard deviations apart.

    The outcomes stand in the order of their probability. One standard deviation is that of a binomial frequency,
    sqrt(p (1 - p) / draws); the grey band holds 95 % of what a right sampler draws.

    Args:
        exact: the probability of each outcome, none of them 0 or 1.
        counts: for each label, how often each outcome came; all series with the same number of draws.
        labels: how each outcome is written.
        title: what the reader should find.

    Returns:
        The axes of the frequencies and of the deviations.

    Raises:
        ValueError: if there are no counts, the draws differ in number, something does not fit, or an outcome is
            impossible or certain.
    """
    p = as_array(exact)
    observed = {name: as_array(values) for name, values in counts.items()}
    draws = {values.sum() for values in observed.values()}
    if len(draws) != 1 or any(values.shape != p.shape for values in observed.values()) or p.shape != (len(labels),):
        raise ValueError(
            f"frequencies needs counts of equally many draws for {len(labels)} outcomes, "
            f"got draws {sorted(map(int, draws))} and {p.size} probabilities"
        )
    if not ((p > 0) & (p < 1)).all():
        raise ValueError(f"frequencies needs probabilities between 0 and 1, got {p.min():g} to {p.max():g}")
    order = np.argsort(-p, kind="stable")
    p, n = p[order], draws.pop()
    deviation = np.sqrt(p * (1 - p) / n)
    place = np.arange(len(p))
    _, (upper, lower) = plt.subplots(2, 1, figsize=(WIDTH, 4.6), sharex=True, height_ratios=[1, 1.2])
    upper.bar(place, p, width=0.8, color="#d9d9d9", label="exact")
    lower.axhspan(-BAND, BAND, color="#e6e6e6", linewidth=0)
    lower.axhline(0, color=COLOURS["masked"], linewidth=1)
    for (name, values), colour, marker in zip(observed.items(), SERIES, "oDs^v<>", strict=False):
        frequency = values[order] / n
        upper.plot(place, frequency, marker, color=colour, markersize=4, label=name)
        lower.plot(place, (frequency - p) / deviation, marker, color=colour, markersize=4)
    upper.set_ylabel("probability")
    upper.legend()
    upper.set_title(title)
    lower.set_ylabel("standard deviations\nfrom exact")
    lower.set_xticks(place, [labels[i] for i in order], rotation=90 if len(labels) > 12 else 0)
    return upper, lower


def mass_by_length(
    masses: Sequence[float],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw how much probability lies on the strings of each length, and how much is left for all longer ones.

    Args:
        masses: total probability of all strings of length 0, 1, 2, ...
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw, or more than the whole.
    """
    if len(masses) < 1 or min(masses) < 0 or math.fsum(masses) > 1 + 1e-6:
        raise ValueError(f"masses must be shares of 1, got {list(masses)}")
    ax = plt.subplots(figsize=(WIDTH, 3.0))[1] if ax is None else ax
    shares = np.asarray(masses, dtype=float)
    place, before = np.arange(len(shares)), shares.cumsum() - shares
    remainder = 1 - shares.cumsum()
    style = {"width": 0.8, "linewidth": 0}
    ax.bar(place, before, color="#c6dcec", label="shorter strings", **style)
    ax.bar(place, shares, bottom=before, color=SERIES[0], label="strings of this length", **style)
    ax.bar(
        place, remainder, bottom=before + shares, color="#efefef", edgecolor=COLOURS["masked"], hatch="////",
        label="still open: longer strings", **style,
    )  # fmt: skip
    ax.set_xticks(place)
    ax.set_ylim(0, 1)
    ax.set_xlabel("symbols before the end")
    ax.set_ylabel("probability")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, columnspacing=1.0, handlelength=1.2)
    ax.set_title(title)
    return ax
