"""Pictures of what a mixture of experts costs where it is served: everything against the batch, and size against work.

The numbers are computed here, from the shapes that are given, by `lecture21.accounting`.
"""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lecture21 import accounting
from lecture21.accounting import Shape
from lecture21.figures.style import COLOURS, SERIES, WIDTH

BATCHES = tuple(2**n for n in range(15))
GREY = "#555555"
RULE = {"color": COLOURS["masked"], "linewidth": 1, "linestyle": (0, (4, 3)), "zorder": 0}


def intensity_by_batch(
    models: Mapping[str, Shape],
    batches: Sequence[int] = BATCHES,
    *,
    devices: Sequence[str] = ("H100",),
    dtype: str = "bf16",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the FLOPs that each byte of experts' weights is good for, and the ridge at which a device is kept busy.

    A dotted line is a dense layer, where a weight serves every token of the batch.

    Args:
        models: shapes with experts, by their labels.
        batches: tokens in a decode step, in rising order.
        devices: keys of `accounting.BANDWIDTHS`; the ridge of each is a dashed line.
        dtype: how the weights are read.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw, a model has no experts, or a batch, device or dtype does not fit.
    """
    ax = _lines(models, batches, lambda shape, batch: accounting.arithmetic_intensity(batch, dtype, model=shape), ax)
    dense = [accounting.arithmetic_intensity(batch, dtype) for batch in batches]
    ax.plot(batches, dense, color=GREY, linestyle=":", linewidth=1.6, label="a dense layer")
    for device in devices:
        height = accounting.ridge_point(device)
        ax.axhline(height, **RULE)
        ax.annotate(
            f"ridge of one {device}", (0.01, height), xycoords=("axes fraction", "data"), xytext=(0, 3),
            textcoords="offset points", color=GREY, fontsize=9.5,
        )  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylabel("FLOPs for each byte read")
    ax.legend(loc="lower right")
    ax.set_title(title)
    return ax


def roofline(
    models: Mapping[str, Shape],
    batches: Sequence[int] = (1, 16, 256, 4096),
    *,
    device: str = "H100",
    dtype: str = "bf16",
    title: str = "",
) -> tuple[Axes, Axes]:
    """Draw a device's roof over arithmetic intensity, and below it where a batch puts each model's routed experts.

    Left of the ridge the roof is bandwidth times intensity, right of it the peak. One row for each model, and last one
    for a dense layer; a mark with its number for each batch.

    Args:
        models: shapes with experts, by their labels.
        batches: tokens in a decode step, in rising order.
        device: a key of `accounting.BANDWIDTHS`.
        dtype: how the weights are read.
        title: what the reader should find.

    Returns:
        the roof's axes and the marks'.

    Raises:
        ValueError: if there is nothing to draw, a model has no experts, or a batch, device or dtype does not fit.
    """
    _require(models, batches)
    corner = accounting.ridge_point(device)  # refuses an unknown device
    peak, bandwidth = accounting.DEVICES[device], accounting.BANDWIDTHS[device]
    rows = {
        label: [accounting.arithmetic_intensity(batch, dtype, model=shape) for batch in batches]
        for label, shape in models.items()
    }
    rows["a dense layer"] = [accounting.arithmetic_intensity(batch, dtype) for batch in batches]
    ratios = [3, 1 + len(rows)]
    size = (WIDTH, 1.6 + 0.33 * sum(ratios))
    roof, marks = plt.subplots(2, sharex=True, figsize=size, height_ratios=ratios)[1]
    ends = np.array([0.6, corner, 2 * max(corner, *rows["a dense layer"])])
    roof.plot(ends, np.minimum(ends * bandwidth, peak) / 1e12, color="black", linewidth=1.8)
    roof.set_xscale("log")
    roof.set_yscale("log")
    roof.set_ylabel(f"TFLOP/s, one {device}")
    for n, (label, at) in enumerate(rows.items()):
        colour = GREY if label == "a dense layer" else SERIES[n]
        marks.plot(at, [n] * len(at), "o-", color=colour, markersize=5, linewidth=1)
        for batch, x in zip(batches, at, strict=True):
            side = "right" if batch == batches[0] else "center"  # the first marks may lie close together
            marks.annotate(
                f"{batch:,}", (x, n), xytext=(0, 5), textcoords="offset points", ha=side, color=GREY, fontsize=8.5
            )
    for ax in (roof, marks):
        ax.axvline(corner, **RULE)
    roof.annotate(
        f"ridge, {corner:.0f}", (corner, 0.03), xycoords=("data", "axes fraction"), xytext=(4, 0),
        textcoords="offset points", color=GREY, fontsize=9.5,
    )  # fmt: skip
    marks.set_yticks(range(len(rows)), list(rows))
    marks.set_ylim(len(rows) - 0.6, -0.8)
    marks.tick_params(axis="y", length=0)
    marks.spines["left"].set_visible(False)
    marks.set_xlabel("FLOPs for each byte read, by batch")
    roof.set_title(title)
    return roof, marks


def experts_by_batch(
    models: Mapping[str, Shape],
    batches: Sequence[int] = BATCHES[:11],
    *,
    simulated: Mapping[str, Mapping[int, float]] | None = None,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of a layer's experts that a batch touches if its tokens choose uniformly.

    Args:
        models: shapes with experts, by their labels.
        batches: tokens in a decode step, in rising order.
        simulated: for some labels, mean numbers of experts by batch, drawn as open marks.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw, a model has no experts, a batch does not fit, or a simulation is of a
            model that is not there.
    """

    def share(shape: Shape, batch: int) -> float:
        return accounting.distinct_experts(shape.n_expert, shape.top_k, batch) / shape.n_expert

    if unknown := set(simulated or {}) - set(models):
        raise ValueError(f"simulated has {sorted(unknown)}, which are not among the models {', '.join(models)}")
    ax = _lines(models, batches, share, ax)
    for n, (label, shape) in enumerate(models.items()):
        points = (simulated or {}).get(label, {})
        heights = [number / shape.n_expert for number in points.values()]
        ax.plot(list(points), heights, "o", color=SERIES[n], markersize=7, markerfacecolor="none")
    ax.set_ylim(0, 1.04)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "1/4", "1/2", "3/4", "all"])
    ax.set_ylabel("experts of a layer touched")
    ax.legend()
    ax.set_title(title)
    return ax


