"""The transformer block, the encoder–decoder, and the GPT."""

import math

from matplotlib.axes import Axes

from lecture21.course.figures.diagram import (
    PATH,
    STREAM,
    THICK,
    arrow,
    chips,
    note,
    panel,
    part,
    plus,
    write,
)  # fmt: skip
from lecture21.course.figures.style import COLORS


def transformer_block(ax: Axes) -> None:
    """Draw the residual stream with its two branches."""
    stream = 6.0
    write(ax, 1.2, 44.2, "x: one vector for each token", ha="left")
    arrow(ax, (stream, 42.8), (stream, 2.2), color=COLORS["stream"], linewidth=STREAM)
    for y, name, what, code in (
        (39.5, "attention", "mixes positions", "x = x + attention(norm(x))"),
        (21.0, "feed-forward", "each position alone", "x = x + feed_forward(norm(x))"),
    ):
        arrow(ax, (stream, y), (9.6, y))
        part(ax, 12.8, y, 6.4, 3.2, "norm", "layer")
        arrow(ax, (16, y), (18.8, y))
        part(ax, 29.9, y - 2.4, 22.2, 9.6, "", "layer")
        write(ax, 29.9, y + 1, name)
        note(ax, 29.9, y - 6, what)
        for n, x in enumerate((23.9, 27.9, 31.9, 35.9)):
            for key in range(n + 1) if name == "attention" else [n]:
                start = 23.9 + 4 * key
                ax.plot([start, x], [y - 1, y - 4.2], color=COLORS["query"], linewidth=1, zorder=5)
            ax.plot([x, x], [y - 4.2, y - 1], "o", color=COLORS["stream"], markersize=5, zorder=6)
        arrow(ax, (29.9, y - 7.2), (29.9, y - 10), (stream + 1, y - 10))
        plus(ax, (stream, y - 10))
        write(ax, 24, y - 12.6, code, family="monospace", fontsize=9)
    write(ax, stream + 1.4, 2.4, "x: same shape, ready for the next block", ha="left", fontsize=9)


def encoder_decoder(ax: Axes) -> None:
    """Draw both stacks and the cross-attention between them."""
    left, right = 10.0, 31.4
    panel(ax, 0.8, 16.6, 19.2, 38.4)
    panel(ax, 21.0, 9.6, 41.4, 38.4)
    for x, name, tokens in ((left, "Encoder", ("4", "2")), (right, "Decoder", ("<bos>", "forty"))):
        write(ax, x, 47.2, name, fontweight="bold")
        chips(ax, (x - 4, x + 4), 43.4, tokens)
        arrow(ax, (x, 42), (x, 37), color=COLORS["stream"], linewidth=STREAM)
    note(ax, left - 1, 39.9, "whole source", ha="right")
    note(ax, right + 1, 39.9, "target so far", ha="left")
    part(ax, left, 34.6, 15.6, 4.6, "self-attention", "layer")
    arrow(ax, (left, 32.3), (left, 24.8), color=COLORS["stream"], linewidth=STREAM)
    part(ax, left, 22.4, 15.6, 4.6, "feed-forward", "layer")
    write(ax, left + 6.6, 18.4, "× N")
    part(ax, right, 34.6, 16.6, 4.6, "causal\nself-attention", "layer")
    arrow(ax, (right, 32.3), (right, 27.7), color=COLORS["stream"], linewidth=STREAM)
    note(ax, right + 1, 30.2, "queries", ha="left", color="#0072B2")
    part(ax, right, 25.2, 16.6, 4.6, "cross-attention", "layer", edge=PATH, linewidth=THICK)
    arrow(ax, (right, 22.9), (right, 18.3), color=COLORS["stream"], linewidth=STREAM)
    part(ax, right, 15.8, 16.6, 4.6, "feed-forward", "layer")
    write(ax, right + 7, 11.4, "× N")
    for shift, y, role in ((0.5, 24.5, "key"), (-0.5, 25.9, "value")):
        down, low, up = left - shift, 14.2 - shift, 20 + shift
        path = (down, 20.1), (down, low), (up, low), (up, y), (23.1, y)
        arrow(ax, *path, color=COLORS[role], linewidth=THICK)
    write(ax, left, 11.9, "keys", "key", ha="right", fontsize=9)
    write(ax, left, 11.9, " and values", "value", ha="left", fontsize=9)
    arrow(ax, (right, 13.5), (right, 7.2), color=COLORS["stream"], linewidth=STREAM)
    chips(ax, (right - 4, right + 4), 5.4, ("forty", "two"))
    note(ax, 41, 2.4, "predicted: the target, one token later", ha="right")


