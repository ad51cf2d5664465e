"""A model's mode, changed for a while: to look at a model is not to train it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: object) -> Iterator[None]:
    """Turn dropout, and whatever else training alone has, off for a while; the mode is then what it was.

    Args:
        model: may be anything that maps ids to logits; what is no module, such as an n-gram, has no modes.
    """
    if not isinstance(model, nn.Module):
        yield
        return
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
