"""Every figure of the book, in one visual style.

Each function draws one idea into the `Axes` it is given as `ax`, or into a new figure, and returns the axes. `title` is
the finding that the figure shows. The modules `agreement`, `heatmaps`, `curves`, `rows` and `shares` hold the figures
that several chapters use; every other figure is in the folder of its chapter, `course.chapters.cNN_NAME.figures`. These
two kinds are drawn with matplotlib; the third kind, figures that respond to the reader, is in `course.live`.
"""

from lecture21.course.figures.agreement import agreement_curves
from lecture21.course.figures.concepts import concept
from lecture21.course.figures.curves import loss_curves, seed_curves
from lecture21.course.figures.heatmaps import attention_map, head_maps, mask_map, matrix, token_losses
from lecture21.course.figures.rows import ladder, seed_rows
from lecture21.course.figures.shares import share_strips
from lecture21.course.figures.style import COLORS, SERIES, SIGNED, TEXT_COLORS, WIDTH, apply
