import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from drawn import contrast
from matplotlib.colors import to_hex

from lecture21.course import figures
from lecture21.course.figures.axes import text_color_on


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
