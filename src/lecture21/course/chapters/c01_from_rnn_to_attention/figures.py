"""The bottleneck of an encoder and a decoder that share one vector."""

from itertools import pairwise

from matplotlib.axes import Axes

from lecture21.course.figures.diagram import PATH, THICK, THIN, arrow, canvas, chips, note, part, write
from lecture21.course.figures.style import COLORS

SOURCE = ("the", "pilots", "near", "the", "window")
TARGET = ("die", "Piloten", "am", "Fenster")
"""The sentence, and its translation into German."""


def bottleneck(*, ax: Axes | None = None) -> Axes:
    """Draw two recurrent networks that translate a sentence, and the one vector that joins them."""
    ax = canvas(44, "A sentence of any length, in one vector", ax)
    gray, width = COLORS["masked"], 6.8
    read = [4.4 + 8.3 * place for place in range(len(SOURCE))]
    written = [8.55 + 8.3 * place for place in range(len(TARGET))]

    write(ax, 0.6, 38.5, "Encoder", ha="left", fontweight="bold")
    note(ax, 41, 38.5, "reads, word by word", ha="right")
    chips(ax, read, 34.5, SOURCE, width=width)
    for x in read:
        arrow(ax, (x, 33), (x, 30.9), color=gray, linewidth=THIN)
        part(ax, x, 29, 6.2, 3.4, "state", fontsize=9)
    for left, right in pairwise(read):
        arrow(ax, (left + 3.1, 29), (right - 3.1, 29), color=PATH, linewidth=THICK)

    middle = 20.5
    arrow(ax, (read[-1], 27.2), (read[-1], middle), (27.4, middle), color=PATH, linewidth=THICK)
    part(ax, 21, middle, 12.4, 3.6, "one vector", edge=PATH, linewidth=THICK)
    arrow(ax, (14.7, middle), (2.6, middle), (2.6, 13), (written[0] - 3.3, 13), color=PATH, linewidth=THICK)

    for left, right in pairwise(written):
        arrow(ax, (left + 3.1, 13), (right - 3.1, 13), color=PATH, linewidth=THICK)
    for x, word in zip(written, TARGET, strict=True):
        arrow(ax, (21 + (x - 21) / 3, middle - 2), (x, 14.9), color=PATH, linewidth=THIN)  # each state gets the vector
        part(ax, x, 13, 6.2, 3.4, "state", fontsize=9)
        arrow(ax, (x, 11.2), (x, 9.1), color=gray, linewidth=THIN)
        part(ax, x, 7.5, width, 2.8, word, "output")
    write(ax, 0.6, 3.3, "Decoder", ha="left", fontweight="bold")
    note(ax, 41, 3.3, "writes, word by word", ha="right")
    return ax
