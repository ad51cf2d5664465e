"""The maps of several heads at a glance, all on one scale: a few that can be read, or every head of a model."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lecture21.attention import causal_mask
from lecture21.figures.heatmaps import attention_map, hatch_masked
from lecture21.figures.style import COLOURS, MAGNITUDE, TEXT_COLOURS, WIDTH

MAX_COLUMNS = 4


def head_maps(
    weights: Float[Tensor, "H T S"],
    tokens: Sequence[str],
    *,
    keys: Sequence[str] | None = None,
    mask: Bool[Tensor, "T S"] | None = None,
    titles: Sequence[str] | None = None,
    annotate: bool = False,
    title: str = "",
) -> list[Axes]:
    """Draw the attention map of each head, all with the same colours.

    Args:
        weights: rows = query, columns = key, one map for each head.
        tokens: the tokens that ask.
        keys: the tokens that are asked; `tokens` if not given.
        mask: True where a query may attend.
        titles: one for each head; numbered from 1 if not given.
        annotate: write each weight in its cell.
        title: what the reader should find.

    Raises:
        ValueError: if titles and heads do not fit.
    """
    n_head = len(weights)
    titles = [f"head {h + 1}" for h in range(n_head)] if titles is None else titles
    if len(titles) != n_head:
        raise ValueError(f"{n_head} heads need {n_head} titles, got {len(titles)}")
    # Two maps in a row can be read on a phone. Names stand at the edge of the grid only: repeated at every map they
    # would leave no room for the maps.
    columns = min(n_head, 2 if n_head <= 4 else MAX_COLUMNS)
    rows = -(-n_head // columns)
    width = {1: 3.6, 2: 5.6}.get(columns, WIDTH)
    side = (width - 0.9) / columns
    height = 1.1 + rows * (0.35 + side * len(tokens) / weights.shape[2])
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained")
    for h, ax in enumerate(axes.flat):
        if h >= n_head:
            ax.axis("off")
            continue
        attention_map(weights[h], tokens, keys=keys, mask=mask, annotate=annotate, title=titles[h], ax=ax)
        if h >= columns:
            ax.set_xticks([])
            ax.set_xlabel("")
        else:
            ax.set_xlabel("key")
        if h % columns:
            ax.set_yticks([])
            ax.set_ylabel("")
        else:
            ax.set_ylabel("query")
    figure.get_layout_engine().set(h_pad=0.08)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return list(axes.flat)[:n_head]


def head_grid(
    maps: Float[Tensor, "layer H T T"],
    tokens: Sequence[str],
    *,
    marked: tuple[int, int] | None = None,
    vmax: float = 1.0,
    title: str = "",
) -> Figure:
    """Draw the causal attention maps of all heads: rows of the grid are layers, columns are heads.

    The tokens are too many to be written at each map; both axes run from the first to the last.

    Args:
        maps: from `layers.attention_weights`, for one sequence.
        tokens: the T tokens, in order.
        marked: layer and head, counted from 0, that get a frame.
        vmax: the weight of the darkest colour, the same in every map.
        title: what the reader should find.

    Raises:
        ValueError: if tokens and maps do not fit.
    """
    n_layer, n_head, *size = maps.shape
    if size != [len(tokens)] * 2:
        raise ValueError(f"maps of {size[0]} x {size[1]} do not fit {len(tokens)} tokens")
    figure, axes = plt.subplots(n_layer, n_head, figsize=(WIDTH, 0.7 + WIDTH / n_head * n_layer), squeeze=False)
    masked = ~causal_mask(len(tokens)).numpy()
    for layer, row in enumerate(axes):
        for head, ax in enumerate(row):
            weights = np.ma.masked_array(maps[layer, head].detach().cpu().numpy(), masked)
            ax.pcolormesh(weights, cmap=MAGNITUDE, vmin=0.0, vmax=vmax, rasterized=True)
            hatch_masked(ax, masked)
            ax.set(aspect="equal", xlim=(0, len(tokens)), ylim=(len(tokens), 0), xticks=[], yticks=[])
            ax.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=9.5, pad=3)
            framed = (layer, head) == marked
            for spine in ax.spines.values():
                spine.set(visible=framed, color=COLOURS["output"], linewidth=3)
    figure.supylabel("query: the symbol that asks, the first at the top", color=TEXT_COLOURS["query"], fontsize=10)
    figure.supxlabel("key: the symbol that is read, the first at the left", color=TEXT_COLOURS["key"], fontsize=10)
    figure.suptitle(title, x=0.0, ha="left", fontsize=11)
    return figure
