"""Whether two sides match: their configuration and ours, the tensors that are there and those that must be.

Every family of models asks these questions, and refuses in these words.
"""

from collections.abc import Iterable, Mapping
from operator import attrgetter

import torch
from torch import Tensor

from lecture21.config import GPTConfig

HEAD = "lm_head.weight"
"""The output layer of every model with a language head."""


def require_keys(values: Mapping[str, object], keys: Iterable[str]) -> None:
    """Raise ValueError, naming the keys that a Hugging Face configuration lacks."""
    if missing := [key for key in keys if key not in values]:
        raise ValueError(f"the configuration lacks {', '.join(missing)}")


def require_settings(values: Mapping[str, object], settings: Mapping[str, object]) -> None:
    """Raise ValueError, naming a key and its value, where a switch is not in the only setting that a GPT here has."""
    for key, only in settings.items():
        if values.get(key, only) != only:
            raise ValueError(f"{key} is {values[key]!r}, and a GPT here can only have {only!r}")


def require_expressible(config: GPTConfig, allowed: Mapping[str, tuple[object, ...]], kind: str) -> None:
    """Raise ValueError, naming the first field of ours whose value a Hugging Face model of this kind cannot have.

    Args:
        config: ours.
        allowed: the values that each field may have; "moe.top_k" is a field of a field.
        kind: the `model_type`.
    """
    for name, values in allowed.items():
        value = attrgetter(name)(config)
        if value not in values:
            raise ValueError(
                f"{name}={value!r} has no place in Hugging Face's {kind}, "
                f"which has {name}={' or '.join(map(repr, values))}"
            )


def drop_second_table(tensors: dict[str, Tensor], token: str, source: str) -> None:
    """Drop a tied head, which some files hold twice; raises ValueError if it differs from the table called `token`."""
    if HEAD in tensors:
        head = tensors.pop(HEAD)
        if not torch.equal(head, tensors.get(token, head)):
            raise ValueError(f"{source} has {HEAD} unlike {token}, where the configuration says they are one")


def require_exactly(
    tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], kind: str, source: str
) -> None:
    """Raise ValueError, naming the first tensor that is missing, unknown or of another shape than it must have.

    Args:
        tensors: what was found, by name.
        shapes: what a model of this configuration has, by name.
        kind: the `model_type`, named in errors.
        source: where the tensors come from, named in errors.
    """
    for name in sorted(shapes.keys() | tensors.keys()):
        if name not in tensors:
            raise ValueError(f"{source} lacks the tensor {name}, shape {shapes[name]}")
        if name not in shapes:
            raise ValueError(f"{source} has a tensor {name}, which a {kind} with a language head has not")
        if tuple(tensors[name].shape) != shapes[name]:
            raise ValueError(f"{source} has {name} of shape {tuple(tensors[name].shape)}, not {shapes[name]}")
