"""From self-attention without weights to a GPT that writes Shakespeare.

The names below are what a first program needs. Each is imported when it is first used, so that the command line can
answer `--help` and Ctrl-C before torch is loaded.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lecture21 import attention, presets
    from lecture21.attention import causal_mask
    from lecture21.config import GPTConfig
    from lecture21.data.plays import shakespeare, split
    from lecture21.generation import generate
    from lecture21.gpt import GPT
    from lecture21.tokenizers import CharTokenizer
    from lecture21.training import TrainConfig, evaluate, train

_MODULES = {
    "GPT": "gpt",
    "CharTokenizer": "tokenizers",
    "GPTConfig": "config",
    "TrainConfig": "training",
    "attention": None,
    "causal_mask": "attention",
    "evaluate": "training",
    "generate": "generation",
    "presets": None,
    "shakespeare": "data.plays",
    "split": "data.plays",
    "train": "training",
}  # None: the name is a module

__all__ = [
    "GPT",
    "CharTokenizer",
    "GPTConfig",
    "TrainConfig",
    "attention",
    "causal_mask",
    "evaluate",
    "generate",
    "presets",
    "shakespeare",
    "split",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'lecture21' has no attribute {name!r}")
    if _MODULES[name] is None:
        return importlib.import_module(f"lecture21.{name}")
    return getattr(importlib.import_module(f"lecture21.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
