"""The GPT: its configuration and initialization, the model, the presets of the slides, and published checkpoints."""

from lecture21.gpt.config import GPTConfig
from lecture21.gpt.model import GPT
