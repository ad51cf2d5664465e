"""The causal mask: connections that it allows, and the softmax after it."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import as_array
from lecture21.course.figures.heatmaps import FUTURE, attention_map, hatch_masked, label_axes, matrix, square_mask
from lecture21.course.figures.style import COLORS, TEXT_COLORS, WIDTH


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


def masked_softmax(
    scores: Float[Tensor, "T T"],
    mask: Bool[Tensor, "T T"],
    weights: Float[Tensor, "T T"],
    tokens: Sequence[str],
) -> np.ndarray:
    """Draw the scores with masked cells at minus infinity and, beside them, the weights after the softmax.

    Args:
        scores: scaled scores before the mask.
        mask: True where a query may attend.
        weights: attention weights.
        tokens: labels of rows and columns.

    Returns:
        The two `Axes`.
    """
    _, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.5))
    masked = ~square_mask(mask, tokens)
    shown = np.where(masked, 0.0, as_array(scores))
    ax = matrix(shown, tokens, tokens, title="1. Scores, the future at −∞", ax=axes[0])
    hatch_masked(ax, masked)
    ax.set_xticklabels(tokens, rotation=45, ha="left")
    label_axes(ax)
    for text, hidden in zip(ax.texts, masked.flat, strict=True):
        if hidden:
            # A white background keeps the hatching away from the sign.
            text.set(text="−∞", color="black", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5}, zorder=5)
    attention_map(weights, tokens, mask=mask, annotate=True, title="2. Weights: rows sum to 1", ax=axes[1])
    label_axes(axes[1])
    return axes
