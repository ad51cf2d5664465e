"""The training settings that belong to a preset."""

from dataclasses import replace

from lecture21.training.config import TrainConfig

_MODERN = {
    "optimizer": "muon",
    "learning_rate": 3e-3,
    "embedding_learning_rate": 1e-2,
    "schedule": "linear",
}
_RECIPES: dict[str, TrainConfig] = {
    "modern": TrainConfig(steps=2000, batch_size=12, **_MODERN),
    "modern-gpt0": TrainConfig(steps=1200, batch_size=32, **_MODERN),
}


def recipe(preset: str, /, **changes: object) -> TrainConfig:
    """Return the training settings of a preset, with some of their fields changed; those of GPT-0 if it has none.

    Args:
        preset: a name of `lecture21.gpt.presets.names()`.
        changes: fields of `TrainConfig`.
    """
    return replace(_RECIPES.get(preset, TrainConfig()), **changes)
