import pytest


@pytest.fixture(autouse=True)
def _fresh(fresh_figures: None) -> None:
    """Draw the figures of each test in the book's style."""
