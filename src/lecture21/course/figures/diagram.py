"""Boxes, arrows, tokens, tables of cells and parameter counts of the diagrams."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import nn

from lecture21.course.figures.axes import HATCHED
from lecture21.course.figures.style import COLORS, SERIES, TEXT_COLORS

Number = int | float
Point = tuple[Number, Number]

ACROSS = 42
"""Width of a concept drawing in tenths of an inch: narrow, so that its text is readable on a phone."""

SIZE, SMALL = 10, 9
"""Sizes of text in points: labels, and notes."""

THIN, THICK, STREAM = 1.2, 2.4, 4.0
"""Widths of lines: outlines and arrows, what is highlighted, and the residual stream."""

ROLES = {
    "plain": (COLORS["ink"], "white", COLORS["ink"]),
    "token": (COLORS["stream"], "#e4f2fb", COLORS["ink"]),
    "query": (COLORS["query"], "#e6f1f8", TEXT_COLORS["query"]),
    "key": (COLORS["key"], "#fdf3dd", TEXT_COLORS["key"]),
    "value": (COLORS["value"], "#e0f3ed", TEXT_COLORS["value"]),
    "output": (COLORS["output"], "#f7e6ef", TEXT_COLORS["output"]),
    "expert": (SERIES[1], "#fae3d4", "#8F3F00"),
    "layer": (COLORS["ink"], "#ebebeb", COLORS["ink"]),  # trained weights
    "idle": ("#bbbbbb", "white", "#6e6e6e"),
    "masked": (COLORS["masked"], "#e6e6e6", COLORS["note"]),
}
"""Edge, fill and color of the text of each kind of part, the same in every drawing."""

PATH = SERIES[1]
"""Color of the path or the pair that a drawing is about."""

AMOUNT = "#4a4a4a"
"""Color of amounts: weights drawn as bars, and numbers drawn as areas."""


def box(
    ax: Axes,
    center: Point,
    size: Point,
    text: str = "",
    *,
    edge: str = COLORS["ink"],
    fill: str = "white",
    color: str = COLORS["ink"],
    linewidth: Number = 1.1,
    rounding: Number = 0.12,
    zorder: Number = 3,
    fontsize: Number | None = None,
) -> None:
    """Draw a rounded box with text in its center."""
    (x, y), (width, height) = center, size
    corner = (x - width / 2, y - height / 2)
    patch = FancyBboxPatch(corner, width, height, boxstyle=f"round,pad=0,rounding_size={rounding}", zorder=zorder)
    patch.set(facecolor=fill, edgecolor=edge, linewidth=linewidth)
    ax.add_patch(patch)
    if text:
        ax.text(x, y, text, ha="center", va="center", color=color, fontsize=fontsize, zorder=zorder + 1)


def arrow(ax: Axes, *points: Point, color: str = COLORS["ink"], linewidth: Number = 1.1, style: str = "-") -> None:
    """Draw a line through points, with an arrowhead at the last."""
    ax.plot(
        *zip(*points[:-1], strict=True), color=color, linewidth=linewidth, linestyle=style, zorder=2,
        solid_capstyle="butt",
    )  # fmt: skip
    head = {
        "arrowstyle": "-|>",
        "color": color,
        "linewidth": linewidth,
        "linestyle": style,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", points[-1], points[-2], arrowprops=head, zorder=2)


def plus(ax: Axes, center: Point) -> None:
    """Draw the sign of an addition to the residual stream."""
    circle = {"boxstyle": "circle,pad=0.14", "facecolor": "white", "edgecolor": COLORS["ink"], "linewidth": 1.1}
    ax.text(*center, "+", ha="center", va="center", zorder=5, bbox=circle)


def count_parameters(*modules: nn.Module | None) -> int:
    """Count the parameters of some modules, each once."""
    return sum(p.numel() for p in nn.ModuleList(module for module in modules if module is not None).parameters())


def canvas(height: Number, title: str, ax: Axes | None = None) -> Axes:
    """Return axes whose unit is a tenth of an inch, `ACROSS` units wide, with a title and a white background.

    The background has the size of the drawing, so that all drawings keep the same width when they are saved.
    """
    if ax is None:
        figure = plt.figure(figsize=(ACROSS / 10, height / 10))
        figure.set_layout_engine("none")
        ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, ACROSS), ylim=(0, height), aspect="equal")
    ax.axis("off")
    ax.add_patch(Rectangle((0, 0), ACROSS, height, facecolor="white", edgecolor="none", zorder=-2))
    write(ax, 0.6, height - 1.6, title, ha="left", fontsize=11, fontweight="bold")
    return ax


def write(ax: Axes, x: Number, y: Number, text: str, role: str = "plain", **kwargs: object) -> None:
    """Write text in the color of a role, centered unless `ha` or `va` says otherwise."""
    style = {"ha": "center", "va": "center", "color": ROLES[role][2], "fontsize": SIZE, "zorder": 6, **kwargs}
    ax.text(x, y, text, **style)


def note(ax: Axes, x: Number, y: Number, text: str, **kwargs: object) -> None:
    """Write a remark in gray, smaller than other text."""
    write(ax, x, y, text, **{"color": COLORS["note"], "fontsize": SMALL, **kwargs})


def part(
    ax: Axes, x: Number, y: Number, width: Number, height: Number, text: str = "", role: str = "plain",
    **kwargs: object,
) -> None:  # fmt: skip
    """Draw a box in the colors of a role."""
    edge, fill, color = ROLES[role]
    style = {"edge": edge, "fill": fill, "color": color, "linewidth": THIN, "rounding": 0.5, "fontsize": SIZE}
    box(ax, (x, y), (width, height), text, **{**style, **kwargs})


def chips(ax: Axes, xs: Sequence[Number], y: Number, tokens: Sequence[str], width: Number = 7.0) -> None:
    """Draw a row of tokens."""
    for x, token in zip(xs, tokens, strict=True):
        part(ax, x, y, width, 2.8, token, "token")


def cells(
    ax: Axes, x: Number, top: Number, side: Number, roles: Sequence[Sequence[str]], height: Number | None = None
) -> None:
    """Draw a table of cells without text, the first row at the top; the role "masked" is hatched."""
    height = side if height is None else height
    for row, line in enumerate(roles):
        for column, role in enumerate(line):
            style = HATCHED if role == "masked" else {"facecolor": ROLES[role][0], "linewidth": 0}
            corner = (x + column * side, top - (row + 1) * height)
            ax.add_patch(Rectangle(corner, side, height, zorder=3, **style))
            frame = {"facecolor": "none", "edgecolor": "white" if role != "masked" else "#bbbbbb", "linewidth": THIN}
            ax.add_patch(Rectangle(corner, side, height, zorder=4, **frame))


def panel(ax: Axes, left: Number, bottom: Number, right: Number, top: Number) -> None:
    """Draw a pale background for parts that belong together."""
    center = ((left + right) / 2, (bottom + top) / 2)
    box(ax, center, (right - left, top - bottom), fill="#f4f4f4", edge="none", rounding=0.8, zorder=-1)
