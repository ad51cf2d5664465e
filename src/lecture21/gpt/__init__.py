"""The GPT: its configuration and initialization, the model, the presets of the slides, and published checkpoints.

Its parts are in `lecture21.layers` and `lecture21.moe`; training and generation are in packages of their own.
"""

from lecture21.gpt.config import GPTConfig
from lecture21.gpt.model import GPT
