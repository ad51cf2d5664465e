"""Functions that read texts, cells and colors from a drawing."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure


def words(ax: plt.Axes) -> list[str]:
    """Return the texts in an axes, in the order in which they were drawn."""
    return [text.get_text() for text in ax.texts if text.get_text()]


def inside(figure: Figure) -> bool:
    """Whether everything drawn is inside the figure."""
    figure.canvas.draw()
    box = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    return min(box.x0, box.y0) >= -0.05 and box.x1 <= width + 0.05 and box.y1 <= height + 0.05


def hatched(ax: plt.Axes) -> set[tuple[int, int]]:
    """Return the (row, column) of every hatched cell."""
    squares = [square for patch in ax.patches if patch.get_hatch() for square in patch.get_path().to_polygons()]
    return {(int(square[:, 1].min()), int(square[:, 0].min())) for square in squares}


def cells(mask) -> set[tuple[int, int]]:
    """Return the (row, column) of every cell that is True."""
    return {(i, j) for i, j in np.argwhere(np.asarray(mask)).tolist()}


def columns(ax: plt.Axes) -> list[str]:
    """Return the names of the columns of a table."""
    return [label.get_text() for label in ax.get_xticklabels()]


def numbers(ax: plt.Axes) -> list[list[float]]:
    """Return the numbers written in the cells of a table."""
    width = len(ax.get_xticks())
    written = [float(text.get_text()) for text in ax.texts]
    return [written[i : i + width] for i in range(0, len(written), width)]


def luminance(color: str | tuple) -> float:
    """Return the relative luminance of WCAG 2, from 0 (black) to 1 (white)."""
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def contrast(a: str | tuple, b: str | tuple) -> float:
    """Return the contrast ratio of WCAG 2, from 1 to 21."""
    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
