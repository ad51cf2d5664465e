"""Masks as pictures: who may read whom, what the softmax makes of it, and how far an input reaches.

The future is always vermilion where it may be read, and hatched grey where it may not.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm
from torch import Tensor

from lecture21.figures.heatmaps import as_array, attention_map, hatch_masked, matrix
from lecture21.figures.style import COLOURS, MAGNITUDE, SERIES, TEXT_COLOURS, WIDTH

LEAK = SERIES[1]
"""Colour of everything that comes from the future."""

ALLOWED = "#b9d7ea"
"""Colour of a cell that may be read and is not of the future."""


def _square(mask: Tensor | np.ndarray, tokens: Sequence[str]) -> np.ndarray:
    array = as_array(mask).astype(bool)
    if array.shape != (len(tokens), len(tokens)):
        raise ValueError(f"a mask of shape {array.shape} does not fit {len(tokens)} tokens")
    return array


def mask_verdict(mask: Bool[Tensor, "T T"] | np.ndarray) -> str:
    """Say in a few words what a mask lets through: rows with no key at all, or cells of the future.

    Args:
        mask: True where a query (row) may attend to a key (column).

    Returns:
        "no cell of the future" where all is well; rows with no key are named first, since their softmax is NaN.
    """
    array = as_array(mask).astype(bool)
    blind = int((~array.any(axis=1)).sum())
    ahead = int(np.triu(array, 1).sum())
    if blind:
        return f"{blind} {'row' if blind == 1 else 'rows'} with no key"
    if ahead:
        return f"{ahead} {'cell' if ahead == 1 else 'cells'} of the future"
    return "no cell of the future"


def wires(
    mask: Bool[Tensor, "T T"] | np.ndarray, tokens: Sequence[str], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a mask as wires from the tokens that are read (below) to the positions that predict (above).

    A wire that carries the answer itself, the token that the position must predict, is thick.

    Args:
        mask: True where a query (row) may attend to a key (column).
        tokens: the sentence; position i must predict token i + 1, and nobody knows what the last must predict.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if mask and tokens do not fit.
    """
    array = _square(mask, tokens)
    ax = plt.subplots(figsize=(3.4, 2.9))[1] if ax is None else ax
    for query, key in np.argwhere(array):
        ahead = key > query
        ax.plot(
            [key, query],
            [0.0, 1.0],
            color=LEAK if ahead else COLOURS["masked"],
            linewidth=3.0 if key == query + 1 else 1.2,
            zorder=2 if ahead else 1,
            solid_capstyle="round",
        )
    places = np.arange(len(tokens))
    size = 9.5 if len(tokens) <= 5 else 8
    ax.scatter(places, np.zeros(len(tokens)), s=60, color=COLOURS["key"], zorder=3)
    ax.scatter(places, np.ones(len(tokens)), s=60, color=COLOURS["query"], zorder=3)
    for place, (token, target) in enumerate(zip(tokens, [*tokens[1:], "?"], strict=True)):
        ax.text(place, -0.13, token, ha="center", va="top", fontsize=size)
        ax.text(place, 1.13, target, ha="center", va="bottom", fontsize=size, style="italic")
    ax.text(-0.6, -0.34, "reads", ha="left", va="top", fontsize=size, color=TEXT_COLOURS["key"])
    ax.text(-0.6, 1.34, "must predict", ha="left", va="bottom", fontsize=size, color=TEXT_COLOURS["query"])
    ax.set_xlim(-0.7, len(tokens) - 0.3)
    ax.set_ylim(-0.55, 1.6)
    ax.axis("off")
    ax.set_title(title)
    return ax


def masked_softmax(
    scores: Float[Tensor, "T T"],
    mask: Bool[Tensor, "T T"],
    weights: Float[Tensor, "T T"],
    tokens: Sequence[str],
) -> np.ndarray:
    """Draw two tables side by side: the scores with the future at minus infinity, and the weights they become.

    Args:
        scores: scaled scores before the mask.
        mask: True where a query may attend.
        weights: what the softmax gives.
        tokens: labels of rows and columns.

    Returns:
        The two `Axes`.
    """
    _, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.5))
    masked = ~_square(mask, tokens)
    ax = matrix(
        np.where(masked, 0.0, as_array(scores)), tokens, tokens, title="1. Scores, the future at −∞", ax=axes[0]
    )
    hatch_masked(ax, masked)
    ax.set_xticklabels(tokens, rotation=45, ha="left")
    ax.xaxis.set_label_position("top")
    ax.set_xlabel("key: the token that is read", color=TEXT_COLOURS["key"])
    ax.set_ylabel("query: the token that asks", color=TEXT_COLOURS["query"])
    for text, hidden in zip(ax.texts, masked.flat, strict=True):
        if hidden:
            # A plate behind the sign, so that the hatching does not run through it.
            text.set(text="−∞", color="black", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5}, zorder=5)
    attention_map(weights, tokens, mask=mask, annotate=True, title="2. Weights: rows sum to 1", ax=axes[1])
    return axes


