"""What a configuration asks of its fields: each refusal names the field, its value and what is allowed.

Values come from a command line or a JSON file, and so may be of any type.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import TypeVar

Config = TypeVar("Config")


def require_whole(name: str, value: object, least: int = 1) -> None:
    """Raise ValueError unless the value is an integer (true and false are none) that is large enough."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}, got {value!r}")


def require_number(name: str, value: object, allowed: str, holds: Callable[[float], bool]) -> None:
    """Raise ValueError unless the value is a number for which `holds` is true; `allowed` says so in words."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not holds(value):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")


def require_switch(name: str, value: object) -> None:
    """Raise ValueError unless the value is true or false; 0 and 1 are neither."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {value!r}")


def require_choice(name: str, value: object, allowed: Collection[str]) -> None:
    """Raise ValueError unless the value is one of the words."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def from_dict(cls: type[Config], values: Mapping[str, object], source: str) -> Config:
    """Build a dataclass from parsed JSON, which may leave fields out; `source` is named when one is unknown."""
    known = [field.name for field in fields(cls)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{source} has unknown fields {', '.join(unknown)}; known are {', '.join(known)}")
    return cls(**values)  # its own __post_init__ checks every value
