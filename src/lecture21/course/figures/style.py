"""The visual style of the book: a color for each role, one color map for amounts, one for signed values.

Colors are Okabe and Ito's (2008), which color-blind readers can tell apart. Figures are opaque white, so that they
look the same in the light and the dark theme.
"""

import matplotlib as mpl
import seaborn as sns

COLORS = {
    "query": "#0072B2",
    "key": "#E69F00",
    "value": "#009E73",
    "output": "#CC79A7",
    "masked": "#999999",
    "stream": "#56B4E9",  # the residual stream
    "ink": "#222222",  # outlines and text of a diagram
    "note": "#555555",  # reference lines and their labels
}
"""A color for each role, the same in every figure, table and diagram."""

TEXT_COLORS = {"query": "#0072B2", "key": "#8F6200", "value": "#007A58", "output": "#A8437F"}
"""Darker colors of the same roles, for text on white: the contrast is at least 4.5 to 1."""

SERIES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
"""Colors of members, experts, models and runs, in this order."""

_MAGNITUDE = sns.color_palette("mako_r", as_cmap=True)
"""Perceptually uniform color map from nearly white at 0 to nearly black at the maximum, for attention weights."""

SIGNED = sns.color_palette("vlag", as_cmap=True)
"""Diverging color map, white at 0."""

WIDTH = 6.0
"""Width of the text column in inches."""


def apply() -> None:
    """Set matplotlib's defaults for all following figures: 2x PNG, white background, text of 10 to 11 points."""
    sns.set_theme(context="paper", style="ticks", palette=SERIES)
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.6),
            "figure.dpi": 144,
            "savefig.dpi": 144,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",  # part of matplotlib: the same glyphs on every machine
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.labelsize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 9.5,
            "legend.fontsize": 9.5,
            "legend.frameon": False,
            "hatch.linewidth": 0.6,
        }
    )
