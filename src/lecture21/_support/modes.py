"""A model's mode, changed for a while: to look at a model is not to train it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from torch import nn


@contextmanager
def _in_mode(model: object, training: bool) -> Iterator[None]:
    if not isinstance(model, nn.Module):
        yield
        return
    # Part by part: a part that is kept frozen may be in another mode than the rest.
    before = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode


def evaluating(model: object) -> AbstractContextManager[None]:
    """Turn dropout, and whatever else training alone has, off for a while; every part is then in the mode it was in.

    Args:
        model: may be anything that maps ids to logits; what is no module, such as an n-gram, has no modes.
    """
    return _in_mode(model, training=False)


def learning(model: object) -> AbstractContextManager[None]:
    """Turn on for a while what training alone has; as `evaluating`."""
    return _in_mode(model, training=True)
