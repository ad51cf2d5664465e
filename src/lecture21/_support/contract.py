"""What a parameter or a field takes is its annotation, such as `n_new: Natural`; `checked` holds every caller to it.

    @checked
    def generate(model, ids: Int[Tensor, "B T"], n_new: Natural, *, temperature: Positive = 1.0, greedy: bool = False):

A wrong value gets a ValueError before anything is computed: "temperature must be a positive number, got -1". A number
is finite unless its range says otherwise, a bool is no number, and a letter such as B is one size throughout a call.
"""

import functools
import inspect
import math
import re
import types
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import jaxtyping
import numpy as np
import torch
from torch import Tensor, nn

from lecture21._support.validation import WHOLE, Rule, in_range, printable

Target = TypeVar("Target", bound=Callable[..., Any])

Natural = Annotated[int, in_range(0, whole=True)]
Count = Annotated[int, WHOLE]
Seed = Annotated[int, in_range(0, 2**63, whole=True)._replace(words="a whole number from 0 to 2 ** 63 - 1")]
Positive = Annotated[int | float, in_range(0, ends="()")]
NonNegative = Annotated[int | float, in_range(0)]
Probability = Annotated[int | float, in_range(0, 1, "[]")]
Share = Annotated[int | float, in_range(0, 1, "(]")]  # a part, at most all
Rate = Annotated[int | float, in_range(0, 1)]  # of dropping or decaying, never all
NOT_EMPTY = Rule("not empty", lambda value, _: (value.numel() if isinstance(value, Tensor) else len(value)) > 0)
# On the CPU: elsewhere the check would wait for the device.
FINITE = Rule("finite", lambda value, _: value.device.type != "cpu" or bool(value.isfinite().all()))

_PLAIN: dict[object, Rule] = {
    int: in_range(-math.inf, whole=True),
    float: in_range(-math.inf),
    bool: Rule("true or false", lambda value, _: isinstance(value, bool)),
    str: Rule("text", lambda value, _: isinstance(value, str)),
    type(None): Rule("None", lambda value, _: value is None),
}
_KINDS: dict[str, tuple[str, Callable[[Tensor], bool]]] = {
    "Float": ("floating-point numbers", Tensor.is_floating_point),
    "Int": ("integers", lambda x: not (x.is_floating_point() or x.is_complex() or x.dtype == torch.bool)),
    "Bool": ("boolean", lambda x: x.dtype == torch.bool),
    "Num": ("numbers", lambda x: x.dtype != torch.bool),
}


