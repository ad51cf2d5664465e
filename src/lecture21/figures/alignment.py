"""What a policy gains against how far it has gone from where it began."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.figures.style import SERIES, WIDTH


def frontier(
    courses: Mapping[str, Float[Tensor, "seed N 2"]],
    points: Mapping[str, Float[Tensor, "seed 2"]],
    *,
    points_label: str,
    ylabel: str,
    names_above: bool = True,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity against the KL divergence: a line for each course of training, a diamond for each other model.

    A course has a thin line for each seed and a thick one for their mean; a diamond is a mean, with a bar from the
    least to the greatest seed. Equal steps along the axis are equal steps of the root of the divergence.

    Args:
        courses: for each label, divergence and quantity at each look of each seed.
        points: for each name, divergence and quantity of each seed; all in one colour, with their names beside them.
        points_label: what the points are.
        ylabel: the quantity and its unit.
        names_above: whether the names of the points stand above their bars or below, where the lines leave room.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there are more courses than colours, or a divergence is negative.

    Source: Gao et al. 2023, whose figures have the root of the divergence along the axis.
    """
    if len(courses) >= len(SERIES):
        raise ValueError(f"frontier draws at most {len(SERIES) - 1} courses, got {len(courses)}")
    furthest = 0.0
    for label, values in {**courses, **points}.items():
        if values[..., 0].min() < 0:
            raise ValueError(f"{label!r} has a divergence of {values[..., 0].min().item():g}; there is none below 0")
        furthest = max(furthest, values[..., 0].max().item())
    ax = plt.subplots(figsize=(WIDTH, 3.6))[1] if ax is None else ax
    for colour, (label, values) in zip(SERIES, courses.items(), strict=False):
        ax.plot(*values.permute(2, 1, 0), color=colour, linewidth=0.7, alpha=0.5)
        ax.plot(*values.mean(0).T, "o-", color=colour, linewidth=2, markersize=4, label=label)
    for label, values in points.items():
        x = values[:, 0].mean().item()
        low, high = values[:, 1].min().item(), values[:, 1].max().item()
        ax.vlines(x, low, high, color="black", linewidth=1)
        ax.annotate(
            label,
            (x, high if names_above else low),
            (0, 3 if names_above else -3),
            textcoords="offset points",
            ha="center",
            va="bottom" if names_above else "top",
            fontsize=9.5,
        )
    means = np.array([values.mean(0).tolist() for values in points.values()]).reshape(-1, 2)
    if len(means):
        ax.plot(*means.T, "D", color="black", markersize=5, zorder=3, label=points_label)
    ax.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ax.set_xlim(0, 1.08 * furthest)
    ax.set_xticks([tick for tick in (0, 1, 2, 5, 10, 20, 40, 80) if tick <= 1.08 * furthest])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("KL to the reference, nats for each answer")
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend()
    return ax
