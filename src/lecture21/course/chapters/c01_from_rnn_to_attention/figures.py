"""The bottleneck of an encoder and a decoder that share one vector."""

from itertools import pairwise

from matplotlib.axes import Axes

from lecture21.course.figures import diagram
from lecture21.course.figures.style import COLORS

SOURCE = ("the", "pilots", "near", "the", "window")
TARGET = ("die", "Piloten", "am", "Fenster")
"""The sentence, and its translation into German."""


def bottleneck(*, ax: Axes | None = None) -> Axes:
    """Draw two recurrent networks that translate a sentence, and the one vector that joins them."""
    ax = diagram.canvas(44, "A sentence of any length, in one vector", ax)
    gray, width = COLORS["masked"], 6.8
    thick = {"color": diagram.PATH, "linewidth": diagram.THICK}
    read = [4.4 + 8.3 * place for place in range(len(SOURCE))]
    written = [8.55 + 8.3 * place for place in range(len(TARGET))]

    diagram.write(ax, 0.6, 38.5, "Encoder", ha="left", fontweight="bold")
    diagram.note(ax, 41, 38.5, "reads, word by word", ha="right")
    diagram.chips(ax, read, 34.5, SOURCE, width=width)
    for x in read:
        diagram.arrow(ax, (x, 33), (x, 30.9), color=gray, linewidth=diagram.THIN)
        diagram.part(ax, x, 29, 6.2, 3.4, "state", fontsize=9)
    for left, right in pairwise(read):
        diagram.arrow(ax, (left + 3.1, 29), (right - 3.1, 29), **thick)

    middle = 20.5
    diagram.arrow(ax, (read[-1], 27.2), (read[-1], middle), (27.4, middle), **thick)
    diagram.part(ax, 21, middle, 12.4, 3.6, "one vector", edge=diagram.PATH, linewidth=diagram.THICK)
    diagram.arrow(ax, (14.7, middle), (2.6, middle), (2.6, 13), (written[0] - 3.3, 13), **thick)

    for left, right in pairwise(written):
        diagram.arrow(ax, (left + 3.1, 13), (right - 3.1, 13), **thick)
    for x, word in zip(written, TARGET, strict=True):
        diagram.arrow(
            ax, (21 + (x - 21) / 3, middle - 2), (x, 14.9), color=diagram.PATH, linewidth=diagram.THIN
        )  # each state gets the vector
        diagram.part(ax, x, 13, 6.2, 3.4, "state", fontsize=9)
        diagram.arrow(ax, (x, 11.2), (x, 9.1), color=gray, linewidth=diagram.THIN)
        diagram.part(ax, x, 7.5, width, 2.8, word, "output")
    diagram.write(ax, 0.6, 3.3, "Decoder", ha="left", fontweight="bold")
    diagram.note(ax, 41, 3.3, "writes, word by word", ha="right")
    return ax
