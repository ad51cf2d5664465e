"""The modern GPT: what orthogonalization does to a matrix."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from torch import Tensor

from lecture21.figures.axes import as_array
from lecture21.figures.style import COLORS, SERIES, WIDTH


def circle_images(matrices: Mapping[str, Float[Tensor, "2 2"]]) -> np.ndarray:
    """Draw the image of the unit circle under each matrix, with the images of the two unit vectors.

    The two half axes of each ellipse are the singular values of its matrix, which are written below it.

    Args:
        matrices: a matrix for each title.

    Returns:
        The `Axes`, one for each matrix.
    """
    _, axes = plt.subplots(1, len(matrices), figsize=(WIDTH, 2.4), sharex=True, sharey=True, squeeze=False)
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    for ax, (title, matrix) in zip(axes[0], matrices.items(), strict=True):
        array = as_array(matrix).astype(float)
        ax.plot(*circle, color=COLORS["masked"], linewidth=0.8, linestyle="--")
        ax.plot(*(array @ circle), color=SERIES[0], linewidth=1.8)
        for column, color in zip(array.T, (SERIES[1], SERIES[2]), strict=True):
            ax.annotate(
                "", column, (0, 0), arrowprops={"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0}
            )
        large, small = np.linalg.svd(array, compute_uv=False)
        ax.set_xlabel(f"singular values\n{large:.2f} and {small:.2f}")
        ax.set_title(title)
        ax.set_aspect("equal")
        ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    return axes[0]
