"""Comparisons of a Hugging Face model with a GPT of this package: configuration keys, fields, tensors."""

from collections.abc import Iterable, Mapping
from operator import attrgetter

import torch
from torch import Tensor

from lecture21._support.validation import printable
from lecture21.gpt.config import GPTConfig

HEAD = "lm_head.weight"
"""The output layer of every language model of Hugging Face."""


def require_keys(values: Mapping[str, object], keys: Iterable[str]) -> None:
    """Raise ValueError naming the keys that a Hugging Face configuration lacks."""
    if missing := [key for key in keys if key not in values]:
        raise ValueError(f"the configuration lacks {', '.join(missing)}")


def require_settings(values: Mapping[str, object], settings: Mapping[str, object]) -> None:
    """Raise ValueError naming the first key whose value is not the only one that this package supports."""
    for key, supported in settings.items():
        if values.get(key, supported) != supported:
            raise ValueError(f"{key} is {printable(repr(values[key]))}, and this package supports only {supported!r}")


def require_expressible(config: GPTConfig, allowed: Mapping[str, tuple[object, ...]], kind: str) -> None:
    """Raise ValueError naming the first field whose value a Hugging Face model of this kind cannot have.

    Args:
        config: the configuration to convert.
        allowed: the values that each field may have; "moe.top_k" is a field of a field.
        kind: the `model_type`.
    """
    for name, values in allowed.items():
        value = attrgetter(name)(config)
        if value not in values:
            raise ValueError(
                f"{name}={value!r} is not supported by Hugging Face's {kind}, "
                f"which has {name}={' or '.join(map(repr, values))}"
            )


def require_exactly(
    tensors: Mapping[str, Tensor],
    expected: Iterable[tuple[str, tuple[int, ...]]],
    kind: str,
    source: str,
    tied_to: str | None = None,
) -> None:
    """Raise ValueError naming the first tensor that is missing, unexpected or of the wrong shape.

    Args:
        tensors: tensors by name.
        expected: names and shapes.
        kind: the `model_type`, named in errors.
        source: the origin of the tensors, named in errors.
        tied_to: the token embedding, if the output layer is tied to it; some files store both, which must be equal.
    """
    names = set()
    for name, shape in expected:
        if name not in tensors:
            raise ValueError(f"{source} lacks the tensor {name}, shape {shape}")
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"{source} has {name} of shape {tuple(tensors[name].shape)}, not {shape}")
        names.add(name)
    if tied_to is not None and HEAD in tensors:
        names.add(HEAD)
        if not torch.equal(tensors[HEAD], tensors[tied_to]):
            raise ValueError(f"{source} has {HEAD} unlike {tied_to}, but the configuration ties them")
    if unexpected := sorted(tensors.keys() - names):
        raise ValueError(
            f"{source} has a tensor {printable(unexpected[0])}, which a {kind} language model does not have"
        )
