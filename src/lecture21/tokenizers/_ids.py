"""A sequence of token ids, checked."""

import operator
from collections.abc import Iterable, Iterator

from jaxtyping import Int
from torch import Tensor


def check_each(ids: Iterable[int], vocab_size: int) -> Iterator[int]:
    """Yield the ids; raise ValueError at the first one outside the vocabulary."""
    for position, i in enumerate(ids):
        try:
            known = 0 <= operator.index(i) < vocab_size  # a negative index would silently count from the end
        except TypeError:  # a fraction, a word or several ids
            known = False
        if not known:
            raise ValueError(f"id {i!r} at {position} is outside the vocabulary: 0 to {vocab_size - 1}")
        yield i


def check_sequence(ids: Iterable[int] | Int[Tensor, " T"], vocab_size: int) -> list[int]:
    """Return one sequence as a list; raise ValueError for an unknown id, or a tensor of several sequences."""
    if isinstance(ids, Tensor):
        if ids.dim() != 1:
            raise ValueError(f"decode takes one sequence of ids, got a tensor of shape {tuple(ids.shape)}")
        ids = ids.tolist()  # iterating over a tensor would make a tensor of every id
    return list(check_each(ids, vocab_size))
