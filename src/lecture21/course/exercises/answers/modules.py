"""Exercises whose answer is a module: the same weights for every answer, found by the names that the task gives."""

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lecture21.course.exercises.exercise import normal


class WrongWeights(ValueError):
    """The weights of an answer are not those that its task names."""


def random_weights(rng: random.Random, module: Callable[..., nn.Module], *sizes: int) -> dict[str, Tensor]:
    """Return random weights with the names and shapes of those of `module(*sizes)`."""
    with torch.random.fork_rng(devices=[]):
        shapes = {name: weight.shape for name, weight in module(*sizes).state_dict().items()}
    return {name: 0.5 * normal(rng, *shape) for name, shape in shapes.items()}


def with_weights(answer: Callable[..., nn.Module], sizes: tuple[int, ...], weights: dict[str, Tensor]) -> nn.Module:
    """Return `answer(*sizes)` with these weights.

    Raises:
        WrongWeights: if it has other weights, weights of other shapes, or one under several names.
    """
    with torch.random.fork_rng(devices=[]):
        module = answer(*sizes)
    own = dict(module.named_parameters(remove_duplicate=False))  # without buffers, such as a stored mask
    others = [name for name in own if name not in weights]
    for name, weight in weights.items():
        if name not in own:
            part = name.partition(".")[0]
            if isinstance(getattr(module, part, None), list | tuple):
                raise WrongWeights(f"{part} is a plain list, which hides its modules from PyTorch")
            raise WrongWeights(f"no weight is named {name}" + (f", but one is named {others[0]}" if others else ""))
        if own[name].shape != weight.shape:
            raise WrongWeights(f"{name} must have the shape {tuple(weight.shape)}, and has {tuple(own[name].shape)}")
    if others:
        raise WrongWeights(f"{others[0]} is a weight too many")
    names: dict[int, str] = {}
    for name in weights:
        if (other := names.setdefault(id(own[name]), name)) != name:
            raise WrongWeights(f"{' and '.join(_modules(other, name))} are the same module and share their weights")
    # The weights themselves become the parameters, so that their gradients can be observed.
    module.to(next(iter(weights.values())).device)  # buffers as well, such as a stored mask
    for name, weight in weights.items():
        owner, _, attribute = name.rpartition(".")
        setattr(module.get_submodule(owner), attribute, _parameter(weight, own[name]))
    return module


def _modules(first: str, second: str) -> tuple[str, str]:
    """Return the names of the modules of two weights, up to where the names of the weights differ."""
    while first.rpartition(".")[2] == second.rpartition(".")[2]:
        first, second = first.rpartition(".")[0], second.rpartition(".")[0]
    return first, second


def _parameter(weight: Tensor, own: nn.Parameter) -> nn.Parameter:
    """Return a weight as a parameter, which is frozen where the answer's own one is."""
    if isinstance(weight, nn.Parameter) and own.requires_grad:
        return weight
    return nn.Parameter(weight.detach(), requires_grad=own.requires_grad)
