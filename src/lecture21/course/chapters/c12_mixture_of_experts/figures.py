"""Mixtures of experts: the members over the data, with their gate."""

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.course.figures.axes import as_array
from lecture21.course.figures.style import SERIES, WIDTH

_MEMBERS = SERIES[:6]  # black is the color of the mixture


def _member_colors(n_member: int) -> list[str]:
    if not 1 <= n_member <= len(_MEMBERS):
        raise ValueError(f"there are colors for 1 to {len(_MEMBERS)} members, got {n_member}")
    return _MEMBERS[:n_member]


def gated_members(
    x: Float[Tensor, " N"],
    y: Float[Tensor, " N"],
    line: Float[Tensor, " L"],
    means: Float[Tensor, "L M"],
    gate: Float[Tensor, "L M"],
    *,
    title: str = "",
    axes: Iterable[Axes] | None = None,
) -> tuple[Axes, Axes]:
    """Draw the members over the data, bold where their gate exceeds one half, and the mixture; below, the gate.

    Args:
        x: inputs of the data.
        y: targets of the data.
        line: inputs in ascending order at which the mixture is evaluated.
        means: f_m at each of them.
        gate: g_m at each of them.
        axes: the upper and the lower axes; a new figure by default.
    """
    colors = _member_colors(means.shape[1])
    if axes is None:
        axes = plt.subplots(2, 1, figsize=(WIDTH, 3.8), sharex=True, gridspec_kw={"height_ratios": [2.4, 1]})[1]
    upper, lower = axes
    inputs, lines, shares = as_array(line), as_array(means), as_array(gate)
    upper.plot(as_array(x), as_array(y), ".", color="#bbbbbb", markersize=3, zorder=0)
    for k, color in enumerate(colors):
        upper.plot(inputs, lines[:, k], color=color, linewidth=0.8, linestyle=(0, (2, 2)), alpha=0.9)
        chosen = np.where(shares[:, k] >= 0.5, lines[:, k], np.nan)
        upper.plot(inputs, chosen, color=color, linewidth=5, alpha=0.45, solid_capstyle="butt")
    upper.plot(inputs, (shares * lines).sum(axis=1), color="black", linewidth=1.3)
    spread = np.ptp(as_array(y))
    upper.set(ylabel="y", ylim=(as_array(y).min() - 0.1 * spread, as_array(y).max() + 0.1 * spread))
    lower.stackplot(inputs, shares.T, colors=colors, alpha=0.75, linewidth=0)
    lower.set(xlabel="x", ylabel="gate", xlim=(inputs.min(), inputs.max()), ylim=(0, 1), yticks=[0, 1])
    upper.set_title(title)
    return upper, lower
