"""The encoder-decoder drawn from the model itself, and the links that leave one word, as the 2017 paper draws them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor, nn

from lecture21.figures.heatmaps import as_array, visible
from lecture21.figures.style import COLOURS, SERIES, TEXT_COLOURS
from lecture21.transformer import Transformer

INK = "#222222"
GREY = "#555555"
STREAM = "#56B4E9"
WIDTH, HEIGHT = 10.0, 12.6
LEFT, RIGHT = 1.0, 9.0  # the two residual streams; their layers stand between them
BOX = 2.9
GAP = 0.95  # from a stream to its layers


def _count(*modules: nn.Module | None) -> int:
    """Count the trained numbers of some modules, each once."""
    return sum(p.numel() for p in nn.ModuleList(module for module in modules if module is not None).parameters())


def _label(
    ax: Axes, x: float, y: float, text: str, *, colour: str = INK, framed: bool = False, **kwargs: object
) -> None:
    frame = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": INK, "linewidth": 1.1}
    ax.text(x, y, text, ha="center", va="center", color=colour, zorder=5, bbox=frame if framed else None, **kwargs)


def _arrow(ax: Axes, *points: tuple[float, float], colour: str = INK, width: float = 1.1) -> None:
    """Draw a line through points, with a head at its end."""
    ax.plot(*zip(*points[:-1], strict=True), color=colour, linewidth=width, zorder=2, solid_capstyle="butt")
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], points[-2], arrowprops=style, zorder=2)


def _layer(ax: Axes, y: float, stream: float, name: str, count: int, *, edge: str = INK) -> float:
    """Draw one layer beside its stream, which it reads and to which it is added; return the x of its far edge."""
    sign = 1 if stream == LEFT else -1
    near = stream + sign * GAP
    middle = near + sign * BOX / 2
    ax.add_patch(
        plt.Rectangle((middle - BOX / 2, y - 0.62), BOX, 1.24, facecolor="white", edgecolor=edge, lw=1.4, zorder=3)
    )
    _label(ax, middle, y + 0.2, name)
    _label(ax, middle, y - 0.32, f"{count:,}", colour=GREY)
    _arrow(ax, (stream, y), (near, y))
    _arrow(ax, (middle, y - 0.62), (middle, y - 1.0), (stream + sign * 0.36, y - 1.0))
    _label(ax, stream, y - 1.0, "add\nnorm", framed=True, fontsize=9)
    return near + sign * BOX


def transformer_diagram(model: Transformer, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw an encoder-decoder: two streams, their layers between them, and how many numbers are trained in each part.

    Args:
        model: read, not run.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if its norms do not stand after its layers, as they do in the paper.

    Source: slide 16; Vaswani et al. 2017, figure 1.
    """
    c = model.config
    if c.norm_position != "post":
        raise ValueError(f"the diagram is that of norm_position='post', got {c.norm_position!r}")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.0, 6.8))
    ax.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    ax.axis("off")
    encoder, decoder = model.encoder, model.decoder
    total = model.num_parameters()

    for x, above, name, bottom in ((LEFT, "source", "encoder", 4.0), (RIGHT, "target so far", "decoder", 0.75)):
        _arrow(ax, (x, HEIGHT - 0.75), (x, bottom), colour=STREAM, width=4.0)
        _label(ax, x, HEIGHT - 0.4, above)
        left = 0.1 if x == LEFT else WIDTH / 2 + 0.1
        low = 4.55 if x == LEFT else 2.25
        panel = plt.Rectangle(
            (left, low), WIDTH / 2 - 0.2, 10.15 - low, facecolor="#f3f3f3", edgecolor="none", zorder=0
        )
        ax.add_patch(panel)
        depth = c.n_encoder_layer if x == LEFT else c.n_decoder_layer
        _label(ax, left + WIDTH / 4 - 0.1, 9.85, f"{name} block, {depth} times", colour=GREY)

    shared = c.share_embeddings
    _label(ax, LEFT, 11.45, f"token table\n{_count(encoder.embedding.token):,}", framed=True)
    _label(
        ax,
        RIGHT,
        11.45,
        "the same\ntable" if shared else f"token table\n{_count(decoder.embedding.token):,}",
        framed=True,
    )
    added = _count(encoder.embedding.position)
    _label(ax, WIDTH / 2, 10.55, f"{c.position} positions" + (f"\n{added:,} each" if added else ""))
    if c.position in ("sinusoidal", "learned"):
        for stream, sign in ((LEFT, 1), (RIGHT, -1)):
            _arrow(ax, (WIDTH / 2 - sign * 1.75, 10.55), (stream + sign * 0.24, 10.55))
            _label(ax, stream, 10.55, "+", framed=True, fontsize=9)

    block = encoder.blocks[0]
    own, feed = (block.norm_attention, block.attention), (block.norm_feed_forward, block.feed_forward)
    _layer(ax, 8.9, LEFT, "attention, no mask", _count(*own))
    _layer(ax, 6.6, LEFT, "feed-forward", _count(*feed))
    _label(ax, LEFT + 1.55, 4.9, f"{c.n_encoder_layer} × {_count(block):,}", colour=GREY)

    block = decoder.blocks[0]
    own, feed = (block.norm_attention, block.attention), (block.norm_feed_forward, block.feed_forward)
    cross = (block.norm_cross_attention, block.cross_attention)
    _layer(ax, 8.9, RIGHT, "attention, causal", _count(*own))
    edge = _layer(ax, 6.6, RIGHT, "cross-attention", _count(*cross), edge=COLOURS["key"])
    _layer(ax, 4.3, RIGHT, "feed-forward", _count(*feed))
    _label(ax, RIGHT - 1.65, 2.6, f"{c.n_decoder_layer} × {_count(block):,}", colour=GREY)

    # Keys and values of the cross-attention are made from what the encoder ends with.
    turn = WIDTH / 2
    _arrow(ax, (LEFT, 4.0), (turn, 4.0), (turn, 6.6), (edge, 6.6), colour=COLOURS["key"], width=2.2)
    _label(ax, 2.4, 3.35, "memory: the decoder's\nkeys and values", colour=TEXT_COLOURS["key"])
    _label(ax, RIGHT, 1.55, "the same\ntable" if shared else f"head\n{_count(model.head):,}", framed=True)
    _label(ax, RIGHT - 0.75, 0.3, f"{c.target_vocab_size} logits a position")
    _label(ax, 2.4, 1.6, "trained numbers", colour=GREY)
    _label(ax, 2.4, 1.05, f"{total:,}", fontweight="bold")
    ax.set_title(title)
    return ax


