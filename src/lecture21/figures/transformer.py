"""The encoder-decoder and its relatives drawn, and the attention of one word in several heads."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.figures._axes import as_array, visible
from lecture21.figures._diagram import arrow, box, count_parameters
from lecture21.figures.style import COLOURS, SERIES, TEXT_COLOURS
from lecture21.transformer import Transformer

_WIDTH, _HEIGHT = 10.0, 12.6
_ENCODER, _DECODER = 1.0, 9.0  # x of the two residual streams; their layers are between them
_BOX = 2.9
_GAP = 0.95  # from a stream to its layers


def transformer_diagram(model: Transformer, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a post-norm encoder-decoder as two residual streams with their layers and the parameters of each part.

    Source: slide 16; Vaswani et al. 2017, figure 1.
    """
    c = model.config
    if c.norm_position != "post":
        raise ValueError(f"the diagram is that of norm_position='post', got {c.norm_position!r}")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.0, 6.8))
    ax.set(xlim=(0, _WIDTH), ylim=(0, _HEIGHT))
    ax.axis("off")
    encoder, decoder, grey, middle = model.encoder, model.decoder, COLOURS["note"], _WIDTH / 2

    _stream(ax, _ENCODER, "source", f"encoder block, {c.n_encoder_layer} times", end=4.0, bottom=4.55)
    _stream(ax, _DECODER, "target so far", f"decoder block, {c.n_decoder_layer} times", end=0.75, bottom=2.25)

    shared = c.share_embeddings
    own_table = f"token table\n{count_parameters(decoder.embedding.token):,}"
    _label(ax, _ENCODER, 11.45, f"token table\n{count_parameters(encoder.embedding.token):,}", framed=True)
    _label(ax, _DECODER, 11.45, "the same\ntable" if shared else own_table, framed=True)
    added = count_parameters(encoder.embedding.position)
    _label(ax, middle, 10.55, f"{c.position} positions" + (f"\n{added:,} each" if added else ""))
    if c.position in ("sinusoidal", "learned"):
        for stream, sign in ((_ENCODER, 1), (_DECODER, -1)):
            arrow(ax, (middle - sign * 1.75, 10.55), (stream + sign * 0.24, 10.55))
            _label(ax, stream, 10.55, "+", framed=True, fontsize=9)

    block = encoder.blocks[0]
    _layer(ax, 8.9, _ENCODER, "attention, no mask", count_parameters(block.norm_attention, block.attention))
    _layer(ax, 6.6, _ENCODER, "feed-forward", count_parameters(block.norm_feed_forward, block.feed_forward))
    _label(ax, _ENCODER + 1.55, 4.9, f"{c.n_encoder_layer} × {count_parameters(block):,}", colour=grey)

    block = decoder.blocks[0]
    cross = count_parameters(block.norm_cross_attention, block.cross_attention)
    _layer(ax, 8.9, _DECODER, "attention, causal", count_parameters(block.norm_attention, block.attention))
    edge = _layer(ax, 6.6, _DECODER, "cross-attention", cross, edge=COLOURS["key"])
    _layer(ax, 4.3, _DECODER, "feed-forward", count_parameters(block.norm_feed_forward, block.feed_forward))
    _label(ax, _DECODER - 1.65, 2.6, f"{c.n_decoder_layer} × {count_parameters(block):,}", colour=grey)

    # The cross-attention computes its keys and values from the encoder's output.
    path = (_ENCODER, 4.0), (middle, 4.0), (middle, 6.6), (edge, 6.6)
    arrow(ax, *path, colour=COLOURS["key"], linewidth=2.2)
    _label(ax, 2.4, 3.35, "memory: the decoder's\nkeys and values", colour=TEXT_COLOURS["key"])
    head = f"head\n{count_parameters(model.head):,}"
    _label(ax, _DECODER, 1.55, "the same\ntable" if shared else head, framed=True)
    _label(ax, _DECODER - 0.75, 0.3, f"{c.target_vocab_size} logits per position")
    _label(ax, 2.4, 1.6, "parameters", colour=grey)
    _label(ax, 2.4, 1.05, f"{model.num_parameters():,}", fontweight="bold")
    ax.set_title(title)
    return ax


def _label(
    ax: Axes, x: float, y: float, text: str, *, colour: str = COLOURS["ink"], framed: bool = False, **kwargs: object
) -> None:
    frame = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": COLOURS["ink"], "linewidth": 1.1}
    ax.text(x, y, text, ha="center", va="center", color=colour, zorder=5, bbox=frame if framed else None, **kwargs)


