"""What grows as models grow: which part holds their parameters, and what they cost."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from lecture21.figures.shares import PALE
from lecture21.figures.style import COLOURS, SERIES, WIDTH

NARROWEST = 0.09  # a share too narrow for its number


def part_shares(
    models: Mapping[str, Mapping[str, int]],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw one strip of length 1 for each model, cut into the shares of its parts.

    Args:
        models: for each label, a count for each part; the same parts in every model, at most one for each colour.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw, the parts differ, or they are more than there are colours.
    """
    parts = list(next(iter(models.values()), {}))
    if not 1 <= len(parts) <= len(SERIES) or any(list(counts) != parts for counts in models.values()):
        raise ValueError(f"part_shares needs models of the same 1 to {len(SERIES)} parts, got {dict(models)}")
    ax = plt.subplots(figsize=(WIDTH, 1.3 + 0.34 * len(models)))[1] if ax is None else ax
    for row, counts in enumerate(models.values()):
        total, start = sum(counts.values()), 0.0
        for part, colour in zip(parts, SERIES, strict=False):
            share = counts[part] / total
            label = part if row == 0 else None
            ax.barh(row, share, left=start, height=0.74, color=colour, edgecolor="white", linewidth=0.8, label=label)
            if share >= NARROWEST:
                ink = "black" if colour in PALE else "white"
                ax.text(start + share / 2, row, f"{share:.0%}", ha="center", va="center_baseline", color=ink, size=9)
            start += share
    ax.set_yticks(range(len(models)), list(models))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "half", "all parameters"])
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.08 - 0.5 / len(models)), ncols=len(parts), handlelength=1.2)
    ax.figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return ax


def scaling(
    sizes: Mapping[str, int | float],
    costs: Mapping[str, Mapping[str, int | float]],
    *,
    ylabel: str,
    rules: Mapping[str, int | float] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw costs against the number of parameters, both on logarithmic axes, one line for each kind of cost.

    Args:
        sizes: number of parameters of each model, in rising order; the models are named along the top.
        costs: for each label, the cost of some of the models.
        ylabel: the cost and its unit.
        rules: for each label, a constant drawn as a dashed line.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if a cost is of a model that has no size.
    """
    ax = plt.subplots(figsize=(WIDTH, 3.7))[1] if ax is None else ax
    for colour, (label, values) in zip(SERIES, costs.items(), strict=False):
        if unknown := set(values) - set(sizes):
            raise ValueError(f"{label!r} has costs of {sorted(unknown)}, which have no size")
        x = [sizes[name] for name in values]
        ax.plot(x, list(values.values()), "o-", color=colour, markersize=4.5, linewidth=1.8, label=label)
    for label, height in (rules or {}).items():
        ax.axhline(height, color=COLOURS["masked"], linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(
            label, (0.01, height), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
            color="#555555", fontsize=9.5,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("parameters")
    ax.set_ylabel(ylabel)
    names = ax.secondary_xaxis("top")
    names.set_xticks(list(sizes.values()), list(sizes), fontsize=9)
    names.minorticks_off()
    names.tick_params(length=3)
    ax.legend()
    ax.figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return ax