def bytes_by_batch(
    models: Mapping[str, Shape],
    batches: Sequence[int] = BATCHES[:11],
    *,
    dtype: str = "bf16",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the bytes of weights that a decode step reads, and as a dashed line all that could be read.

    Args:
        models: shapes with experts, by their labels.
        batches: tokens in a decode step, in rising order.
        dtype: how the weights are read.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw, a model has no experts, or a batch or dtype does not fit.
    """
    ax = _lines(models, batches, lambda shape, batch: accounting.weights_read(shape, batch, dtype) / 1e9, ax)
    for n, shape in enumerate(models.values()):
        everything = accounting.weight_bytes(shape, dtype) / 1e9
        ax.axhline(everything, color=SERIES[n], linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    ax.set_yscale("log")
    ax.set_ylabel("GB of weights read in a step")
    ax.legend()
    ax.set_title(title)
    return ax


def total_against_active(models: Mapping[str, Shape], *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw all parameters against the active ones, the input embedding left out of both, and lines of equal share.

    What lies close to a model that was given before it is named on its left.

    Args:
        models: shapes by their labels; a dense one lies on the line on which all parameters are active.
        title: what the reader should find.
        ax: where to draw; a new figure if not given.

    Raises:
        ValueError: if there is nothing to draw.
    """
    if not models:
        raise ValueError("total_against_active needs at least one model")
    ax = plt.subplots(figsize=(WIDTH, 4.2))[1] if ax is None else ax
    counts = [accounting.parameters(shape) for shape in models.values()]
    active = [count.active_without_embedding / 1e9 for count in counts]
    total = [(count.total - count.embeddings) / 1e9 for count in counts]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(min(active) / 2, max(active) * 6)
    ax.set_ylim(min(total) / 3, max(total) * 3)
    ax.scatter(active, total, color=SERIES[0], s=26, zorder=3)
    for n, (label, x, y) in enumerate(zip(models, active, total, strict=True)):
        crowded = any(max(x / u, u / x, y / v, v / y) < 1.3 for u, v in zip(active[:n], total[:n], strict=True))
        ax.annotate(
            label, (x, y), xytext=(-5 if crowded else 5, 2 if crowded else -3), textcoords="offset points",
            ha="right" if crowded else "left", va="bottom" if crowded else "top", fontsize=8.5,
        )  # fmt: skip
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for share in (1, 10, 100, 1000):
        start, end = max(left, bottom / share), min(right, top / share)
        ax.plot([start, end], [start * share, end * share], **RULE)
        said = "all active" if share == 1 else f"1 in {share:,} active"
        ax.annotate(said, (start, start * share), xytext=(17, 1), textcoords="offset points", color=GREY, fontsize=8.5)
    ax.set_xlabel("active parameters, billions")
    ax.set_ylabel("all parameters, billions")
    ax.set_title(title)
    return ax


def _require(models: Mapping[str, Shape], batches: Sequence[int]) -> None:
    if not 1 <= len(models) <= len(SERIES):
        raise ValueError(f"there must be 1 to {len(SERIES)} models, got {len(models)}")
    if not batches or list(batches) != sorted(set(batches)):
        raise ValueError(f"batches must rise, got {list(batches)}")


def _lines(
    models: Mapping[str, Shape], batches: Sequence[int], value: Callable[[Shape, int], float], ax: Axes | None
) -> Axes:
    _require(models, batches)
    ax = plt.subplots(figsize=(WIDTH, 3.6))[1] if ax is None else ax
    drawn = [[value(shape, batch) for batch in batches] for shape in models.values()]
    for n, (label, heights) in enumerate(zip(models, drawn, strict=True)):
        width = 5 if any(np.allclose(heights, later) for later in drawn[n + 1 :]) else 1.8  # to be seen below them
        ax.plot(batches, heights, "o-", color=SERIES[n], markersize=width + 2.2, linewidth=width, label=label)
    ax.set_xscale("log", base=2)
    shown = batches[:: max(1, len(batches) // 7)]
    ax.set_xticks(shown, [f"{batch:,}" for batch in shown])
    ax.minorticks_off()
    ax.set_xlabel("batch: tokens in a step")
    return ax
