"""Reward of a policy against its KL divergence from the reference."""

from collections.abc import Mapping, Sequence

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.figures.style import SERIES, WIDTH

_MARKERS = "Ds^v"
_OUTLINE = [effects.withStroke(linewidth=2.5, foreground="white")]  # names stay readable across lines


def frontier(
    curves: Mapping[str, Float[Tensor, "seed N 2"]],
    points: Mapping[str, Float[Tensor, "seed 2"]],
    *,
    ylabel: str,
    along: Mapping[str, Sequence[str]] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a quantity against the KL divergence: a curve for each training run, a black marker for each other model.

    A curve has a thin line for each seed and a thick one for their mean; a marker is a mean, with a bar from the
    smallest to the largest seed. The horizontal axis is linear in the root of the divergence.

    Args:
        curves: divergence and quantity at each evaluation of each seed.
        points: divergence and quantity of each seed of the other models, at most 4.
        ylabel: the quantity and its unit.
        along: names of the evaluations of some curves, written under their means; an empty name is left out.

    Source: Gao et al. 2023, whose figures have the root of the divergence along the axis.
    """
    if len(curves) >= len(SERIES):
        raise ValueError(f"frontier draws at most {len(SERIES) - 1} curves, got {len(curves)}")
    if len(points) > len(_MARKERS):
        raise ValueError(f"frontier draws at most {len(_MARKERS)} points, got {len(points)}")
    furthest = 0.0
    for label, values in {**curves, **points}.items():
        if values[..., 0].min() < 0:
            raise ValueError(f"{label!r} has a negative divergence of {values[..., 0].min().item():g}")
        furthest = max(furthest, values[..., 0].max().item())
    ax = plt.subplots(figsize=(WIDTH, 3.6))[1] if ax is None else ax
    for color, (label, values) in zip(SERIES, curves.items(), strict=False):
        ax.plot(*values.permute(2, 1, 0), color=color, linewidth=0.7, alpha=0.5)
        ax.plot(*values.mean(0).T, "o-", color=color, linewidth=2, markersize=4, label=label)
        for name, place in zip((along or {}).get(label, ()), values.mean(0).tolist(), strict=False):
            style = {"textcoords": "offset points", "color": color, "fontsize": 9, "ha": "center", "va": "top"}
            ax.annotate(name, place, (0, -5), path_effects=_OUTLINE, **style)
    for marker, (label, values) in zip(_MARKERS, points.items(), strict=False):
        x, mean = values.mean(0).tolist()
        ax.vlines(x, values[:, 1].min().item(), values[:, 1].max().item(), color="black", linewidth=1, zorder=3)
        ax.plot(x, mean, marker, color="black", markersize=7, markeredgecolor="white", zorder=4, label=label)
    ax.set_xscale("function", functions=(_root, np.square))
    ax.set_xlim(0, 1.08 * furthest)
    ax.set_xticks([tick for tick in (0, 1, 2, 5, 10, 20, 40, 80) if tick <= 1.08 * furthest])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("KL divergence from the reference, nats per reply")
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend()
    return ax


def _root(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(x, 0))  # matplotlib also evaluates the scale left of 0