def gpt(ax: Axes) -> None:
    """Draw the path from tokens to the distribution of the next token, and the loop of generation."""
    xs = [6, 14.4, 22.8]
    chips(ax, xs, 46.4, ("the", "cat", "sat"))
    part(ax, 31.2, 46.4, 7, 2.8, "down", "token", edge=PATH, linewidth=THICK)
    part(ax, 17, 40.6, 29.4, 3.4, "token + position embeddings", "layer")
    for offset in (1.2, 0.6, 0):
        part(ax, 17 + offset, 30.4 + offset, 27.4, 8.4, "", "layer", zorder=3 - offset)
    write(ax, 17, 32.4, "N transformer blocks")
    note(ax, 17, 29, "causal attention, feed-forward")
    part(ax, 17, 21.8, 29.4, 3.4, "norm, head: one logit per token", "layer")
    for x in xs:
        arrow(ax, (x, 45), (x, 42.3), color=COLORS["stream"], linewidth=THICK)
        arrow(ax, (x, 38.9), (x, 35.8), color=COLORS["stream"], linewidth=THICK)
        arrow(ax, (x, 26.2), (x, 23.5), color=COLORS["stream"], linewidth=THICK)
    arrow(ax, (22.8, 20.1), (22.8, 17.4), color=COLORS["stream"], linewidth=THICK)
    write(ax, 2.4, 17.4, "P(next | the cat sat)", ha="left")
    for y, token, length in ((13.8, "down", 12), (10.6, "on", 7), (7.4, "mat", 2)):
        write(ax, 8, y, token, ha="right")
        ax.barh(y, length, height=2, left=9, color=PATH if token == "down" else COLORS["masked"], zorder=3)
    arrow(ax, (21.4, 13.8), (38.6, 13.8), (38.6, 46.4), (35, 46.4), color=PATH, linewidth=THICK)
    note(ax, 30, 15.4, "sample one")
    note(ax, 21, 3.4, "The new token is appended, and the model runs again.")


SYMBOLS = ("a", "b", ".")
TABLE = ((0.5, 0.4, 0.1), (0.3, 0.3, 0.4), (0.1, 0.1, 0.8))
"""Probabilities of the next symbol in the toy language of chapter 08, after a full stop, an a and a b."""


def probability(ax: Axes) -> None:
    """Draw the distributions of three predictions, the probability of a text as their product, and the loss."""
    product, total = 1.0, 0.0
    for x, before, probabilities, symbol in zip((6.6, 20.6, 34.6), ("start", "a", "ab"), TABLE, SYMBOLS, strict=True):
        write(ax, x, 43, f"after {before}")
        for y, each, p in zip((39.6, 36.2, 32.8), SYMBOLS, probabilities, strict=True):
            write(ax, x - 5, y, each)
            color = PATH if each == symbol else COLORS["masked"]
            ax.barh(y, 8 * p, height=2, left=x - 4, color=color, zorder=3)
            note(ax, x - 3.6 + 8 * p, y, f"{p}", ha="left")
        arrow(ax, (x, 31), (x, 27.8), color=PATH)
        own = probabilities[SYMBOLS.index(symbol)]
        part(ax, x, 25.9, 9, 3.2, f"P({symbol}) = {own}", "token")
        arrow(ax, (x, 24.3), (x, 21.8))
        note(ax, x, 14.1, f"−ln {own} = {-math.log(own):.2f}")
        product, total = product * own, total - math.log(own)
    for x in (13.6, 27.6):
        write(ax, x, 25.9, "×")
        write(ax, x, 14.1, "+")
    part(ax, 21, 20.2, 41, 3.2, f"multiplied: the probability of “ab.” is {product:.2f}", "output")
    note(ax, 0.6, 17.1, "or, as logarithms, added:", ha="left")
    part(ax, 21, 9.8, 41, 3.4, f"their mean is the loss: {total / 3:.2f} nats", "layer", edge=PATH, linewidth=THICK)
    note(ax, 21, 5.6, "Training lowers the loss of the texts it reads,")
    note(ax, 21, 2.8, "and so makes them more probable.")
