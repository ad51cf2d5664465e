"""The settings of a training run, and the learning rate that they give each step."""

import math
from dataclasses import dataclass

from lecture21._support.validation import require_choice, require_number, require_whole

SCHEDULES = ("constant", "cosine")
PRECISIONS = {"fp32": "no", "fp16": "fp16", "bf16": "bf16"}  # our names, accelerate's names


@dataclass(frozen=True)
class TrainConfig:
    """One run: how long, how fast, how often to look. The defaults are GPT-0's, with plain Adam.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    steps: int = 5000
    """Number of updates."""
    batch_size: int = 16
    """Windows in a batch; with accumulation, in each part of it."""
    learning_rate: float = 1e-3
    """Highest step size of Adam."""
    weight_decay: float = 0.0
    """Decoupled decay (AdamW) of weight matrices and tables, not of biases and gains; 0 is plain Adam."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Adam's two averaging factors."""
    warmup: int = 0
    """Steps over which the learning rate rises linearly from 0."""
    schedule: str = "constant"
    """After the warm-up: constant, or cosine down to 0 at the last step."""
    clip: float | None = None
    """Largest norm of the whole gradient; not clipped if not given."""
    accumulate: int = 1
    """Batches whose gradients are averaged into one update."""
    eval_every: int = 500
    """Updates between two evaluations, each of which also writes a checkpoint."""
    seed: int = 0
    """Seed of the batches and of dropout."""
    device: str | None = None
    """cpu, cuda or mps; the best that is there if not given."""
    precision: str | None = None
    """fp32, bf16 or fp16; on a GPU the best that it can do, elsewhere fp32, if not given."""

    def __post_init__(self) -> None:
        for name in ("steps", "warmup", "seed"):
            require_whole(name, getattr(self, name), least=0)
        for name in ("batch_size", "accumulate", "eval_every"):
            require_whole(name, getattr(self, name))
        if self.seed >= 2**63:
            raise ValueError(f"seed must be below 2 ** 63, got {self.seed}")
        require_number("learning_rate", self.learning_rate, "a positive number", lambda x: 0 < x < math.inf)
        require_number("weight_decay", self.weight_decay, "a number >= 0", lambda x: 0 <= x < math.inf)
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise ValueError(f"betas must be two numbers in [0, 1), got {self.betas!r}")
        object.__setattr__(self, "betas", tuple(self.betas))  # JSON has lists only
        for beta in self.betas:
            require_number("betas", beta, "two numbers in [0, 1)", lambda x: 0 <= x < 1)
        if self.clip is not None:
            require_number("clip", self.clip, "a positive number or None", lambda x: x > 0)
        require_choice("schedule", self.schedule, SCHEDULES)
        if self.precision is not None:
            require_choice("precision", self.precision, PRECISIONS)


def learning_rate(step: int, config: TrainConfig) -> float:
    """Return the step size of update `step` (0, 1, ...): linear warm-up, then constant or a half cosine to 0."""
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    if config.schedule == "constant":
        return config.learning_rate
    progress = (step - config.warmup) / max(config.steps - config.warmup, 1)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
