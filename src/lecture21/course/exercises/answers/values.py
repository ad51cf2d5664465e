"""What answers return, as plain data: taken apart, compared, and sent from one process to another."""

import base64
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lecture21._support.validation import printable

_LONGEST = 1_000_000  # elements of a tensor, characters of a string
_MOST = 64  # elements of a tuple
# Names that begin with the sound of a vowel: "an int", "an LSTM" and "an ndarray", but "a uint8".
_VOWEL = re.compile(r"(?!(?i:uint|uni|user|uuid))[aeiouAEIOU]|[FHLMNRSX][A-Z]|nd")
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.bool),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
    )
}


@dataclass(frozen=True)
class Unknown:
    """A value that no exercise expects; only its description is kept."""

    kind: str


def to_data(value: Any, depth: int = 3) -> Any:
    """Return a value as None, a number, a string, a tensor, or a tuple or set of these; anything else is Unknown."""
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int:
        return value if value.bit_length() <= 1000 else Unknown("a very large int")
    if type(value) is str:
        return value if len(value) <= _LONGEST else Unknown("a very long string")
    if isinstance(value, Tensor):
        known = value.dtype in _DTYPES.values() and value.layout == torch.strided and value.device.type != "meta"
        if not known or value.numel() > _LONGEST:
            return Unknown(f"a tensor of dtype {value.dtype} and shape {tuple(value.shape)}")
        return torch.empty(value.shape, dtype=value.dtype).copy_(value.detach())
    if isinstance(value, np.bool_ | np.integer | np.floating) or (isinstance(value, np.ndarray) and not value.ndim):
        return to_data(value.item(), depth)
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    if isinstance(value, tuple | list) and depth and len(value) <= _MOST:
        return tuple(to_data(each, depth - 1) for each in value)
    if isinstance(value, set | frozenset) and len(value) <= _MOST:
        members = frozenset(each.item() if isinstance(each, np.integer) else each for each in value)
        return members if all(type(each) in (str, int) for each in members) else Unknown("a set of other values")
    return Unknown(with_article(type(value).__name__))


def scalar(value: Any) -> Any:
    """Return a tensor without dimensions as a number."""
    return value.item() if isinstance(value, Tensor) and value.dim() == 0 else value


def same(expected: Any, got: Any, tolerance: float = 1.0) -> bool:
    """Return whether two plain values are equal, up to rounding; of an unknown value nothing is known.

    `tolerance` multiplies the differences that are allowed between entries of tensors.
    """
    if isinstance(expected, Unknown):
        return False
    if isinstance(expected, Tensor):
        if not isinstance(got, Tensor) or got.shape != expected.shape or got.dtype != expected.dtype:
            return False
        return not wrong_entries(expected, got, tolerance).any()
    if isinstance(expected, tuple):
        pairs = zip(expected, got, strict=True) if isinstance(got, tuple) and len(got) == len(expected) else None
        return pairs is not None and all(same(*pair, tolerance) for pair in pairs)
    got = scalar(got)
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, int | float):
        if not isinstance(got, int | float) or (isinstance(expected, int) and isinstance(got, float)):
            return False
        close = math.isclose(expected, got, rel_tol=1e-4, abs_tol=1e-9)
        return close or (math.isnan(expected) and math.isnan(got))
    return type(expected) is type(got) and expected == got


def wrong_entries(expected: Tensor, got: Tensor, tolerance: float = 1.0) -> Tensor:
    """Return where two tensors of the same shape and dtype differ by more than rounding."""
    if not expected.is_floating_point():
        return expected != got
    # A square root that is taken in float32, as torch.tensor(5.0).sqrt(), is no mistake, and off by 1e-7.
    rtol = 1e-6 if expected.dtype == torch.float64 else 1e-4
    return ~torch.isclose(got, expected, rtol=tolerance * rtol, atol=tolerance * 1e-6, equal_nan=True)


def with_article(name: str) -> str:
    """Return the name of a type with its article."""
    return f"{'an' if _VOWEL.match(name) else 'a'} {printable(name, limit=40)}"


def encode(value: Any) -> Any:
    """Return a plain value as data for JSON."""
    if isinstance(value, Tensor):
        data = base64.b64encode(value.reshape(-1).view(torch.uint8).numpy().tobytes()).decode()
        return {"tensor": str(value.dtype).removeprefix("torch."), "shape": list(value.shape), "data": data}
    if isinstance(value, tuple):
        return {"tuple": [encode(each) for each in value]}
    if isinstance(value, frozenset):
        return {"set": sorted(value, key=str)}
    if isinstance(value, Unknown):
        return {"unknown": value.kind}
    return {"value": value}


def decode(data: Any) -> Any:
    """Return the plain value that `encode` wrote; data of any other form is Unknown."""
    try:
        return _decode(data, 4)
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, OverflowError, AttributeError):
        return Unknown("something unreadable")


def _decode(data: Any, depth: int) -> Any:
    (key,) = data.keys() - {"shape", "data"}
    content = data[key]
    if key == "tensor":
        dtype, shape = _DTYPES[content], [int(size) for size in data["shape"]]
        raw = bytearray(base64.b64decode(data["data"], validate=True))
        if any(size < 0 for size in shape) or math.prod(shape) * dtype.itemsize != len(raw):
            raise ValueError
        if not raw:
            return torch.empty(shape, dtype=dtype)
        if dtype == torch.bool and any(byte > 1 for byte in raw):
            raise ValueError
        return torch.frombuffer(raw, dtype=dtype).reshape(shape).clone()
    if key == "tuple" and depth and len(content) <= _MOST:
        return tuple(_decode(each, depth - 1) for each in content)
    if key == "set" and len(content) <= _MOST:
        return to_data(frozenset(content))
    if key == "unknown":
        return Unknown(printable(str(content), limit=80))
    if key == "value" and (content is None or type(content) in (bool, int, float, str)):
        return to_data(content)
    raise ValueError
