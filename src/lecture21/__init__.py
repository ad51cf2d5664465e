"""From self-attention without a single weight to a GPT that writes Shakespeare, a room for each idea."""

from lecture21 import presets
from lecture21.config import GPTConfig
from lecture21.gpt import GPT

__all__ = ["GPT", "GPTConfig", "presets"]
