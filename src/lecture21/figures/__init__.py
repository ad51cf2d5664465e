"""Every figure of the book, in one visual style.

Each function draws one idea into the `Axes` it is given as `ax`, or into a new figure, and returns the axes. `title` is
the finding that the figure shows. The modules `heatmaps`, `curves`, `rows` and `shares` hold the figures that several
chapters use; every other figure is in the module named after its chapter.
"""

from lecture21.figures.alignment import frontier
from lecture21.figures.basic_self_attention import basic_steps
from lecture21.figures.causal_mask import connections, masked_softmax
from lecture21.figures.concepts import concept
from lecture21.figures.curves import loss_curves, seed_curves
from lecture21.figures.ensemble_vs_average import minima
from lecture21.figures.gpt_as_probability import token_graph
from lecture21.figures.heatmaps import attention_map, head_maps, mask_map, matrix, token_losses
from lecture21.figures.mixture_of_experts import gated_members
from lecture21.figures.modern_gpt import circle_images
from lecture21.figures.moe_in_gpt import expert_slots
from lecture21.figures.rows import ladder, seed_rows
from lecture21.figures.scale import lookup_heads, prompt_panels, scaling_law
from lecture21.figures.shares import share_strips
from lecture21.figures.style import COLOURS, SERIES, SIGNED, TEXT_COLOURS, WIDTH, apply
from lecture21.figures.toward_gpt4 import patch_grid
from lecture21.figures.transformer import word_links
from lecture21.figures.transformer_block import depth_curves
from lecture21.figures.write_a_gpt import gpt_diagram
