"""Checks of configuration fields: each error names the field, its value and what is allowed.

Values come from a command line or a JSON file, and so may be of any type.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import TypeVar

Config = TypeVar("Config")


def printable(text: str, limit: int = 200) -> str:
    """Return text that is safe on a terminal: control characters escaped, and the middle left out if it is long."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}...{text[-limit // 4 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def require_whole(name: str, value: object, least: int = 1) -> None:
    """Raise ValueError unless the value is an integer (and not a bool) of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number >= {least}, got {printable(repr(value))}")


def require_number(name: str, value: object, allowed: str, holds: Callable[[float], bool]) -> None:
    """Raise ValueError unless the value is a number for which `holds` is true; `allowed` says so in words."""
    try:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and holds(float(value))
    except OverflowError:  # an integer beyond any float
        fits = False
    if not fits:
        raise ValueError(f"{name} must be {allowed}, got {printable(repr(value))}")


def require_switch(name: str, value: object) -> None:
    """Raise ValueError unless the value is a bool; 0 and 1 are not."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, got {printable(repr(value))}")


def require_choice(name: str, value: object, allowed: Collection[str]) -> None:
    """Raise ValueError unless the value is one of the words."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {printable(repr(value))}")


def require_heads(d_model: int, n_head: int, n_kv_head: int, d_head: int | None = None) -> None:
    """Raise ValueError unless the heads divide the width, or have their own, and the key/value heads the heads."""
    if n_head < 1 or (d_head is None and d_model % n_head):
        raise ValueError(f"n_head must divide d_model, got d_model={d_model} and n_head={n_head}")
    if n_kv_head < 1 or n_head % n_kv_head:
        raise ValueError(f"n_kv_head must divide n_head, got n_head={n_head} and n_kv_head={n_kv_head}")


def from_dict(cls: type[Config], values: Mapping[str, object], source: str) -> Config:
    """Build a dataclass from parsed JSON, which may omit fields; `source` is named if a field is unknown."""
    known = [field.name for field in fields(cls)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{source} has unknown fields {printable(', '.join(unknown))}; known are {', '.join(known)}")
    return cls(**values)  # its own __post_init__ checks every value
