"""The modern GPT: how positions turn a query and a key, and what orthogonalization does to a matrix."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from torch import Tensor

from lecture21.course.figures.axes import as_array
from lecture21.course.figures.style import COLORS, SERIES, WIDTH


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


def clock_hands(places: Sequence[tuple[int, int]], *, query: float, key: float, turn: float) -> list[float]:
    """Draw a query and a key as two hands of a clock, which their positions turn, on one dial for each pair of places.

    Args:
        places: positions of query and key, in pairs.
        query: angle of the query at position 0, in radians, against the clock from the right.
        key: the same of the key.
        turn: radians by which both are turned for each position.

    Returns:
        The dot product of the two hands, which have length 1, on each dial.
    """
    _, axes = plt.subplots(1, len(places), figsize=(WIDTH, 2.3), squeeze=False)
    products = []
    for ax, (m, n) in zip(axes[0], places, strict=True):
        ends = {"query": query + m * turn, "key": key + n * turn}
        products.append(math.cos(ends["query"] - ends["key"]))
        around = np.linspace(0, 2 * np.pi, 200)
        ax.plot(np.cos(around), np.sin(around), color=COLORS["masked"], linewidth=0.8)
        between = np.linspace(ends["key"], ends["query"], 60)
        ax.plot(0.35 * np.cos(between), 0.35 * np.sin(between), color=COLORS["note"], linewidth=1.2)
        for (name, angle), place, color in zip(ends.items(), (m, n), SERIES, strict=False):
            x, y = math.cos(angle), math.sin(angle)
            style = {"arrowstyle": "-|>", "color": color, "linewidth": 2.5, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (x, y), (0, 0), arrowprops=style)
            ax.text(1.42 * x, 1.3 * y, f"{name}\nat {place}", ha="center", va="center", color=color, fontsize=9)
        ax.text(0, -1.95, f"dot product {products[-1]:.2f}".replace("-", "−"), ha="center")
        ax.set(xlim=(-1.75, 1.75), ylim=(-2.1, 1.65), aspect="equal")
        ax.set_axis_off()
    axes[0, 0].figure.suptitle("Five positions later, the hands point elsewhere, at the same angle", x=0.01, ha="left")
    return products
