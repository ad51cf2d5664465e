"""The modern GPT: what orthogonalization does to a matrix, and what names cost that a model has not read."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import as_array, label_ends
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


def before_and_after(
    losses: Mapping[str, Sequence[tuple[float, float]]],
    *,
    ticks: tuple[str, str],
    ylabel: str,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a line for each seed of each model, from its loss on one text to that on a changed one, on a log scale.

    Args:
        losses: pairs of losses, one for each seed, by the label of the model, which stands at the right end.
        ticks: names of the two texts.
        ylabel: the loss and its unit.
    """
    ax = plt.subplots(figsize=(WIDTH, 3.2))[1] if ax is None else ax
    every = [loss for pairs in losses.values() for pair in pairs for loss in pair]
    low, high = min(every) / 1.2, max(every) * 1.2
    ax.set(yscale="log", xlim=(0, 1), ylim=(low, high), ylabel=ylabel)
    heights = [height for height in (0.25, 0.5, 1, 2, 4, 8) if low <= height <= high]
    ax.set_yticks(heights, [f"{height:g}" for height in heights])
    ax.minorticks_off()
    ax.set_xticks([0, 1], list(ticks))
    ends = []
    for (label, pairs), color in zip(losses.items(), SERIES, strict=False):
        ax.plot([0, 1], np.array(pairs).T, "o-", color=color, markersize=4, clip_on=False)
        ends.append((float(np.mean([after for _, after in pairs])), label, color))
    label_ends(ax, ends)
    ax.set_title(title)
    return ax
