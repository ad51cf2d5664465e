"""What each prediction costs: the loss at every position of a window, and at every symbol of a text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.figures.heatmaps import as_array, visible
from lecture21.figures.style import COLOURS, MAGNITUDE, SERIES, WIDTH


def nats_by_position(
    losses: Mapping[str, Float[Tensor, "seed T"]],
    *,
    rules: Mapping[str, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean loss at each position of the window: thin lines for seeds, a thick one for their mean.

    Args:
        losses: for each label, one row of nats for each seed.
        rules: for each label, a constant drawn as a dashed line.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.
    """
    ax = plt.subplots()[1] if ax is None else ax
    for (label, values), colour in zip(losses.items(), SERIES, strict=False):
        array = as_array(values)
        place = np.arange(array.shape[1])
        ax.plot(place, array.T, color=colour, linewidth=0.7, alpha=0.6)
        ax.plot(place, array.mean(axis=0), color=colour, linewidth=2)
        middle = array.shape[1] // 2
        height = array[:, middle // 2 : -middle // 2].max()  # clear of the seeds that run under the text
        ax.text(middle, height + 0.15, label, color=colour, ha="center", va="bottom")
    for label, height in (rules or {}).items():
        ax.axhline(height, color=COLOURS["masked"], linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.text(0, height + 0.1, label, color="#555555", va="bottom", fontsize=9.5)
    ax.set_xlabel("position in the window")
    ax.set_ylabel("nats per character")
    ax.set_ylim(bottom=0)
    ax.set_title(title)
    return ax


def token_strip(
    nats: Float[Tensor, "row T"] | np.ndarray,
    rows: Sequence[str],
    symbols: Sequence[str],
    *,
    vmax: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the price of every symbol of one text, one row for each way to read it.

    Args:
        nats: the loss at each symbol.
        rows: labels of the rows.
        symbols: the symbols that had to be predicted.
        vmax: the price of the darkest colour; what is dearer has the same colour.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if nats, rows and symbols do not fit.
    """
    array = as_array(nats)
    if array.shape != (len(rows), len(symbols)):
        raise ValueError(f"nats of shape {array.shape} do not fit {len(rows)} rows and {len(symbols)} symbols")
    ax = plt.subplots(figsize=(WIDTH, 1.0 + 0.42 * len(rows)))[1] if ax is None else ax
    image = ax.imshow(array, cmap=MAGNITUDE, vmin=0, vmax=vmax, aspect="auto")
    ax.set_xticks(range(len(symbols)), [visible(symbol) for symbol in symbols])
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xticks(np.arange(len(symbols)) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(rows)) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1)
    ax.tick_params(which="both", length=0, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(image, ax=ax, label="nats", aspect=8, pad=0.01)
    ax.set_title(title)
    return ax
