"""Boxes, arrows and parameter counts of the model diagrams."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import nn

from lecture21.figures.style import COLOURS

_Number = int | float
_Point = tuple[_Number, _Number]


def box(
    ax: Axes,
    centre: _Point,
    size: _Point,
    text: str = "",
    *,
    edge: str = COLOURS["ink"],
    fill: str = "white",
    colour: str = COLOURS["ink"],
    linewidth: _Number = 1.1,
    rounding: _Number = 0.12,
    zorder: _Number = 3,
) -> None:
    """Draw a rounded box with text in its centre."""
    (x, y), (width, height) = centre, size
    corner = (x - width / 2, y - height / 2)
    patch = FancyBboxPatch(corner, width, height, boxstyle=f"round,pad=0,rounding_size={rounding}", zorder=zorder)
    patch.set(facecolor=fill, edgecolor=edge, linewidth=linewidth)
    ax.add_patch(patch)
    if text:
        ax.text(x, y, text, ha="center", va="center", color=colour, zorder=zorder + 1)


def arrow(ax: Axes, *points: _Point, colour: str = COLOURS["ink"], linewidth: _Number = 1.1, style: str = "-") -> None:
    """Draw a line through points, with an arrowhead at the last."""
    ax.plot(
        *zip(*points[:-1], strict=True), color=colour, linewidth=linewidth, linestyle=style, zorder=2,
        solid_capstyle="butt",
    )  # fmt: skip
    head = {
        "arrowstyle": "-|>",
        "color": colour,
        "linewidth": linewidth,
        "linestyle": style,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    ax.annotate("", points[-1], points[-2], arrowprops=head, zorder=2)


def plus(ax: Axes, centre: _Point) -> None:
    """Draw the sign of an addition to the residual stream."""
    circle = {"boxstyle": "circle,pad=0.14", "facecolor": "white", "edgecolor": COLOURS["ink"], "linewidth": 1.1}
    ax.text(*centre, "+", ha="center", va="center", zorder=5, bbox=circle)


def count_parameters(*modules: nn.Module | None) -> int:
    """Count the parameters of some modules, each once."""
    return sum(p.numel() for p in nn.ModuleList(module for module in modules if module is not None).parameters())
