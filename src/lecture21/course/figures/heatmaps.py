"""Matrices as figures: tables of numbers, attention maps and masks, with queries as rows and keys as columns."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from torch import Tensor

from lecture21.course.figures.axes import HATCHED, as_array, text_color_on, visible
from lecture21.course.figures.style import _MAGNITUDE, COLORS, SERIES, SIGNED, TEXT_COLORS, WIDTH

_MAX_TICK_LABELS = 40  # more tokens than this are not readable along an axis
_ALLOWED, FUTURE = "#b9d7ea", SERIES[1]  # an allowed key in the past, and one in the future


def _contrast_numbers(ax: Axes) -> None:
    """Write each number of a heatmap in black or white, whichever has more contrast on its cell."""
    mesh = ax.collections[0]
    mesh.update_scalarmappable()
    colors = mesh.get_facecolors().reshape(*mesh.get_array().shape, 4)
    for text in ax.texts:
        column, row = (int(place) for place in text.get_position())
        text.set_color(text_color_on(colors[row, column, :3]))


def hatch_masked(ax: Axes, masked: Bool[np.ndarray, "T S"]) -> None:
    """Hatch masked cells in gray, to distinguish them from cells with a small weight."""
    if masked.any():
        # One outline for all cells: hatching hundreds of patches one by one takes seconds.
        cells = [Path([(j, i), (j + 1, i), (j + 1, i + 1), (j, i + 1), (j, i)]) for i, j in np.argwhere(masked)]
        ax.add_patch(PathPatch(Path.make_compound_path(*cells), **HATCHED))


def square_mask(mask: Tensor | np.ndarray, tokens: Sequence[str]) -> np.ndarray:
    """Return a mask as a Boolean array with a row and a column for each token; any other shape is a ValueError."""
    array = as_array(mask).astype(bool)
    if array.shape != (len(tokens), len(tokens)):
        raise ValueError(f"a mask of shape {array.shape} does not fit {len(tokens)} tokens")
    return array


def label_axes(ax: Axes, key: str = "key", query: str = "query") -> None:
    """Name both axes of a map in the colors of their roles, the keys along the top."""
    ax.xaxis.set_label_position("top")
    ax.set_xlabel(key, color=TEXT_COLORS["key"])
    ax.set_ylabel(query, color=TEXT_COLORS["query"])


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
    """Draw a labeled matrix with its numbers in the cells.

    Args:
        values: one row for each label in `rows`, one column for each in `columns`.
        rows: labels on the left.
        columns: labels along the top.
        signed: diverging colors centered at 0; otherwise light to dark from 0.
        limit: value of the strongest color, by default the largest magnitude. Matrices that are compared need the
            same limit.
        annotate: whether to write the numbers.
        fmt: format of a number.
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
        cmap=SIGNED if signed else _MAGNITUDE,
        vmin=-limit if signed else 0.0,
        vmax=limit,
        annot=annotate,
        fmt=fmt,
        linewidths=1,
        cbar=False,
        square=True,
        xticklabels=[visible(column) for column in columns],
        yticklabels=[visible(row) for row in rows],
    )
    _contrast_numbers(ax)
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
    labels: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw attention weights from 0 to 1: rows are queries, columns are keys, the first token is at the top left.

    Args:
        weights: attention weights, whose rows sum to 1.
        tokens: query tokens, on the left.
        keys: key tokens, along the top; `tokens` by default.
        mask: True where a query may attend; the other cells are hatched.
        annotate: whether to write each weight in its cell.
        labels: whether to write tokens and axis labels.
    """
    array = as_array(weights)
    keys = tokens if keys is None else keys
    if array.shape != (len(tokens), len(keys)):
        raise ValueError(f"weights of shape {array.shape} do not fit {len(tokens)} queries and {len(keys)} keys")
    masked = None if mask is None else ~as_array(mask).astype(bool)
    if ax is None:
        side = 1.2 + (0.62 if annotate else 0.42) * min(len(keys), 12)
        _, ax = plt.subplots(figsize=(side, side))
    written = labels and max(array.shape) <= _MAX_TICK_LABELS
    sns.heatmap(
        array,
        ax=ax,
        mask=masked,
        cmap=_MAGNITUDE,
        vmin=0.0,
        vmax=1.0,
        annot=annotate,
        fmt=".2f",
        linewidths=1 if len(keys) <= 12 else 0,
        cbar=False,
        square=True,
        xticklabels=[visible(token) for token in keys] if written else False,
        yticklabels=[visible(token) for token in tokens] if written else False,
    )
    _contrast_numbers(ax)
    if masked is not None:
        hatch_masked(ax, masked)
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    if written:
        long = max(map(len, keys), default=0) > 2
        ax.set_xticklabels(ax.get_xticklabels(), rotation=45 if long else 0, ha="left" if long else "center")
        ax.set_yticklabels(ax.get_yticklabels(), rotation=0)
    if labels:
        label_axes(ax, "key: the token attended to", "query: the token that attends")
    ax.set_title(title)
    return ax


def head_maps(
    weights: Float[Tensor, "H T S"],
    tokens: Sequence[str],
    *,
    keys: Sequence[str] | None = None,
    mask: Bool[Tensor, "T S"] | None = None,
    titles: Sequence[str] | None = None,
    annotate: bool = False,
    labels: bool = True,
    marked: int | None = None,
    title: str = "",
) -> list[Axes]:
    """Draw the attention maps of several heads in a grid, all with the same colors.

    Args:
        weights: one map for each head.
        tokens: query tokens.
        keys: key tokens; `tokens` by default.
        mask: True where a query may attend.
        titles: one for each head, by default its number counted from 1.
        annotate: whether to write each weight in its cell.
        labels: whether to write tokens and axis labels, at the edge of the grid only.
        marked: index of a head that gets a frame.
    """
    n_head = len(weights)
    titles = [f"head {h + 1}" for h in range(n_head)] if titles is None else titles
    if len(titles) != n_head:
        raise ValueError(f"{n_head} heads need {n_head} titles, got {len(titles)}")
    columns = min(n_head, 2 if n_head <= 4 else 4)  # two maps in a row are readable on a phone
    rows = -(-n_head // columns)
    width = {1: 3.6, 2: 5.6}.get(columns, WIDTH)
    side = (width - 0.9) / columns
    height = 1.1 + rows * (0.35 + side * len(tokens) / weights.shape[2])
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained")
    for ax in axes.flat[n_head:]:
        ax.axis("off")
    for h, ax in enumerate(axes.flat[:n_head]):
        attention_map(weights[h], tokens, keys=keys, mask=mask, annotate=annotate, labels=labels, ax=ax)
        ax.set_title(titles[h], fontsize=11 if columns <= 2 else 9.5)
        label_axes(ax, "key" if h < columns else "", "query" if h % columns == 0 else "")
        if h >= columns:
            ax.set_xticks([])
        if h % columns:
            ax.set_yticks([])
        for spine in ax.spines.values():
            spine.set(visible=h == marked, color=COLORS["output"], linewidth=3)
    figure.get_layout_engine().set(h_pad=0.08)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return list(axes.flat)[:n_head]


def _mask_report(array: Bool[np.ndarray, "T T"]) -> str:
    """Return what is wrong with a causal mask: rows without a key, whose softmax is NaN, or allowed future keys."""
    empty = int((~array.any(axis=1)).sum())
    ahead = int(np.triu(array, 1).sum())
    if empty:
        return f"{empty} {'row' if empty == 1 else 'rows'} with no key"
    if ahead:
        return f"{ahead} future {'cell' if ahead == 1 else 'cells'}"
    return "no future cells"


def mask_map(
    mask: Bool[Tensor, "T T"] | np.ndarray,
    tokens: Sequence[str],
    *,
    report: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a mask: allowed keys in the past are blue, allowed keys in the future vermilion, masked cells hatched.

    Args:
        mask: True where a query (row) may attend to a key (column).
        tokens: labels of rows and columns.
        report: whether to add a line to the title that counts rows without a key or allowed future cells.
    """
    array = square_mask(mask, tokens)
    count = len(tokens)
    ax = plt.subplots(figsize=(3.4, 3.4))[1] if ax is None else ax
    kind = np.where(array, np.where(np.triu(np.ones_like(array), 1), 2, 1), 0)
    ax.imshow(kind, cmap=ListedColormap(["white", _ALLOWED, FUTURE]), vmin=0, vmax=2, extent=(0, count, count, 0))
    hatch_masked(ax, ~array)
    for edge in range(count + 1):
        ax.axhline(edge, color="white", linewidth=1)
        ax.axvline(edge, color="white", linewidth=1)
    size = 9.5 if count <= 5 else 8
    ax.set_xticks(np.arange(count) + 0.5, tokens, rotation=45, ha="left", fontsize=size)
    ax.set_yticks(np.arange(count) + 0.5, tokens, fontsize=size)
    ax.tick_params(length=0, labeltop=True, labelbottom=False, pad=1)
    ax.spines[:].set_visible(False)
    label_axes(ax)
    ax.set_title("\n".join(line for line in (title, _mask_report(array) if report else "") if line))
    return ax


def token_losses(
    nats: Float[Tensor, "row T"] | np.ndarray,
    rows: Sequence[str],
    symbols: Sequence[str],
    *,
    vmax: float,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss of each symbol of a text, one row for each model or setting.

    Args:
        nats: loss of each symbol.
        rows: labels of the rows.
        symbols: predicted symbols.
        vmax: loss of the darkest color; larger losses have the same color.
    """
    array = as_array(nats)
    if array.shape != (len(rows), len(symbols)):
        raise ValueError(f"nats of shape {array.shape} do not fit {len(rows)} rows and {len(symbols)} symbols")
    ax = plt.subplots(figsize=(WIDTH, 1.0 + 0.42 * len(rows)))[1] if ax is None else ax
    image = ax.imshow(array, cmap=_MAGNITUDE, vmin=0, vmax=vmax, aspect="auto")
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