def word_links(
    tokens: Sequence[str],
    weights: Float[Tensor, "H T"],
    query: int,
    *,
    names: Sequence[str] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw what one word attends to: a line to each word, the wider the more weight, in one colour for each head.

    Args:
        tokens: the words, written from top to bottom.
        weights: the row of the attention map that belongs to the word, one for each head.
        query: position of the word that asks.
        names: one for each head; numbered from 1 if not given.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if words, weights and names do not fit, or there are more heads than colours.

    Source: slide 9; Vaswani et al. 2017, figure 3.
    """
    array = as_array(weights)
    names = [f"head {h + 1}" for h in range(len(array))] if names is None else names
    if array.shape != (len(names), len(tokens)) or not 0 <= query < len(tokens):
        raise ValueError(
            f"weights of shape {array.shape} and query {query} do not fit {len(names)} heads and {len(tokens)} tokens"
        )
    if len(array) > len(SERIES):
        raise ValueError(f"there are colours for {len(SERIES)} heads, got {len(array)}")
    if ax is None:
        _, ax = plt.subplots(figsize=(3.0, 0.9 + 0.235 * len(tokens)))
    step = 0.13
    for place, token in enumerate(tokens):
        style = {"fontweight": "bold", "color": INK} if place == query else {"color": COLOURS["masked"]}
        ax.text(-0.04, place, visible(token), ha="right", va="center", fontsize=9.5, **style)
        ax.text(1.04 + step * len(array), place, visible(token), ha="left", va="center", fontsize=9.5)
    for h, (row, colour) in enumerate(zip(array, SERIES, strict=False)):
        for place, weight in enumerate(row):
            faint = min(1.0, 0.1 + 1.5 * weight)
            ax.plot([0, 1], [query, place], color=colour, linewidth=6 * weight, alpha=faint, zorder=2)
            corner = (1.0 + step * h, place - 0.4)
            shade = min(1.0, float(weight))  # a softmax may exceed 1 by a rounding error
            ax.add_patch(plt.Rectangle(corner, step, 0.8, color=colour, alpha=shade, linewidth=0))
        ax.text(1.0 + step * (h + 0.5), -0.9, names[h].split()[-1], ha="center", va="bottom", color=colour, fontsize=9)
    ax.set(xlim=(-0.9, 2.6), ylim=(len(tokens) - 0.4, -1.9))
    ax.text(1.0, -0.9, f"{names[0].rsplit(' ', 1)[0]} ", ha="right", va="bottom", color=GREY, fontsize=9)
    ax.axis("off")
    ax.set_title(title)
    return ax
