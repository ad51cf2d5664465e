"""Every picture of the book, in one visual language.

Each function draws one idea into the `Axes` it is given, or into a new figure, and returns them.
"""

from lecture21.figures.alignment import frontier
from lecture21.figures.architecture import gpt_diagram
from lecture21.figures.curves import loss_by_size, loss_curves
from lecture21.figures.ensemble import Points, cancellation, error_scatter, minima, pool_sizes
from lecture21.figures.graphs import token_graph
from lecture21.figures.heads import head_grid, head_maps
from lecture21.figures.heatmaps import attention_map, matrix
from lecture21.figures.ladder import ladder
from lecture21.figures.masks import (
    influence_map,
    mask_gallery,
    mask_map,
    mask_verdict,
    masked_softmax,
    wires,
)
from lecture21.figures.mixture import class_map, climbs, members_at_work, method_rows, mixture_density, mixture_diagram
from lecture21.figures.prices import nats_by_position, token_strip
from lecture21.figures.reach import by_length
from lecture21.figures.recurrence import memory_paths, seed_marks
from lecture21.figures.router import capacity_slots, load_bars, load_course, routing_map, sparse_layer
from lecture21.figures.sampling import next_symbol_bars, text_map
from lecture21.figures.scaling import part_shares, scaling
from lecture21.figures.serving import (
    bytes_by_batch,
    experts_by_batch,
    intensity_by_batch,
    roofline,
    total_against_active,
)
from lecture21.figures.shares import frequencies, mass_by_length, share_strips
from lecture21.figures.spread import spread
from lecture21.figures.style import COLOURS, MAGNITUDE, SERIES, SIGNED, TEXT_COLOURS, WIDTH, apply
from lecture21.figures.transformer import transformer_diagram, word_links
from lecture21.figures.vectors import basic_steps, head_steps, plane, read_vectors
from lecture21.figures.vision import letter_attention, patch_grid

__all__ = [
    "COLOURS",
    "MAGNITUDE",
    "SERIES",
    "SIGNED",
    "TEXT_COLOURS",
    "WIDTH",
    "Points",
    "apply",
    "attention_map",
    "basic_steps",
    "by_length",
    "bytes_by_batch",
    "cancellation",
    "capacity_slots",
    "class_map",
    "climbs",
    "error_scatter",
    "experts_by_batch",
    "frequencies",
    "frontier",
    "gpt_diagram",
    "head_grid",
    "head_maps",
    "head_steps",
    "influence_map",
    "intensity_by_batch",
    "ladder",
    "letter_attention",
    "load_bars",
    "load_course",
    "loss_by_size",
    "loss_curves",
    "mask_gallery",
    "mask_map",
    "mask_verdict",
    "masked_softmax",
    "mass_by_length",
    "matrix",
    "members_at_work",
    "memory_paths",
    "method_rows",
    "minima",
    "mixture_density",
    "mixture_diagram",
    "nats_by_position",
    "next_symbol_bars",
    "part_shares",
    "patch_grid",
    "plane",
    "pool_sizes",
    "read_vectors",
    "roofline",
    "routing_map",
    "scaling",
    "seed_marks",
    "share_strips",
    "sparse_layer",
    "spread",
    "text_map",
    "token_graph",
    "token_strip",
    "total_against_active",
    "transformer_diagram",
    "wires",
    "word_links",
]
