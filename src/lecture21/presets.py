"""The models of the slides by name, as data."""

from dataclasses import replace

from lecture21.gpt import GPTConfig

PRESETS: dict[str, GPTConfig] = {
    # Slide 24, left of the arrows. Its shape is that of Karpathy's published character model (209,729 parameters).
    "gpt0": GPTConfig(),
}


def names() -> tuple[str, ...]:
    """Return the names that `get` knows."""
    return tuple(PRESETS)


def get(name: str, /, **changes: object) -> GPTConfig:
    """Return a preset, with some of its fields changed.

    Args:
        name: one of `names()`.
        changes: fields of `GPTConfig`.

    Raises:
        ValueError: if the preset or a field is unknown, or a value does not fit.
    """
    if name not in PRESETS:
        raise ValueError(f"unknown preset {name!r}; choose from {', '.join(names())}")
    preset = PRESETS[name]
    # d_ff follows d_model unless it was set on its own.
    if "d_model" in changes and preset.d_ff == 4 * preset.d_model:
        changes = {"d_ff": None, **changes}
    try:
        return replace(preset, **changes)
    except TypeError:
        unknown = sorted(set(changes) - set(preset.__dataclass_fields__))
        known = ", ".join(preset.__dataclass_fields__)
        raise ValueError(f"unknown fields {', '.join(unknown)} for preset {name!r}; known are {known}") from None
