"""From basic self-attention to a GPT that writes Shakespeare: the model library, its training and its data.

All that only the book needs (exercises, grading, figures, the exam) is in `lecture21.course`, which nothing here uses.
The names below are what a first program needs. Each is imported when it is first used, so that the command line can
answer `--help` and Ctrl-C before torch is loaded.
"""

import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lecture21 import attention
    from lecture21.data.plays import shakespeare, split
    from lecture21.generation import generate
    from lecture21.gpt import GPT, GPTConfig, presets
    from lecture21.layers.attention import causal_mask
    from lecture21.tokenizers import CharTokenizer
    from lecture21.training import TrainConfig, evaluate, train

_PLACES = {
    "GPT": "gpt:GPT",
    "CharTokenizer": "tokenizers:CharTokenizer",
    "GPTConfig": "gpt:GPTConfig",
    "TrainConfig": "training:TrainConfig",
    "attention": "attention",
    "causal_mask": "layers.attention:causal_mask",
    "evaluate": "training:evaluate",
    "generate": "generation:generate",
    "presets": "gpt.presets",
    "shakespeare": "data.plays:shakespeare",
    "split": "data.plays:split",
    "train": "training:train",
}

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
    if name not in _PLACES:
        raise AttributeError(f"module 'lecture21' has no attribute {name!r}")
    return pkgutil.resolve_name(f"lecture21.{_PLACES[name]}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
