"""Train a GPT in this page: data, runs, and what the figure shows, against the package."""

import pytest

from lecture21.data import shakespeare
from lecture21.live import _widget


def test_a_page_can_load_the_plays():
    assert _widget.asset("plays.txt").decode() == shakespeare()
    with pytest.raises(ValueError, match=r"unknown file of a figure: 'plays\.csv'"):
        _widget.asset("plays.csv")
