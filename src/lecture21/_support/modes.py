"""Training and evaluation mode for the length of a block, caches that survive an error, and a seed for a block."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn

_seeding = threading.RLock()


@contextmanager
def _in_mode(model: object, training: bool) -> Iterator[None]:
    if not isinstance(model, nn.Module):
        yield
        return
    # Module by module: a frozen one may be in another mode than the rest.
    before = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode


def evaluating(model: object) -> AbstractContextManager[None]:
    """Put a model into evaluation mode, without dropout, for a while.

    Args:
        model: anything that maps ids to logits; one that is not a module, such as an n-gram model, has no modes.
    """
    return _in_mode(model, training=False)


def training(model: object) -> AbstractContextManager[None]:
    """Put a model into training mode for a while; as `evaluating`."""
    return _in_mode(model, training=True)


def kept_random_state(device: torch.device) -> AbstractContextManager[None]:
    """Return torch's random state, of the CPU and of one device, at the end of the block to what it was before."""
    if device.type == "cpu":
        return torch.random.fork_rng(devices=[])
    return torch.random.fork_rng(devices=[device], device_type=device.type)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's random numbers for a while; afterwards the caller's random state is as before.

    All threads share this state. Random numbers that another thread draws in the meantime cannot be noticed, and
    change those of the block.

    Raises:
        ValueError: if another thread is in such a block.
    """
    if not _seeding.acquire(blocking=False):
        raise ValueError("another thread is training, and all threads share torch's random state: use processes")
    try:
        with kept_random_state(device):
            torch.manual_seed(seed)
            yield
    finally:
        _seeding.release()


@contextmanager
def restored_on_error(objects: Iterable[object]) -> Iterator[None]:
    """Restore the attributes of some objects if the body raises, such as caches that a failed step has changed."""
    before = [(each, dict(vars(each))) for each in objects]
    try:
        yield
    except BaseException:
        for each, attributes in before:
            vars(each).update(attributes)
        raise
