"""Images as tokens: the patches of an image."""

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import as_array
from lecture21.course.figures.style import SERIES

_OUTLINE = SERIES[1]


def patch_grid(image: Float[Tensor, "H W"], patch_size: int, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw an image, dark on light, and the grid of its patches, numbered in the order of their tokens.

    Args:
        image: gray values.
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
