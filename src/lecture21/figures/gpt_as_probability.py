"""A GPT as a probability: its directed graph, samples against exact probabilities, and the mass of each length."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch
from torch import Tensor

from lecture21.figures._axes import HATCHED, as_array, visible
from lecture21.figures._diagram import box
from lecture21.figures.style import COLOURS, SERIES, TEXT_COLOURS, WIDTH

_RADIUS = 0.30
_ARCH = 0.34  # height of an arrow above a token, for each step that it spans
_SOURCE_DEPTH = 1.25  # distance of the source below the tokens
_BAND = 1.96  # 95 % of a normal distribution is within this number of standard deviations


def _parents(length: int, reach: int | None = None) -> list[list[int]]:
    """Return for each position the earlier ones that its distribution may depend on: the last `reach`, or all."""
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

    An arrow means "may depend"; the missing arrows are the model's assumptions. Shaded nodes are given.

    Args:
        tokens: labels of the nodes, in order.
        reach: number of previous tokens with an arrow; 1 is a Markov chain, None the whole past.
        source: label of a given node with an arrow to every token, such as a sentence to translate.
        given: number of tokens at the start that are given as a prompt.
        marked: index of a token whose incoming arrows are highlighted.
        plate: label of a frame around the graph, which is repeated independently for each sequence.
    """
    n = len(tokens)
    edges = [(s, t) for t, places in enumerate(_parents(n, reach)) for s in places]
    if not 0 <= given <= n:
        raise ValueError(f"given must be between 0 and the number of tokens {n}, got {given}")
    if marked is not None and not 0 <= marked < n:
        raise ValueError(f"marked must be an index from 0 to {n - 1}, got {marked}")
    longest = max((t - s for s, t in edges), default=0)
    top = max(_RADIUS, _ARCH * longest if longest > 1 else 0) + 0.15
    bottom = -_SOURCE_DEPTH - _RADIUS - 0.1 if source is not None else -_RADIUS - 0.15
    bottom -= 0.45 if plate is not None else 0
    if ax is None:
        ax = plt.subplots(figsize=(WIDTH, WIDTH / (n + 0.4) * (top - bottom) + 0.4))[1]

    def style(target: int) -> dict[str, object]:
        colour, width, zorder = COLOURS["ink"], 1.2, 2
        if target == marked:
            colour, width = SERIES[1], 1.8
        elif marked is not None:
            colour, zorder = "#cccccc", 1
        shape = {"arrowstyle": "-|>", "mutation_scale": 11, "shrinkA": 0, "shrinkB": 0}
        return {"color": colour, "linewidth": width, "zorder": zorder, **shape}

    for s, t in edges:
        if t - s == 1:
            ax.add_patch(FancyArrowPatch((s + _RADIUS, 0), (t - _RADIUS, 0), **style(t)))
        else:
            # From the top of one node to the top of the other, a little to the side so that arrows do not merge.
            start, end = (s + 0.12, _RADIUS * 0.93), (t - 0.12, _RADIUS * 0.93)
            rad = -2 * (_ARCH * (t - s) - _RADIUS * 0.6) / (t - s)
            curve = f"arc3,rad={rad:.3f}"
            ax.add_patch(FancyArrowPatch(start, end, connectionstyle=curve, **style(t)))
    if source is not None:
        middle = ((n - 1) / 2, -_SOURCE_DEPTH)
        for t in range(n):
            dx, dy = t - middle[0], -middle[1]
            length = (dx**2 + dy**2) ** 0.5
            start = (middle[0] + _RADIUS * dx / length, middle[1] + _RADIUS * dy / length)
            end = (t - _RADIUS * dx / length, -_RADIUS * dy / length)
            ax.add_patch(FancyArrowPatch(start, end, **style(t)))
        _node(ax, middle, source, shaded=True)
    for t, token in enumerate(tokens):
        _node(ax, (float(t), 0.0), token, shaded=t < given)
    if plate is not None:
        box(
            ax,
            ((n - 1) / 2, (top + bottom) / 2),
            (n, top - bottom - 0.1),
            edge=COLOURS["masked"],
            fill="none",
            zorder=0,
        )
        ax.text(n - 0.6, bottom + 0.15, plate, ha="right", va="bottom", color=COLOURS["note"])
    ax.set_xlim(-0.6, n - 0.4)
    ax.set_ylim(bottom, top)
    ax.set_aspect("equal", anchor="N")  # graphs side by side are aligned at the top
    ax.axis("off")
    ax.set_title(title)
    return ax


def _node(ax: Axes, centre: tuple[float, float], token: str, *, shaded: bool) -> None:
    colour = "#d9d9d9" if shaded else "white"
    ax.add_patch(Circle(centre, _RADIUS, facecolor=colour, edgecolor=TEXT_COLOURS["query"], linewidth=1.4, zorder=3))
    ax.text(*centre, visible(token), ha="center", va="center_baseline", fontsize=11, zorder=4)


def frequencies(
    exact: Float[Tensor, " N"],
    counts: Mapping[str, Int[Tensor, " M"]],
    labels: Sequence[str],
    *,
    title: str = "",
) -> tuple[Axes, Axes]:
    """Draw observed frequencies beside exact probabilities, and below them their difference in standard deviations.

    Outcomes are sorted by their probability. A standard deviation is that of a binomial frequency,
    sqrt(p (1 - p) / draws); the grey band contains 95 % of the frequencies of a correct sampler.

    Args:
        exact: probability of each outcome, strictly between 0 and 1.
        counts: number of times each sampler drew each outcome; all samplers with the same number of draws.
        labels: labels of the outcomes.

    Returns:
        The axes of the frequencies and of the deviations.
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
    lower.axhspan(-_BAND, _BAND, color="#e6e6e6", linewidth=0)
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


def probability_by_length(masses: Sequence[float], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the total probability of the strings of each length, of all shorter ones and of all longer ones.

    Args:
        masses: total probability of all strings of length 0, 1, 2, ...
    """
    if len(masses) < 1 or min(masses) < 0 or math.fsum(masses) > 1 + 1e-6:
        raise ValueError(f"masses must be shares of 1, got {list(masses)}")
    ax = plt.subplots(figsize=(WIDTH, 3.0))[1] if ax is None else ax
    shares = np.asarray(masses, dtype=float)
    place, total = np.arange(len(shares)), shares.cumsum()
    before = total - shares
    ax.bar(place, before, color="#c6dcec", linewidth=0, label="shorter strings")
    ax.bar(place, shares, bottom=before, color=SERIES[0], linewidth=0, label="strings of this length")
    ax.bar(place, 1 - total, bottom=total, label="longer strings", **HATCHED)
    ax.set_xticks(place)
    ax.set_ylim(0, 1)
    ax.set_xlabel("symbols before the end")
    ax.set_ylabel("probability")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, columnspacing=1.0, handlelength=1.2)
    ax.set_title(title)
    return ax