def mask_gallery(masks: Mapping[str, Bool[Tensor, "T T"]], tokens: Sequence[str]) -> np.ndarray:
    """Draw masks side by side: blue may be read, vermilion may be read and is the future, hatched may not.

    Args:
        masks: for each name, True where a query (row) may attend to a key (column).
        tokens: labels of rows and columns.

    Returns:
        The `Axes`, one for each mask, in order.

    Raises:
        ValueError: if a mask and the tokens do not fit.
    """
    columns = min(3, len(masks))
    rows = -(-len(masks) // columns)
    _, axes = plt.subplots(rows, columns, figsize=(WIDTH, 0.2 + 2.55 * rows), squeeze=False)
    for ax in axes.flat[len(masks) :]:
        ax.axis("off")
    for place, (ax, (name, mask)) in enumerate(zip(axes.flat, masks.items(), strict=False)):
        mask_map(mask, tokens, title=f"{name}\n{mask_verdict(mask)}", ax=ax)
        ax.set_xlabel("key" if place < columns else "", color=TEXT_COLOURS["key"])
        ax.set_ylabel("query" if place % columns == 0 else "", color=TEXT_COLOURS["query"])
    return axes.flatten()[: len(masks)]


def mask_map(
    mask: Bool[Tensor, "T T"] | np.ndarray, tokens: Sequence[str], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw one mask: blue may be read, vermilion may be read and is the future, hatched may not.

    Args:
        mask: True where a query (row) may attend to a key (column).
        tokens: labels of rows and columns.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if mask and tokens do not fit.
    """
    array = _square(mask, tokens)
    count = len(tokens)
    ax = plt.subplots(figsize=(3.4, 3.4))[1] if ax is None else ax
    kind = np.where(array, np.where(np.triu(np.ones_like(array), 1), 2, 1), 0)
    ax.imshow(kind, cmap=ListedColormap(["white", ALLOWED, LEAK]), vmin=0, vmax=2, extent=(0, count, count, 0))
    hatch_masked(ax, ~array)
    for edge in range(count + 1):
        ax.axhline(edge, color="white", linewidth=1)
        ax.axvline(edge, color="white", linewidth=1)
    size = 9.5 if count <= 5 else 8
    ax.set_xticks(np.arange(count) + 0.5, tokens, rotation=45, ha="left", fontsize=size)
    ax.set_yticks(np.arange(count) + 0.5, tokens, fontsize=size)
    ax.tick_params(length=0, labeltop=True, labelbottom=False, pad=1)
    ax.xaxis.set_label_position("top")
    ax.spines[:].set_visible(False)
    ax.set_xlabel("key", color=TEXT_COLOURS["key"])
    ax.set_ylabel("query", color=TEXT_COLOURS["query"])
    ax.set_title(title)
    return ax


def influence_map(
    influence: Float[Tensor, "T T"] | np.ndarray,
    tokens: Sequence[str],
    *,
    limits: tuple[float, float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw how much each input (column) moves each output (row), on a logarithmic scale; exact zeros are hatched.

    Args:
        influence: norms of the derivatives, none negative.
        tokens: labels of rows and columns.
        limits: the values of the lightest and the darkest colour; give the same to maps that are compared.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if everything is zero, or influence and tokens do not fit.
    """
    array = as_array(influence).astype(float)
    seen = array > 0
    if not seen.any():
        raise ValueError("no input moves any output: every influence is 0")
    low, high = limits or (array[seen].min(), array.max())
    scale = LogNorm(low, high)
    shade = np.ma.filled(scale(np.where(seen, array, low)), 0)
    ax = attention_map(shade, tokens, mask=seen, title=title, ax=ax)
    ax.set_xlabel("input that is nudged", color=TEXT_COLOURS["key"])
    ax.set_ylabel("logits that may move", color=TEXT_COLOURS["output"])
    bar = ax.figure.colorbar(ScalarMappable(scale, MAGNITUDE), ax=ax, shrink=0.6, location="bottom", pad=0.03)
    bar.set_label("size of the derivative")
    return ax
