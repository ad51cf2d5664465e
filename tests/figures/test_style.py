import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import contrast, luminance
from matplotlib.colors import to_hex

from lecture21 import figures
from lecture21.figures.axes import text_color_on


def test_magnitude_runs_from_light_to_dark_and_signed_is_white_at_zero():
    shades = [luminance(figures.style._MAGNITUDE(x)) for x in np.linspace(0, 1, 11)]
    assert shades == sorted(shades, reverse=True)
    assert shades[0] > 0.7 > 0.1 > shades[-1]
    assert luminance(figures.SIGNED(0.5)) > 0.85
    assert luminance(figures.SIGNED(0.0)) < 0.4 > luminance(figures.SIGNED(1.0))


def test_figures_are_opaque_white_whatever_the_theme():
    with plt.style.context("dark_background"):
        figures.apply()
        figure = plt.figure()
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    assert mpl.rcParams["savefig.facecolor"] == "white"


@pytest.mark.parametrize("role", figures.TEXT_COLORS)
def test_text_in_the_color_of_a_role_is_readable_on_white(role):
    assert contrast(figures.TEXT_COLORS[role], "white") >= 4.5


@pytest.mark.parametrize("color", [*figures.SERIES, *figures.COLORS.values(), "white", "black"])
def test_text_on_a_color_is_readable(color):
    assert contrast(text_color_on(color), color) >= 4.5
