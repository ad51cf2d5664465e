"""A GPT drawn from the model itself, its next-symbol distribution under several decoding rules, and sampled texts."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from lecture21.figures._axes import HATCHED, visible
from lecture21.figures._diagram import arrow, box, count_parameters, plus
from lecture21.figures.style import COLOURS, SERIES, TEXT_COLOURS, WIDTH
from lecture21.gpt import GPT

_STREAM, _RIGHT = 1.8, 10.0  # x of the residual stream, and of the right edge of the column of counts
_OTHERS_GAP = 0.8  # space for the word "others" beside the last symbol, on a phone too


def gpt_diagram(model: GPT, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a GPT as a residual stream with its branches, and beside each part its number of parameters.

    Source: slides 19 and 24; the pre-norm block of Radford et al. 2019, section 2.3.
    """
    c = model.config
    grey = COLOURS["note"]
    if ax is None:
        _, ax = plt.subplots(figsize=(5.6, 6.2))
    ax.set_xlim(0, _RIGHT)
    ax.set_ylim(-0.35, 11.15)
    ax.axis("off")
    arrow(ax, (_STREAM, 10.4), (_STREAM, 0.45), colour=COLOURS["stream"], linewidth=4.0)

    ax.text(_STREAM, 10.75, f"ids (B, {c.block_size})", ha="center", va="center")
    ax.text(_RIGHT, 10.75, "parameters", ha="right", va="center", color=grey)
    box(ax, (_STREAM, 9.75), (3.2, 0.9), f"token {c.vocab_size} × {c.d_model}")
    total = _counted(ax, 9.75, model.token)
    box(ax, (6.3, 8.8), (3.8, 0.9), f"position {c.block_size} × {c.d_model}")
    arrow(ax, (4.4, 8.8), (_STREAM + 0.22, 8.8))
    plus(ax, (_STREAM, 8.8))
    total += _counted(ax, 8.8, model.position)

    box(ax, (4.375, 5.8), (8.05, 4.9), fill="#f3f3f3", edge=COLOURS["masked"], linewidth=1, rounding=0.2, zorder=0)
    block = model.blocks[0]
    ax.text(8.2, 7.93, f"block, {c.n_layer} times", ha="right", va="center", color=grey)
    one = _branch(ax, 7.2, block.norm_attention, block.attention, f"attention, {c.n_head} heads\n")
    for x, role in zip((4.95, 5.75, 6.6, 7.5), ("query", "key", "value", "output"), strict=True):
        ax.text(x, 7.0, role, ha="center", va="center", color=TEXT_COLOURS[role], fontsize=8.5, zorder=4)
    hidden = f"{c.d_model} → {c.d_ff} → {c.d_model}"
    one += _branch(ax, 5.35, block.norm_feed_forward, block.feed_forward, f"feed-forward\n{hidden}")
    ax.text(_STREAM + 0.25, 3.72, f"(B, {c.block_size}, {c.d_model})", ha="left", va="center", color=grey)
    ax.text(8.2, 3.72, f"{c.n_layer} × {one:,} =", ha="right", va="center", color=grey)
    total += _counted(ax, 3.72, model.blocks)

    box(ax, (_STREAM, 2.65), (3.2, 0.9), "norm")
    total += _counted(ax, 2.65, model.norm)
    if model.head is None:
        box(ax, (_STREAM + 1.0, 1.45), (5.2, 0.9), "head: token table, transposed")
    else:
        box(ax, (_STREAM, 1.45), (3.2, 0.9), f"head {c.d_model} → {c.vocab_size}")
        total += _counted(ax, 1.45, model.head)
    ax.text(_STREAM, 0.1, f"logits (B, {c.block_size}, {c.vocab_size})", ha="center", va="center")
    ax.plot([7.6, _RIGHT], [0.75, 0.75], color=COLOURS["ink"], linewidth=0.8)
    ax.text(_RIGHT, 0.2, f"{total:,}", ha="right", va="center", fontweight="bold")
    ax.set_title(title)
    return ax


