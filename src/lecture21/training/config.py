"""The settings of a training run, those that belong to a preset, and the learning rate of each step."""

import math
from dataclasses import dataclass, replace

from lecture21._support.validation import require_choice, require_number, require_switch, require_whole

_OPTIMIZERS = ("adamw", "muon")
_SCHEDULES = ("constant", "cosine", "linear")
_PRECISIONS = ("fp32", "fp16", "bf16")


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a training run; the defaults are those of GPT-0, with plain Adam.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    steps: int = 5000
    """Number of updates."""
    batch_size: int = 16
    """Windows in a batch."""
    shuffle: bool = False
    """Read all windows of the text once before any is read again, as `shuffled_windows`; otherwise random windows."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    optimizer: str = "adamw"
    """adamw, or muon: Muon for the matrices of the blocks, AdamW for everything else."""
    embedding_learning_rate: float | None = None
    """Peak learning rate of AdamW for embedding tables; learning_rate if not given."""
    muon_learning_rate: float = 0.02
    """Peak learning rate of Muon."""
    weight_decay: float = 0.0
    """Decoupled weight decay of matrices and embedding tables, not of biases and gains; 0 makes AdamW plain Adam."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decay rates of Adam's two moving averages."""
    warmup: int = 0
    """Steps over which the learning rates rise linearly from 0."""
    schedule: str = "constant"
    """Learning rates after the warm-up: constant, or cosine or linear down to 0 at the last step."""
    clip: float | None = None
    """Maximum norm of the gradient of all parameters; no clipping if not given."""
    accumulate: int = 1
    """Batches whose gradients are averaged for one update."""
    eval_every: int = 500
    """Updates between two evaluations; each evaluation also writes a checkpoint."""
    seed: int = 0
    """Seed of weights, batches and dropout."""
    device: str | None = None
    """cpu, cuda or mps; by default cuda where there is one, and otherwise the CPU."""
    precision: str | None = None
    """fp32, bf16 or fp16; by default the best one of a GPU, and fp32 elsewhere."""
    compile: bool = False
    """Compute the losses of batches with `torch.compile`: slower for the first step, faster for all others. On a CPU it
    needs a C++ compiler. Sums are rounded differently."""
    shard: bool = False
    """With several processes, split weights and optimizer state over them; for models larger than a device."""

    def __post_init__(self) -> None:
        for name in ("steps", "warmup", "seed"):
            require_whole(name, getattr(self, name), least=0)
        for name in ("batch_size", "accumulate", "eval_every"):
            require_whole(name, getattr(self, name))
        if self.seed >= 2**63:
            raise ValueError(f"seed must be below 2 ** 63, got {self.seed}")
        for name in ("learning_rate", "embedding_learning_rate", "muon_learning_rate"):
            if name != "embedding_learning_rate" or self.embedding_learning_rate is not None:
                require_number(name, getattr(self, name), "a positive number", lambda x: 0 < x < math.inf)
        require_choice("optimizer", self.optimizer, _OPTIMIZERS)
        require_number("weight_decay", self.weight_decay, "a number >= 0", lambda x: 0 <= x < math.inf)
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise ValueError(f"betas must be two numbers in [0, 1), got {self.betas!r}")
        object.__setattr__(self, "betas", tuple(self.betas))  # JSON has lists only
        for beta in self.betas:
            require_number("betas", beta, "two numbers in [0, 1)", lambda x: 0 <= x < 1)
        if self.clip is not None:
            require_number("clip", self.clip, "a positive number or None", lambda x: x > 0)
        require_choice("schedule", self.schedule, _SCHEDULES)
        for name in ("shuffle", "compile", "shard"):
            require_switch(name, getattr(self, name))
        if self.precision is not None:
            require_choice("precision", self.precision, _PRECISIONS)


_MODERN = {
    "optimizer": "muon",
    "learning_rate": 3e-3,
    "embedding_learning_rate": 1e-2,
    "schedule": "linear",
}
_RECIPES: dict[str, TrainConfig] = {
    "modern": TrainConfig(steps=2000, batch_size=12, **_MODERN),
    "modern-gpt0": TrainConfig(steps=1200, batch_size=32, **_MODERN),
    "modern-laptop": TrainConfig(steps=3600, batch_size=12, weight_decay=0.1, **_MODERN),
}


def recipe(preset: str, /, **changes: object) -> TrainConfig:
    """Return the training settings of a preset, with some of their fields changed; those of GPT-0 if it has none.

    Args:
        preset: a name of `lecture21.gpt.presets.names()`.
        changes: fields of `TrainConfig`.
    """
    return replace(_RECIPES.get(preset, TrainConfig()), **changes)


def learning_rate(step: int, config: TrainConfig, peak: float | None = None) -> float:
    """Return the learning rate of update `step` (0, 1, ...): a linear warm-up, then the schedule.

    Args:
        step: index of the update.
        config: warm-up, schedule and number of steps.
        peak: highest learning rate; that of AdamW if not given.
    """
    peak = config.learning_rate if peak is None else peak
    if step < config.warmup:
        return peak * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(config.steps - config.warmup, 1)
    if config.schedule == "linear":
        return peak * (1 - progress)
    if config.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * progress))
    return peak
