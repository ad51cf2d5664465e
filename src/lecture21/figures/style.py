"""The one visual language of the book: a colour for each role, one map for magnitude, one for sign.

Colours are Okabe and Ito's (2008), which stay apart for colour-blind readers. Figures are opaque white, so that they
read the same in the light and the dark theme.
"""

import matplotlib as mpl
import seaborn as sns

COLOURS = {
    "query": "#0072B2",
    "key": "#E69F00",
    "value": "#009E73",
    "output": "#CC79A7",
    "masked": "#999999",
}
"""A colour for each role in attention, the same in every picture, table and diagram."""

TEXT_COLOURS = {"query": "#0072B2", "key": "#8F6200", "value": "#007A58", "output": "#A8437F"}
"""The same roles for words on white, darkened until the contrast is 4.5 to 1."""

SERIES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
"""Colours for members, experts and runs, in this order."""

MAGNITUDE = sns.color_palette("mako_r", as_cmap=True)
"""Perceptually uniform, from nearly white at 0 to nearly black at the top, for attention weights and other amounts."""

SIGNED = sns.color_palette("vlag", as_cmap=True)
"""Diverging, white at 0, for signed amounts."""

WIDTH = 6.0
"""Width of the text column in inches."""


def apply() -> None:
    """Set matplotlib's defaults for every figure that follows: 2x PNG, white ground, text of 10 to 11 points."""
    sns.set_theme(context="paper", style="ticks", palette=SERIES)
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 3.6),
            "figure.dpi": 144,
            "savefig.dpi": 144,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.family": "DejaVu Sans",  # shipped with matplotlib: the same letters on every machine
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
