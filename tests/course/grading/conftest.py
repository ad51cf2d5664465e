import pytest


@pytest.fixture(autouse=True)
def _warm(warm: None) -> None:
    """Let the answers of all tests run in forks of one process."""
