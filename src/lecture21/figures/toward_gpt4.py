"""Images as tokens: the patches of an image, and the attention of text tokens to them."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.figures._axes import as_array
from lecture21.figures.style import _MAGNITUDE, SERIES, WIDTH

_OUTLINE = SERIES[1]


def patch_grid(image: Float[Tensor, "H W"], patch_size: int, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw an image, dark on light, and the grid of its patches, numbered in the order of their tokens.

    Args:
        image: grey values.
        patch_size: side of a patch in pixels.
    """
    height, width = image.shape
    if patch_size < 1 or height % patch_size or width % patch_size:
        raise ValueError(f"patch_size={patch_size} does not divide {height} x {width}")
    ax = plt.subplots(figsize=(2.6, 2.8))[1] if ax is None else ax
    ax.imshow(as_array(image), cmap="Greys", extent=(0, width, height, 0))
    for edge in range(0, height + 1, patch_size):
        ax.axhline(edge, color=_OUTLINE, linewidth=1.5)
    for edge in range(0, width + 1, patch_size):
        ax.axvline(edge, color=_OUTLINE, linewidth=1.5)
    columns = width // patch_size
    if patch_size > 1:  # a single pixel has no space for its number
        style = {"ha": "left", "va": "top", "fontsize": 8, "color": "black"}
        plate = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8}
        for n in range(height // patch_size * columns):
            row, column = divmod(n, columns)
            place = (column * patch_size + 0.12, row * patch_size + 0.12)
            ax.text(*place, str(n + 1), bbox=plate, **style)
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def letter_attention(
    images: Float[Tensor, "N H W"],
    texts: Sequence[Sequence[str]],
    weights: Sequence[Float[Tensor, "_ rows columns"]],
    *,
    vmax: float | None = None,
    title: str = "",
) -> np.ndarray:
    """Draw each image in a row with the attention of each letter of its text to the patches.

    The outline of the digit is drawn over each map. Above a map are the letter and the share of its attention that
    goes to the image; the rest goes to the letters before it.

    Args:
        images: grey values.
        texts: letters of the text of each image.
        weights: for each image the attention of each letter to each patch, in the layout of the image.
        vmax: weight of the darkest colour, by default the largest weight.

    Returns:
        The `Axes`, one row for each image.
    """
    sizes = [(len(text), len(maps)) for text, maps in zip(texts, weights, strict=False)]
    if not len(images) == len(texts) == len(weights) or any(a != b for a, b in sizes):
        raise ValueError(f"{len(images)} images, texts and maps of (letters, maps) {sizes} do not fit each other")
    columns = 1 + max(map(len, texts))
    side = WIDTH / columns
    _, axes = plt.subplots(len(images), columns, figsize=(WIDTH, 0.5 + (side + 0.32) * len(images)), squeeze=False)
    vmax = max(as_array(maps).max() for maps in weights) if vmax is None else vmax
    for row, image, text, maps in zip(axes, images, texts, weights, strict=True):
        for ax in row:
            ax.set_axis_off()
        array = as_array(image)
        height, width = array.shape
        everything = (0, width, height, 0)
        row[0].imshow(array, cmap="Greys", extent=everything)
        x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
        for ax, letter, patches in zip(row[1:], text, maps, strict=False):
            cells = as_array(patches)
            ax.imshow(cells, cmap=_MAGNITUDE, vmin=0, vmax=vmax, extent=everything)
            ax.contour(x, y, array, levels=[(array.min() + array.max()) / 2], colors=_OUTLINE, linewidths=1.2)
            ax.set_title(f"{letter}  {cells.sum():.0%}", fontsize=10, loc="center", pad=3)
    axes[0, 0].figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return axes
