"""Training and evaluation mode for the length of a block; afterwards each module is in the mode that it was in."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

from torch import nn


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
