"""Curves over a setting or a training step: one thin line for each seed, one thick line for their mean."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from torch import Tensor

from lecture21.course.figures.axes import DASHED, as_array, horizontal_rule, label_ends
from lecture21.course.figures.style import COLORS, SERIES, WIDTH
from lecture21.training import History


def seed_curves(
    x: Sequence[int | float],
    series: Mapping[str, Float[Tensor, "_ N"]],
    *,
    xlabel: str,
    ylabel: str,
    rules: Mapping[str, int | float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    ticks: Mapping[int | float, str] | None = None,
    legend: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one curve for each label, named at its right end; a linear vertical axis includes 0.

    A curve with the same means as a later one is drawn wider, so that both are visible.

    Args:
        x: settings, such as widths, lengths or positions.
        series: one row for each seed and one column for each setting.
        xlabel: the setting and its unit.
        ylabel: the quantity and its unit.
        rules: constants, drawn as dashed lines.
        log_x: whether the horizontal axis is logarithmic.
        log_y: whether the vertical axis is logarithmic.
        ticks: labels of some settings; by default every setting has its value as label.
        legend: whether the labels are in a legend, for narrow axes and long labels.
    """
    if not 1 <= len(series) <= len(SERIES):
        raise ValueError(f"seed_curves draws 1 to {len(SERIES)} series, got {len(series)}")
    for label, values in series.items():
        if values.shape[1] != len(x):
            raise ValueError(f"{label!r} has {values.shape[1]} columns for {len(x)} settings")
    ax = plt.subplots(figsize=(WIDTH, 3.7))[1] if ax is None else ax
    means = [as_array(values).mean(0) for values in series.values()]
    ends = []
    for n, (label, values) in enumerate(series.items()):
        covered = any(np.allclose(means[n], later) for later in means[n + 1 :])
        _draw_seeds(ax, x, as_array(values), SERIES[n], linewidth=5 if covered else 2, label=label)
        ends.append((means[n][-1].item(), label, SERIES[n]))
    if log_x:
        ax.set_xscale("log", base=2)
    if log_y:
        ax.set_yscale("log")
    for label, height in (rules or {}).items():
        if legend:
            horizontal_rule(ax, height, label)
        else:
            ax.axhline(height, **DASHED)
            ends.append((height, label, COLORS["note"]))
    if not log_y:
        ax.set_ylim(bottom=min(0.0, ax.dataLim.ymin))
    ticks = {value: f"{value:,g}" for value in x} if ticks is None else ticks
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    if legend:
        ax.legend()
    else:
        label_ends(ax, ends)
    return ax


def loss_curves(
    runs: Mapping[str, History | Sequence[History]],
    *,
    rules: Mapping[str, int | float] | None = None,
    split: str = "val",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw training curves in nats per character, named at their right ends.

    Args:
        runs: one history, or one for each seed, all evaluated at the same steps.
        rules: losses of baselines, drawn as dashed lines.
        split: "val" or "train".
    """
    if split not in ("val", "train"):
        raise ValueError(f"split must be val or train, got {split!r}")
    if not 1 <= len(runs) <= len(SERIES):
        raise ValueError(f"loss_curves draws 1 to {len(SERIES)} runs, got {len(runs)}")
    ax = plt.subplots()[1] if ax is None else ax
    ends: list[tuple[float, str, str]] = []
    last = 0
    for color, (label, histories) in zip(SERIES, runs.items(), strict=False):
        histories = [histories] if isinstance(histories, History) else list(histories)
        if len({tuple(history.step) for history in histories}) != 1:
            raise ValueError(f"the seeds of {label!r} must be evaluated at the same steps, at least one seed")
        losses = np.array([getattr(history, f"{split}_loss") for history in histories], dtype=float)
        _draw_seeds(ax, histories[0].step, losses, color)
        ends.append((losses.mean(axis=0)[-1], label, color))
        last = max(last, histories[0].step[-1])
    for label, height in (rules or {}).items():
        ax.axhline(height, **DASHED)
        ends.append((height, f"{label} {height:.2f}", COLORS["note"]))
    ax.set_xlim(0, last)
    ax.set_xlabel("training step")
    ax.set_ylabel("nats per character")
    ax.set_title(title)
    label_ends(ax, ends)
    return ax


def _draw_seeds(
    ax: Axes,
    x: Sequence[int | float],
    values: Float[np.ndarray, "seed N"],
    color: str,
    *,
    linewidth: int = 2,
    label: str | None = None,
) -> None:
    """Draw a thin line for each of several seeds, and a thick one with a dot at each measured value for their mean."""
    if len(values) > 1:
        ax.plot(x, values.T, color=color, linewidth=0.7, alpha=0.6)
    ax.plot(x, values.mean(axis=0), "o-", color=color, linewidth=linewidth, markersize=linewidth + 2, label=label)
