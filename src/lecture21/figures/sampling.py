"""Decoding: one distribution under several ways of drawing from it, and the texts that they give."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lecture21.figures.heatmaps import visible
from lecture21.figures.style import COLOURS, SERIES, WIDTH

PER_ROW = 2
OTHERS_GAP = 0.8  # room for the word "others" beside the last symbol, on a phone too


def next_symbol_bars(
    choices: Mapping[str, Float[Tensor, " V"]],
    symbols: Sequence[str],
    *,
    n_shown: int = 12,
    title: str = "",
) -> Figure:
    """Draw next-symbol distributions side by side: the most likely symbols of the first, and all others as one bar.

    A symbol that the first distribution allows and another one cuts off entirely is hatched grey.

    Args:
        choices: for each label, the probabilities of all V symbols; the first sets the order of the bars.
        symbols: how each of the V ids is written.
        n_shown: bars beside the one for all others.
        title: what the reader should find.

    Raises:
        ValueError: if there is nothing to draw, or probabilities and symbols do not fit.
    """
    if not choices:
        raise ValueError("next_symbol_bars needs at least one distribution")
    for label, probabilities in choices.items():
        if probabilities.shape != (len(symbols),):
            shape = tuple(probabilities.shape)
            raise ValueError(f"{label!r} has probabilities of shape {shape}, there are {len(symbols)} symbols")
    if not 1 <= n_shown <= len(symbols):
        raise ValueError(f"n_shown must be between 1 and {len(symbols)}, got {n_shown}")
    first = next(iter(choices.values()))
    order = first.argsort(descending=True)[:n_shown].tolist()
    labels = [visible(symbols[i]) for i in order] + ["others"]
    columns = min(PER_ROW, len(choices))
    rows = math.ceil(len(choices) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, 0.45 + 1.75 * rows), sharex=True, sharey=True, squeeze=False
    )
    for ax, (label, probabilities) in zip(axes.flat, choices.items(), strict=False):
        shown = probabilities[order].tolist()
        heights = [*shown, max(0.0, 1.0 - sum(shown))]
        ax.bar(range(n_shown), heights[:-1], color=SERIES[0], width=0.8)
        ax.bar(n_shown + OTHERS_GAP, heights[-1], color=COLOURS["masked"], width=0.8)
        cut = [j for j, i in enumerate(order) if probabilities[i] == 0 < first[i]]
        ax.bar(
            cut,
            [first[order[j]].item() for j in cut],
            color="#e6e6e6",
            edgecolor=COLOURS["masked"],
            hatch="////",
            linewidth=0,
            width=0.8,
        )
        ax.set_title(label, fontsize=10)
        ax.set_xticks([*range(n_shown), n_shown + OTHERS_GAP], labels)
        ax.tick_params(axis="x", length=0)
    for ax in axes.flat[len(choices) :]:
        ax.axis("off")
    for ax in axes[:, 0]:
        ax.set_ylabel("probability")
    figure.suptitle(title, x=0.0, ha="left", fontsize=11)
    return figure


def text_map(
    texts: Mapping[str, tuple[float, float]],
    *,
    real: tuple[float, float],
    path: Sequence[str] = (),
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Place texts by how surprising and how varied they are, beside the text of the corpus.

    Args:
        texts: for each label, nats per token under a scoring model, and the number of distinct n-grams divided by
            the number of all n-grams.
        real: the same for text of the corpus.
        path: labels to join by a line, in order, such as rising temperatures.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if `path` names a text that is not there.

    Source: after Holtzman et al. 2020, The Curious Case of Neural Text Degeneration.
    """
    if missing := [label for label in path if label not in texts]:
        raise ValueError(f"the path names {missing[0]!r}; there are {', '.join(texts)}")
    ax = plt.subplots()[1] if ax is None else ax
    if path:
        ax.plot(*zip(*(texts[label] for label in path), strict=True), color=SERIES[0], linewidth=1, zorder=1)
    above = 8
    for label, (x, y) in texts.items():
        colour = SERIES[0] if label in path else SERIES[1]
        ax.plot([x], [y], "o", color=colour, markersize=6)
        # Labels of the path hang below it, the others stand above, each higher than the last: so none meet.
        below = label in path
        ax.annotate(
            label,
            (x, y),
            (5, -7) if below else (0, above),
            textcoords="offset points",
            ha="left" if below else "center",
            va="top" if below else "bottom",
            color=colour,
        )
        above += 0 if below else 12
    ax.plot(*real, "D", color=SERIES[2], markersize=8)
    ax.annotate("Shakespeare", real, (-9, 0), textcoords="offset points", ha="right", va="center", color=SERIES[2])
    ax.margins(x=0.12)
    ax.set_ylim(0, 1.15)
    ax.set_title(title)
    return ax
