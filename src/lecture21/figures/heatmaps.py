"""Matrices as pictures: attention maps (rows = query, columns = key) and signed tables of numbers."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from torch import Tensor

from lecture21.figures.style import COLOURS, MAGNITUDE, SIGNED, TEXT_COLOURS

MAX_TICK_LABELS = 40  # more tokens than this cannot be read along an axis


def as_array(values: Tensor | np.ndarray) -> np.ndarray:
    """Bring a tensor from wherever it is to numpy; an array stays what it is."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def visible(token: str) -> str:
    """Write a token so that it can be seen: spaces, line ends and tabs get a sign."""
    return {" ": "␣", "\n": "↵", "\t": "⇥"}.get(token, token)


def _ink(ax: Axes) -> None:
    """Write each number of a heatmap in black or white, whichever stands out more on its cell."""
    mesh = ax.collections[0]
    mesh.update_scalarmappable()
    colours = mesh.get_facecolors().reshape(*mesh.get_array().shape, 4)
    for text in ax.texts:
        column, row = (int(place) for place in text.get_position())
        red, green, blue = (channel**2.2 for channel in colours[row, column, :3])  # from sRGB to light, nearly
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        # Black has the greater contrast by WCAG 2 where (L + 0.05) / 0.05 > 1.05 / (L + 0.05), which is L > 0.18.
        text.set_color("black" if luminance > 0.18 else "white")


def hatch_masked(ax: Axes, masked: Bool[np.ndarray, "T S"]) -> None:
    """Hatch the masked cells of a heatmap grey: no colour, since they hold no weight at all."""
    if masked.any():
        # One outline for all cells: hatching hundreds of patches one by one takes seconds.
        cells = [Path([(j, i), (j + 1, i), (j + 1, i + 1), (j, i + 1), (j, i)]) for i, j in np.argwhere(masked)]
        style = {"facecolor": "#e6e6e6", "edgecolor": COLOURS["masked"], "hatch": "////", "linewidth": 0}
        ax.add_patch(PathPatch(Path.make_compound_path(*cells), **style))


def matrix(
    values: Tensor | np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    signed: bool = True,
    limit: float | None = None,
    annotate: bool = True,
    fmt: str = ".3g",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a labelled matrix, its numbers written in the cells.

    Args:
        values: the numbers, one row for each label in `rows`.
        rows: labels down the side.
        columns: labels along the top.
        signed: diverging colours centred at 0, or light-to-dark from 0.
        limit: the value of the strongest colour; the largest magnitude if not given. Give the same to matrices
            that are compared.
        annotate: whether to write the numbers.
        fmt: how a number is written.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.
    """
    array = as_array(values)
    if array.shape != (len(rows), len(columns)):
        raise ValueError(f"matrix of shape {array.shape} does not fit {len(rows)} rows and {len(columns)} columns")
    limit = float(np.abs(array).max()) or 1.0 if limit is None else limit
    if ax is None:
        _, ax = plt.subplots(figsize=(0.9 + 0.62 * len(columns), 0.9 + 0.5 * len(rows)))
    sns.heatmap(
        array,
        ax=ax,
        cmap=SIGNED if signed else MAGNITUDE,
        vmin=-limit if signed else 0.0,
        vmax=limit,
        annot=annotate,
        fmt=fmt,
        linewidths=1,
        cbar=False,
        square=True,
        xticklabels=[visible(c) for c in columns],
        yticklabels=[visible(r) for r in rows],
    )
    _ink(ax)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.set_yticklabels(ax.get_yticklabels(), rotation=0)
    ax.set_title(title)
    return ax


def attention_map(
    weights: Float[Tensor, "T S"] | np.ndarray,
    tokens: Sequence[str],
    *,
    keys: Sequence[str] | None = None,
    mask: Bool[Tensor, "T S"] | np.ndarray | None = None,
    annotate: bool = False,
    vmax: float = 1.0,
    title: str = "",
    labels: bool = True,
    colourbar: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw attention weights: rows = query, columns = key, first token top left, masked cells hatched grey.

    Args:
        weights: rows that sum to 1.
        tokens: the tokens that ask, down the side.
        keys: the tokens that are asked, along the top; `tokens` if not given.
        mask: True where a query may attend; cells that are False are hatched, since they hold no weight at all.
        annotate: write each weight in its cell.
        vmax: the weight of the darkest colour; keep it the same in maps that are compared.
        title: what the reader should find.
        labels: whether to write tokens and axis names.
        colourbar: whether to draw the scale.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if tokens and weights do not fit.
    """
    array = as_array(weights)
    keys = tokens if keys is None else keys
    if array.shape != (len(tokens), len(keys)):
        raise ValueError(f"weights of shape {array.shape} do not fit {len(tokens)} queries and {len(keys)} keys")
    masked = None if mask is None else ~as_array(mask).astype(bool)
    if ax is None:
        side = 1.2 + (0.62 if annotate else 0.42) * min(len(keys), 12)
        _, ax = plt.subplots(figsize=(side, side))
    labelled = labels and max(array.shape) <= MAX_TICK_LABELS
    sns.heatmap(
        array,
        ax=ax,
        mask=masked,
        cmap=MAGNITUDE,
        vmin=0.0,
        vmax=vmax,
        annot=annotate,
        fmt=".2f",
        linewidths=1 if len(keys) <= 12 else 0,
        cbar=colourbar,
        cbar_kws={"label": "attention weight", "shrink": 0.7} if colourbar else None,
        square=True,
        xticklabels=[visible(t) for t in keys] if labelled else False,
        yticklabels=[visible(t) for t in tokens] if labelled else False,
    )
    _ink(ax)
    if masked is not None:
        hatch_masked(ax, masked)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    if labelled:
        long = max(map(len, keys), default=0) > 2
        ax.set_xticklabels(ax.get_xticklabels(), rotation=45 if long else 0, ha="left" if long else "center")
        ax.set_yticklabels(ax.get_yticklabels(), rotation=0)
    if labels:
        ax.xaxis.set_label_position("top")
        ax.set_xlabel("key: the token that is read", color=TEXT_COLOURS["key"])
        ax.set_ylabel("query: the token that asks", color=TEXT_COLOURS["query"])
    ax.set_title(title)
    return ax
