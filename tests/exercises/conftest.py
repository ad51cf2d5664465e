import random
import secrets

import pytest


@pytest.fixture(autouse=True)
def draws(request, monkeypatch):
    """Draw the same fresh cases in every run, so that no test fails by chance; `--draws N` draws others."""
    rng = random.Random(f"{request.config.getoption('draws')} {request.node.nodeid}")
    monkeypatch.setattr(secrets, "randbits", rng.getrandbits)