def _stream(ax: Axes, x: float, source: str, block: str, *, end: float, bottom: float) -> None:
    """Draw a residual stream from its input down to `end`, and the panel of its blocks down to `bottom`."""
    arrow(ax, (x, _HEIGHT - 0.75), (x, end), colour=COLOURS["stream"], linewidth=4.0)
    _label(ax, x, _HEIGHT - 0.4, source)
    centre = _WIDTH / 4 if x == _ENCODER else 3 * _WIDTH / 4
    size = _WIDTH / 2 - 0.2, 10.15 - bottom
    box(ax, (centre, (10.15 + bottom) / 2), size, fill="#f3f3f3", edge="none", zorder=0)
    _label(ax, centre, 9.85, block, colour=COLOURS["note"])


def _layer(ax: Axes, y: float, stream: float, name: str, count: int, *, edge: str = COLOURS["ink"]) -> float:
    """Draw a layer beside the stream that it reads and is added to; return the x of its far edge."""
    sign = 1 if stream == _ENCODER else -1
    near = stream + sign * _GAP
    middle = near + sign * _BOX / 2
    box(ax, (middle, y), (_BOX, 1.24), edge=edge, linewidth=1.4)
    _label(ax, middle, y + 0.2, name)
    _label(ax, middle, y - 0.32, f"{count:,}", colour=COLOURS["note"])
    arrow(ax, (stream, y), (near, y))
    arrow(ax, (middle, y - 0.62), (middle, y - 1.0), (stream + sign * 0.36, y - 1.0))
    _label(ax, stream, y - 1.0, "add\nnorm", framed=True, fontsize=9)
    return near + sign * _BOX


def family_diagram(
    inputs: Sequence[str],
    mask: Bool[Tensor, "T T"],
    predicted: Sequence[str | None],
    *,
    n_source: int = 0,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw on which inputs (below) each output (above) depends, and the token that it predicts.

    Lines are blue between positions of one sequence, vermilion to a later position, and orange from a source to a
    target.

    Args:
        inputs: the tokens, from left to right.
        mask: True where an output (row) depends on an input (column).
        predicted: the token that each output predicts, or None if it is not in the loss.
        n_source: number of inputs of an encoder, which are set apart from the decoder's.

    Source: slides 11, 16 and 17; the drawing follows Devlin et al. 2019, figure 3.
    """
    allowed = as_array(mask).astype(bool)
    if allowed.shape != (len(inputs), len(inputs)) or len(predicted) != len(inputs):
        raise ValueError(
            f"a mask of shape {allowed.shape} and {len(predicted)} predictions do not fit {len(inputs)} inputs"
        )
    if ax is None:
        _, ax = plt.subplots(figsize=(0.75 + 0.62 * len(inputs), 2.6))
    x = [i + 0.6 * (0 < n_source <= i) for i in range(len(inputs))]
    for i, j in zip(*allowed.nonzero(), strict=True):
        colour = COLOURS["key"] if j < n_source <= i else SERIES[1] if j > i else SERIES[0]
        ax.plot([x[j], x[i]], [0, 1], color=colour, linewidth=1.5, alpha=0.8, zorder=1)
    for place, token, target in zip(x, inputs, predicted, strict=True):
        for y, filled in ((0, True), (1, target is not None)):
            ax.plot(place, y, "o", markersize=8, color=COLOURS["ink"], markerfacecolor="black" if filled else "white")
        ax.text(place, -0.16, token, ha="center", va="top")
        if target is not None:
            arrow(ax, (place, 1.1), (place, 1.32))
            ax.text(place, 1.36, target, ha="center", va="bottom", fontweight="bold")
    ax.set(xlim=(-0.6, x[-1] + 0.6), ylim=(-0.5, 1.75))
    ax.axis("off")
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
    """Draw what one word attends to: a line to each word, wider for a larger weight, in one colour for each head.

    Args:
        tokens: the words, from top to bottom.
        weights: the word's row of the attention map of each head.
        query: index of the word.
        names: one for each head, by default its number counted from 1.

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
        style = {"fontweight": "bold", "color": COLOURS["ink"]} if place == query else {"color": COLOURS["masked"]}
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
    ax.text(1.0, -0.9, f"{names[0].rsplit(' ', 1)[0]} ", ha="right", va="bottom", color=COLOURS["note"], fontsize=9)
    ax.axis("off")
    ax.set_title(title)
    return ax
