import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from torch import nn

from lecture21._support.modes import evaluating, seeded, training


@pytest.mark.parametrize("mode", [evaluating, training])
def test_each_part_comes_back_to_its_own_mode(mode):
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5))
    model[1].eval()
    with mode(model):
        assert {part.training for part in model.modules()} == {mode is training}
    assert [part.training for part in model.modules()] == [True, True, False]


def test_what_is_no_module_has_no_modes():
    with evaluating(lambda ids: ids):
        pass


# Threads


def in_another_thread(work: Callable[[], object]) -> BaseException | None:
    """Run in a thread, and return what it raised."""
    raised: list[BaseException | None] = [None]

    def run() -> None:
        try:
            work()
        except Exception as error:
            raised[0] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0]


def enter(block: AbstractContextManager) -> None:
    with block:
        pass


def test_one_thread_at_a_time_has_a_seed():
    state = torch.get_rng_state()
    with seeded(0, torch.device("cpu")):
        first = torch.rand(1)
        enter(seeded(1, torch.device("cpu")))  # the same thread may nest
        error = in_another_thread(lambda: enter(seeded(0, torch.device("cpu"))))
        assert "another thread is training" in str(error)
    assert torch.equal(torch.get_rng_state(), state)
    with seeded(0, torch.device("cpu")):
        assert torch.equal(torch.rand(1), first)
