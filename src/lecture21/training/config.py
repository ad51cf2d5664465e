"""The settings of a training run, those that belong to a preset, and the learning rate of each step."""

import math
from dataclasses import dataclass, replace
from typing import Annotated

from lecture21._support.contract import Count, Natural, NonNegative, Positive, Rate, Seed, checked
from lecture21._support.validation import in_range, one_of


@checked
@dataclass(frozen=True)
class TrainConfig:
    """The settings of a training run; the defaults are those of GPT-0, with plain Adam.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    steps: Natural = 5000
    """Number of updates."""
    batch_size: Count = 16
    """Windows in a batch."""
    shuffle: bool = False
    """Read all windows of the text once before any is read again, as `shuffled_windows`; otherwise random windows."""
    learning_rate: Positive = 1e-3
    """Peak learning rate of AdamW."""
    optimizer: Annotated[str, one_of(("adamw", "muon"))] = "adamw"
    """adamw, or muon: Muon for the matrices of the blocks, AdamW for everything else."""
    embedding_learning_rate: Positive | None = None
    """Peak learning rate of AdamW for embedding tables; learning_rate if not given."""
    muon_learning_rate: Positive = 0.02
    """Peak learning rate of Muon."""
    weight_decay: NonNegative = 0.0
    """Decoupled weight decay of matrices and embedding tables, not of biases and gains; 0 makes AdamW plain Adam."""
    betas: tuple[Rate, Rate] = (0.9, 0.999)
    """Decay rates of Adam's two moving averages."""
    warmup: Natural = 0
    """Steps over which the learning rates rise linearly, the first of which has 1 / warmup of the peak."""
    schedule: Annotated[str, one_of(("constant", "cosine", "linear"))] = "constant"
    """Learning rates after the warm-up: constant, or cosine or linear down to 0, which a further step would have."""
    clip: Annotated[float, in_range(0, ends="(]")] | None = None
    """Maximum norm of the gradient of all parameters; no clipping if not given."""
    accumulate: Count = 1
    """Batches whose gradients are averaged for one update."""
    eval_every: Count = 500
    """Updates between two evaluations; each evaluation also writes a checkpoint."""
    seed: Seed = 0
    """Seed of weights, batches and dropout."""
    device: str | None = None
    """cpu, cuda or mps; by default cuda where there is one, and otherwise the CPU."""
    precision: Annotated[str, one_of(("fp32", "fp16", "bf16"))] | None = None
    """fp32, bf16 or fp16; by default the best one of a GPU, and fp32 elsewhere."""
    compile: bool = False
    """Compute the losses of batches with `torch.compile`: slower for the first step, faster for all others. On a CPU it
    needs a C++ compiler. Sums are rounded differently."""
    shard: bool = False
    """With several processes, split weights and optimizer state over them; for models larger than a device."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas))  # JSON has lists only


_MODERN = {
    "optimizer": "muon",
    "learning_rate": 3e-3,
    "embedding_learning_rate": 1e-2,
    "schedule": "linear",
}
_RECIPES: dict[str, TrainConfig] = {
    "modern": TrainConfig(steps=2000, batch_size=12, **_MODERN),
    "modern-gpt0": TrainConfig(steps=1200, batch_size=32, **_MODERN),
    "modern-laptop": TrainConfig(steps=3600, batch_size=12, shuffle=True, weight_decay=0.1, **_MODERN),
}


@checked
def recipe(preset: str, /, **changes: object) -> TrainConfig:
    """Return the training settings of a preset, with some of their fields changed; those of GPT-0 if it has none.

    Args:
        preset: a name of `lecture21.gpt.presets.names()`.
        changes: fields of `TrainConfig`.
    """
    return replace(_RECIPES.get(preset, TrainConfig()), **changes)


@checked
def learning_rate(step: Natural, config: TrainConfig, peak: Positive | None = None) -> float:
    """Return the learning rate of update `step` (0, 1, ...): a linear warm-up, then the schedule.

    Args:
        step: index of the update.
        config: warm-up, schedule and number of steps.
        peak: highest learning rate; that of AdamW if not given.
    """
    if step > config.steps:
        raise ValueError(f"step must be at most the number of steps, {config.steps}, got {step}")
    peak = config.learning_rate if peak is None else peak
    if step < config.warmup:
        return peak * (step + 1) / config.warmup
    progress = (step - config.warmup) / max(config.steps - config.warmup, 1)
    if config.schedule == "linear":
        return peak * (1 - progress)
    if config.schedule == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * progress))
    return peak
