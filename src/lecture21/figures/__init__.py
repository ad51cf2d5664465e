"""Every picture of the book, in one visual language.

Each function draws one idea into the `Axes` it is given, or into a new figure, and returns them.
"""

from lecture21.figures.architecture import gpt_diagram
from lecture21.figures.curves import loss_by_size, loss_curves
from lecture21.figures.heads import head_grid, head_maps
from lecture21.figures.heatmaps import attention_map, matrix
from lecture21.figures.masks import (
    influence_map,
    mask_gallery,
    mask_map,
    mask_verdict,
    masked_softmax,
    wires,
)
from lecture21.figures.prices import nats_by_position, token_strip
from lecture21.figures.sampling import next_symbol_bars, text_map
from lecture21.figures.spread import spread
from lecture21.figures.style import COLOURS, MAGNITUDE, SERIES, SIGNED, TEXT_COLOURS, WIDTH, apply
from lecture21.figures.vectors import basic_steps, head_steps, plane, read_vectors

__all__ = [
    "COLOURS",
    "MAGNITUDE",
    "SERIES",
    "SIGNED",
    "TEXT_COLOURS",
    "WIDTH",
    "apply",
    "attention_map",
    "basic_steps",
    "gpt_diagram",
    "head_grid",
    "head_maps",
    "head_steps",
    "influence_map",
    "loss_by_size",
    "loss_curves",
    "mask_gallery",
    "mask_map",
    "mask_verdict",
    "masked_softmax",
    "matrix",
    "nats_by_position",
    "next_symbol_bars",
    "plane",
    "read_vectors",
    "spread",
    "text_map",
    "token_strip",
    "wires",
]
