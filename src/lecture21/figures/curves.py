"""Losses over training, and over the size of a model, beside the baselines that they have to beat."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lecture21.figures.ends import name_ends
from lecture21.figures.style import COLOURS, SERIES
from lecture21.training.evaluation import History


def loss_curves(
    runs: Mapping[str, History | Sequence[History]],
    *,
    rules: Mapping[str, float] | None = None,
    split: str = "val",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw loss against step: a thin line for each seed, a thick one for their mean, a rule for each baseline.

    Args:
        runs: for each label, one history or one for each seed (evaluated at the same steps).
        rules: for each label, a constant loss in nats per token, drawn as a horizontal line.
        split: "val" or "train".
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if the split is unknown, there is nothing to draw or more than there are colours, or the seeds of
            a run were evaluated at different steps.
    """
    if split not in ("val", "train"):
        raise ValueError(f"split must be val or train, got {split!r}")
    if not 1 <= len(runs) <= len(SERIES):
        raise ValueError(f"loss_curves draws 1 to {len(SERIES)} runs, got {len(runs)}")
    ax = plt.subplots()[1] if ax is None else ax
    ends: list[tuple[float, str, str]] = []  # height, text and colour of the labels at the right edge
    last = 0
    for colour, (label, histories) in zip(SERIES, runs.items(), strict=False):
        histories = [histories] if isinstance(histories, History) else list(histories)
        if len({tuple(history.step) for history in histories}) != 1:
            raise ValueError(f"the seeds of {label!r} must be evaluated at the same steps, at least one seed")
        losses = np.array([getattr(history, f"{split}_loss") for history in histories], dtype=float)
        steps = histories[0].step
        if len(histories) > 1:
            ax.plot(steps, losses.T, color=colour, linewidth=0.7, alpha=0.6)
        # Dots where the run was evaluated: between them the line is only drawn.
        ax.plot(steps, losses.mean(axis=0), "o-", color=colour, linewidth=2, markersize=4)
        ends.append((losses.mean(axis=0)[-1], label, colour))
        last = max(last, steps[-1])
    for label, height in (rules or {}).items():
        ax.axhline(height, color=COLOURS["masked"], linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ends.append((height, f"{label} {height:.2f}", "#555555"))
    ax.set_xlim(0, last)
    ax.set_xlabel("training step")
    ax.set_ylabel("nats per character")
    ax.set_title(title)
    name_ends(ax, ends)
    return ax


def loss_by_size(
    tables: Mapping[str, tuple[int, float]],
    models: Mapping[str, tuple[int, float]],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw loss against how many numbers are stored: counting tables as one line, trained models as points.

    Args:
        tables: for each label, numbers stored and nats per token, in the order in which they are joined.
        models: for each label, the same.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.
    """
    ax = plt.subplots()[1] if ax is None else ax
    sizes, losses = zip(*tables.values(), strict=True)
    ax.plot(sizes, losses, "o-", color=COLOURS["masked"], markersize=5)
    before = max(losses)
    for label, (size, loss) in tables.items():
        # Below the line, on the side that it leaves free.
        rising = loss > before
        ax.annotate(
            label,
            (size, loss),
            (4 if rising else 0, -5),
            textcoords="offset points",
            ha="left" if rising else "right",
            va="top",
            color="#555555",
        )
        before = loss
    for colour, (label, (size, loss)) in zip(SERIES, models.items(), strict=False):
        ax.plot([size], [loss], "D", color=colour, markersize=8)
        ax.annotate(label, (size, loss), (8, 6), textcoords="offset points", ha="left", va="bottom", color=colour)
    ax.set_xscale("log")
    ax.margins(x=0.16, y=0.15)
    ax.set_xlabel("numbers stored: counts, or parameters")
    ax.set_ylabel("nats per character")
    ax.set_title(title)
    return ax
