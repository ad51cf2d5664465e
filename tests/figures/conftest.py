from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from lecture21 import figures


@pytest.fixture(autouse=True)
def _fresh_figures() -> Iterator[None]:
    """Give each test the book's style, and leave neither settings nor figures behind."""
    with mpl.rc_context():
        figures.apply()
        yield
    plt.close("all")
