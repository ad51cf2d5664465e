"""Attention maps of a model, computed from the inputs of its attention layers."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import checked
from lecture21._support.modes import evaluating
from lecture21.layers.heads import MultiHeadAttention


@checked
@torch.no_grad()
def attention_maps(model: nn.Module, *inputs: object, **named: object) -> dict[str, Float[Tensor, "B H T S"]]:
    """Run a model once and return the attention map of every `MultiHeadAttention` in it, by module name.

    A hook takes the inputs of each attention layer in this forward pass and computes `explicit` from them.

    Args:
        model: called as `model(*inputs, **named)` in evaluation mode; its mode is restored.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, MultiHeadAttention)}
    if not layers:
        raise ValueError(f"{type(model).__name__} has no MultiHeadAttention layer")
    maps: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[MultiHeadAttention, tuple, dict], None]:
        def hook(layer: MultiHeadAttention, args: tuple, kwargs: dict) -> None:
            cache = args[1] if len(args) > 1 else kwargs.get("cache")
            if kwargs.get("memory") is None and cache:  # its keys are not among the inputs
                raise ValueError(f"maps need the whole sequence, but {len(cache)} positions are in the cache")
            given = {key: kwargs[key] for key in ("memory", "mask", "n_prefix") if key in kwargs}
            maps[name] = layer.explicit(args[0], **given)[1]

        return hook

    hooks = [layer.register_forward_pre_hook(keep(name), with_kwargs=True) for name, layer in layers.items()]
    try:
        with evaluating(model):
            model(*inputs, **named)
    finally:
        for hook in hooks:
            hook.remove()
    return maps


@checked
def attention_weights(model: nn.Module, ids: Int[Tensor, "B T"]) -> Float[Tensor, "layer B H T T"]:
    """Return the attention maps of a GPT, stacked from the first layer to the last; rows = query, columns = key."""
    return torch.stack(list(attention_maps(model, ids).values()))