@functools.cache
def rule_of(annotation: Any) -> Rule | None:
    """Return what an annotation allows, or None if that is not checked."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Annotated:
        kind, *rules = args
        if not rules[0].says_kind and rule_of(kind):
            rules.insert(0, rule_of(kind))
        return _join(", ", rules, all)
    if origin in (Union, types.UnionType):
        rules = [rule_of(arg) for arg in args if arg is not int or float not in args]
        return None if None in rules else _join(" or ", rules, any)
    if isinstance(annotation, type) and issubclass(annotation, jaxtyping.AbstractArray):
        return _shaped(annotation)
    kind = origin or annotation
    if not isinstance(kind, type) or kind is object or getattr(kind, "_is_protocol", False):
        return None
    if kind is Callable:
        return Rule("a function", lambda value, _: callable(value))
    own = issubclass(kind, nn.Module) and kind.__module__.startswith("lecture21.")
    kind = nn.Module if own else tuple | list if kind in (tuple, list) else kind
    items = [rule_of(arg) for arg in args if arg is not Ellipsis]
    if not items or None in items or not issubclass(origin, Sequence):
        return Rule(f"a {getattr(kind, '__name__', 'tuple')}", lambda value, _: isinstance(value, kind))
    n = len(items) if origin is tuple and Ellipsis not in args else None
    return Rule(
        f"{'a sequence' if n is None else f'{n} values'}, each {items[0].words}",
        lambda value, sizes: (
            isinstance(value, kind)
            and n in (None, len(value))
            and all(items[0 if n is None else i].holds(item, sizes) for i, item in enumerate(value))
        ),
    )


def _join(word: str, rules: Sequence[Rule], how: Callable[..., bool]) -> Rule:
    return Rule(word.join(r.words for r in rules), lambda value, sizes: how(r.holds(value, sizes) for r in rules))


def _shaped(annotation: Any) -> Rule:
    """Return the rule of a tensor whose annotation gives its kind and shape."""
    noun, is_kind = _KINDS[annotation.dtype.__name__]
    dims = annotation.dim_str.split()
    several = next((i for i, dim in enumerate(dims) if dim[0] in "*."), None)
    places = [(i if several is None or i < several else i - len(dims), dim) for i, dim in enumerate(dims)]
    fixed = [(i, int(dim)) for i, dim in places if dim.isdigit()]
    # What is computed (P+N) or broadcasts as a whole (*#B) has no letter; what broadcasts alone (#T) may be 1.
    letters = [(i, dim.strip("#"), dim[0] == "#") for i, dim in places if dim.strip("#").isalpha()]
    if several is not None and dims[several][1:].isalpha():
        letters.append((slice(several, several + 1 - len(dims) or None), dims[several], False))
    least, most = (len(dims), len(dims)) if several is None else (len(dims) - 1, math.inf)

    def holds(x: object, sizes: dict[str, object]) -> bool:
        if not isinstance(x, Tensor) or not is_kind(x):
            return False
        shape = tuple(x.shape)  # comparing slices of a torch.Size takes 20 times as long
        if not least <= len(shape) <= most:
            return False
        for i, letter, broadcasts in letters:
            if not (broadcasts and shape[i] == 1) and sizes.setdefault(letter, shape[i]) != shape[i]:
                return False
        return not fixed or all(shape[i] == size for i, size in fixed)

    return Rule(f"{noun} of shape ({', '.join(dims)})", holds)


def checked(target: Target) -> Target:
    """Raise ValueError for an argument that its annotation does not allow, or for a field of a dataclass.

    Defaults are not checked, nor anything in a function that `torch.compile` compiles.
    """
    if not isinstance(target, type):
        return _hold(target, target.__annotations__)
    make = _hold(target.__init__, {field.name: field.type for field in fields(target)})

    @functools.wraps(make)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in kwargs.items()}
        make(self, *(value.item() if isinstance(value, np.generic) else value for value in args), **plain)

    target.__init__ = init
    return target


def _hold(function: Callable[..., Any], annotations: dict[str, Any]) -> Callable[..., Any]:
    rules = {name: rule for name, kind in annotations.items() if name != "return" and (rule := rule_of(kind))}
    holds = {name: rule.holds for name, rule in rules.items()}
    names = tuple(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not torch.compiler.is_compiling():
            sizes: dict[str, object] = {}
            for given in (zip(names, args, strict=False), kwargs.items()):
                for name, value in given:
                    if name in holds and not holds[name](value, sizes):
                        raise ValueError(_refusal(name, rules[name], value, sizes))
        return function(*args, **kwargs)

    return call


def _refusal(name: str, rule: Rule, value: object, sizes: dict[str, object]) -> str:
    letters = dict.fromkeys(re.findall(r"[*\w]+", rule.words.partition(" of shape ")[2]))
    known = ", ".join(f"{letter} = {sizes[letter]}" for letter in letters if isinstance(sizes.get(letter), int))
    return f"{name} must be {rule.words}{known and f', where {known}'}, got {describe(value)}"


def describe(value: object) -> str:
    """Return a value as an error shows it: a tensor by its type and shape, and the first number that is not finite."""
    if not isinstance(value, Tensor):
        return printable(repr(value))
    wrong = value[~value.isfinite()] if value.is_floating_point() else ()
    return f"{value.dtype} of shape {tuple(value.shape)}" + (f" with {wrong[0]}" if len(wrong) else "")
