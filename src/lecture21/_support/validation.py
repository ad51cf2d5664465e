"""Rules for numbers and words, whatever type they come in, and the error of a value that breaks one.

Values come from callers, a command line or a JSON file. Nothing here needs torch; `contract` declares rules where a
parameter or a field is.
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, NamedTuple, TypeVar

Config = TypeVar("Config")


def printable(text: str, limit: int = 200) -> str:
    """Return text that is safe on a terminal: control characters escaped, and the middle left out if it is long."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}...{text[-limit // 4 :]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class Rule(NamedTuple):
    """What is allowed, in words, and whether a value is, given the sizes of the letters in a call's shapes."""

    words: str
    holds: Callable[[Any, dict[str, object]], bool]
    says_kind: bool = False
    """Whether the words say of which type a value is."""

    def __repr__(self) -> str:
        return self.words


def in_range(low: int | float, high: int | float = math.inf, ends: str = "[)", *, whole: bool = False) -> Rule:
    """Return the rule of numbers from `low` to `high`; a round bracket in `ends` leaves that end out.

    A bool is no number, and only a range that ends with "]" at infinity has it.
    """
    kind, noun, (left, right) = Integral if whole else Real, "a whole number" if whole else "a number", ends
    if high < math.inf:
        first, last = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (low, high))
        words = f"{noun} from {first} to {last}" if ends == "[]" else f"{noun} in {left}{first}, {last}{right}"
    elif low > -math.inf:
        words = "a positive number" if (low, left) == (0, "(") else f"{noun} {'>=' if left == '[' else '>'} {low}"
    else:
        words = noun
    least, most = (low, high) if whole else (max(low, -sys.float_info.max), high)
    if not whole and high == math.inf and right == ")":
        most, right = sys.float_info.max, "]"  # no float is equal to an integer beyond it

    def holds(value: object, _: dict[str, object]) -> bool:
        if isinstance(value, bool) or not isinstance(value, kind):
            return False
        above = least < value if left == "(" else least <= value
        return bool(above and (value < most if right == ")" else value <= most))  # of numpy's numbers too

    return Rule(words, holds, says_kind=True)


WHOLE = in_range(1, whole=True)


def one_of(words: Iterable[str]) -> Rule:
    """Return the rule of a word that is one of these."""
    words = tuple(words)
    return Rule(
        f"one of {', '.join(words)}", lambda value, _: isinstance(value, str) and value in words, says_kind=True
    )


def require(name: str, value: object, rule: Rule) -> None:
    """Raise ValueError, with the name, what is allowed and the value, unless the rule holds."""
    if not rule.holds(value, {}):
        raise ValueError(f"{name} must be {rule.words}, got {printable(repr(value))}")


def require_heads(d_model: int, n_head: int, n_kv_head: int, d_head: int | None = None) -> None:
    """Raise ValueError unless the heads divide the width, or have their own, and the key/value heads the heads."""
    if d_head is None and d_model % n_head:
        raise ValueError(f"n_head must divide d_model, got d_model={d_model} and n_head={n_head}")
    if n_head % n_kv_head:
        raise ValueError(f"n_kv_head must divide n_head, got n_head={n_head} and n_kv_head={n_kv_head}")


def from_dict(cls: type[Config], values: Mapping[str, object], source: str) -> Config:
    """Build a dataclass from parsed JSON, which may omit fields; `source` is named if a field is unknown."""
    known = [field.name for field in fields(cls)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{source} has unknown fields {printable(', '.join(unknown))}; known are {', '.join(known)}")
    return cls(**values)  # which checks every value