def _counted(ax: Axes, y: float, *modules: nn.Module, colour: str = COLOURS["ink"]) -> int:
    count = count_parameters(*modules)
    ax.text(_RIGHT, y, f"{count:,}", ha="right", va="center", color=colour)
    return count


def _branch(ax: Axes, y: float, norm: nn.Module, layer: nn.Module, text: str) -> int:
    """Draw a branch that leaves the stream, passes a norm and a layer, and is added to the stream one row below."""
    arrow(ax, (_STREAM, y), (2.5, y))
    box(ax, (3.2, y), (1.4, 0.9), "norm")
    arrow(ax, (3.9, y), (4.4, y))
    box(ax, (6.3, y), (3.8, 0.9), text)
    arrow(ax, (6.3, y - 0.45), (6.3, y - 0.85), (_STREAM + 0.22, y - 0.85))
    plus(ax, (_STREAM, y - 0.85))
    # Grey: these are the counts of one block, and not summands of the column.
    return _counted(ax, y, norm, layer, colour=COLOURS["note"])


def next_symbol_bars(
    choices: Mapping[str, Float[Tensor, " V"]],
    symbols: Sequence[str],
    *,
    n_shown: int = 12,
    title: str = "",
) -> Figure:
    """Draw next-symbol distributions side by side: the likeliest symbols of the first, and all others as one bar.

    A symbol with a positive probability in the first distribution and probability 0 in another is hatched there.

    Args:
        choices: probabilities of all V symbols; the first distribution sets the order of the bars.
        symbols: symbol of each of the V ids.
        n_shown: number of symbols with a bar of their own.
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
    columns = min(2, len(choices))
    rows = math.ceil(len(choices) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH, 0.45 + 1.75 * rows), sharex=True, sharey=True, squeeze=False
    )
    for ax, (label, probabilities) in zip(axes.flat, choices.items(), strict=False):
        heights = probabilities[order].tolist()
        ax.bar(range(n_shown), heights, color=SERIES[0], width=0.8)
        ax.bar(n_shown + _OTHERS_GAP, max(0.0, 1.0 - sum(heights)), color=COLOURS["masked"], width=0.8)
        cut = [j for j, i in enumerate(order) if probabilities[i] == 0 < first[i]]
        ax.bar(cut, first[order][cut].tolist(), width=0.8, **HATCHED)
        ax.set_title(label, fontsize=10)
        ax.set_xticks([*range(n_shown), n_shown + _OTHERS_GAP], labels)
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
    """Draw texts by their loss under a scoring model and their diversity, beside the text of the corpus.

    Args:
        texts: nats per token, and the number of distinct n-grams divided by the number of n-grams.
        real: the same for the corpus.
        path: labels joined by a line, in order, such as increasing temperatures.

    Source: after Holtzman et al. 2020, The Curious Case of Neural Text Degeneration.
    """
    if missing := [label for label in path if label not in texts]:
        raise ValueError(f"the path names {missing[0]!r}; there are {', '.join(texts)}")
    ax = plt.subplots()[1] if ax is None else ax
    if path:
        ax.plot(*zip(*(texts[label] for label in path), strict=True), color=SERIES[0], linewidth=1, zorder=1)
    above = 8
    for label, (x, y) in texts.items():
        on_path = label in path
        # Labels of the path are below it, the others above, each higher than the last, so that none overlap.
        offset, ha, va = ((5, -7), "left", "top") if on_path else ((0, above), "center", "bottom")
        colour = SERIES[0] if on_path else SERIES[1]
        ax.plot([x], [y], "o", color=colour, markersize=6)
        ax.annotate(label, (x, y), offset, textcoords="offset points", ha=ha, va=va, color=colour)
        above += 0 if on_path else 12
    ax.plot(*real, "D", color=SERIES[2], markersize=8)
    ax.annotate("Shakespeare", real, (-9, 0), textcoords="offset points", ha="right", va="center", color=SERIES[2])
    ax.margins(x=0.12)
    ax.set_ylim(0, 1.15)
    ax.set_title(title)
    return ax
