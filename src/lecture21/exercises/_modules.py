"""Exercises whose answer is a module: the same weights for every answer, found by the names that the task gives."""

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lecture21.exercises._exercise import normal


def random_weights(rng: random.Random, module: Callable[..., nn.Module], *sizes: int) -> dict[str, Tensor]:
    """Return random weights with the names and shapes of those of `module(*sizes)`."""
    with torch.random.fork_rng(devices=[]):
        shapes = {name: weight.shape for name, weight in module(*sizes).state_dict().items()}
    return {name: 0.5 * normal(rng, *shape) for name, shape in shapes.items()}


def with_weights(answer: Callable[..., nn.Module], sizes: tuple[int, ...], weights: dict[str, Tensor]) -> nn.Module:
    """Return `answer(*sizes)` with these weights.

    Raises:
        ValueError: if it has other weights, or weights of other shapes.
    """
    with torch.random.fork_rng(devices=[]):
        module = answer(*sizes)
    own = module.state_dict()
    for name, weight in weights.items():
        if name not in own:
            raise ValueError(f"no weight is named {name}; yours are {', '.join(own) or 'none'}")
        if own[name].shape != weight.shape:
            raise ValueError(f"{name} must have the shape {tuple(weight.shape)}, and has {tuple(own[name].shape)}")
    for name in own:
        if name not in weights:
            raise ValueError(f"{name} is a weight too many")
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)
    return module
