"""The causal mask: connections that it allows, and what a model without it pays."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.curves import seed_curves
from lecture21.course.figures.heatmaps import FUTURE, square_mask
from lecture21.course.figures.style import COLORS, SERIES, TEXT_COLORS


def connections(
    mask: Bool[Tensor, "T T"] | np.ndarray, tokens: Sequence[str], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a mask as lines from the input tokens (below) to the positions that predict the next token (above).

    Lines from the future are vermilion. A thick line comes from the token that the position must predict.

    Args:
        mask: True where a query (row) may attend to a key (column).
        tokens: the sentence; position i predicts token i + 1, and the target of the last position is unknown.
    """
    array = square_mask(mask, tokens)
    ax = plt.subplots(figsize=(3.4, 2.9))[1] if ax is None else ax
    for query, key in np.argwhere(array):
        ahead = key > query
        ax.plot(
            [key, query],
            [0.0, 1.0],
            color=FUTURE if ahead else COLORS["masked"],
            linewidth=3.0 if key == query + 1 else 1.2,
            zorder=2 if ahead else 1,
            solid_capstyle="round",
        )
    places = np.arange(len(tokens))
    size = 9.5 if len(tokens) <= 5 else 8
    ax.scatter(places, np.zeros(len(tokens)), s=60, color=COLORS["key"], zorder=3)
    ax.scatter(places, np.ones(len(tokens)), s=60, color=COLORS["query"], zorder=3)
    for place, (token, target) in enumerate(zip(tokens, [*tokens[1:], "?"], strict=True)):
        ax.text(place, -0.13, token, ha="center", va="top", fontsize=size)
        ax.text(place, 1.13, target, ha="center", va="bottom", fontsize=size, style="italic")
    ax.text(-0.6, -0.34, "input", ha="left", va="top", fontsize=size, color=TEXT_COLORS["key"])
    ax.text(-0.6, 1.34, "target", ha="left", va="bottom", fontsize=size, color=TEXT_COLORS["query"])
    ax.set_xlim(-0.7, len(tokens) - 0.3)
    ax.set_ylim(-0.55, 1.6)
    ax.axis("off")
    ax.set_title(title)
    return ax


def leak_by_position(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the loss at each position of a window, with the causal mask and without, of the result `leak`.

    Args:
        table: a row for each model, view, seed and position, with the loss in `nats`.
    """

    def curves(model: str, view: str) -> Float[Tensor, "seeds positions"]:
        rows = table.query("model == @model and view == @view")
        return torch.tensor(rows.pivot(index="seed", columns="position", values="nats").to_numpy())

    series = {
        "no mask, the future hidden": curves("no mask", "prefix"),
        "with the mask": curves("mask", "window"),
        "no mask, the future in view": curves("no mask", "window"),
    }
    n = table["position"].max() + 1
    ax = seed_curves(
        range(n),
        series,
        ticks={place: str(place) for place in (*range(0, n - 5, 5), n - 1)},
        xlabel="position in the window",
        ylabel="nats per character",
        legend=True,
        ax=ax,
    )
    ax.get_legend().remove()
    for (name, seeds), color, above in zip(series.items(), SERIES, (2.5, 0.7, 0.3), strict=False):
        ax.text(13, np.median(seeds) + above, name, color=color, weight="bold")
    counts = {name: table.loc[table["model"] == name, "nats"].mean() for name in ("bigram", "5-gram")}
    for name, nats in {"uniform": math.log(65), **counts}.items():
        ax.axhline(nats, color=COLORS["note"], linestyle="--", linewidth=1)
        ax.annotate(f"{name} {nats:.2f}", (1.01, nats), xycoords=("axes fraction", "data"), va="center")
    return ax
