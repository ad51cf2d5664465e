import os
from collections.abc import Iterator

import huggingface_hub
import hypothesis
import jaxtyping
import matplotlib
import pytest
import torch

matplotlib.use("Agg")
# One thread: the models are tiny, and two workers share two cores.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start
# A busy machine must not fail a test: no example has a time limit.
hypothesis.settings.register_profile("lecture21", deadline=None)
hypothesis.settings.load_profile("lecture21")


@pytest.fixture
def untyped() -> Iterator[None]:
    """Let values of a wrong type through to the package's own checks, as for a user without the typing hook."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Cut the hub's client off, with an empty cache under the directory that is returned."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
    return tmp_path / "home"
