"""One attention head on a few words: a slider moves a number of its matrices, beside the weights."""

from typing import Any, ClassVar

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from lecture21._support.validation import in_range, require
from lecture21.course.live.figure import Figure
from lecture21.data import worked_example
from lecture21.data.worked_example import W_KEY, W_QUERY, W_VALUE
from lecture21.layers.attention import attention


class Attention(Figure):
    """A head with d = 4 on four words: one number of its matrices is moved with a slider, beside the weights.

    The numbers equal those of `lecture21.attention.attention`.

    Args:
        query: index of the row that is shown step by step.
        scale: by what scores are divided: "root" (of d), "none" or "width" (d).
        role: "query", "key" or "value", whose matrix is shown.
        cell: row and column of the number in it that the slider moves.
        tokens: 2 to 6 words of your own; *the cat sat down* if not given.
        x: their vectors, with four numbers from -9 to 9 for each word.
    """

    figure = "attention"
    description: ClassVar[str] = (
        "One attention head on “the cat sat down”: a slider moves one number of the matrices that make queries, keys "
        "and values, beside the weights. At first, “down” takes most from “sat”: its weights are 0.10, 0.10, 0.71 and "
        "0.10 for “the”, “cat”, “sat” and “down”. Can it find “cat”?"
    )

    query = traitlets.Int(3, min=0, max=5).tag(sync=True)
    scale = traitlets.Enum(("root", "none", "width"), "root").tag(sync=True)
    role = traitlets.Enum(("query", "key", "value"), "query").tag(sync=True)
    cell = traitlets.List([0, 2]).tag(sync=True)
    own = traitlets.Bool(False).tag(sync=True)
    """Whether the words or their vectors are the reader's."""

    tokens = traitlets.List().tag(sync=True)
    x = traitlets.List().tag(sync=True)
    features = traitlets.List().tag(sync=True)
    slots = traitlets.List(list(worked_example.SLOTS)).tag(sync=True)
    value_slots = traitlets.List(list(worked_example.VALUE_SLOTS)).tag(sync=True)
    w_query = traitlets.List(W_QUERY.tolist()).tag(sync=True)
    w_key = traitlets.List(W_KEY.tolist()).tag(sync=True)
    w_value = traitlets.List(W_VALUE.tolist()).tag(sync=True)

    def __init__(
        self,
        *,
        tokens: list[str] | None = None,
        x: Float[Tensor, "T C"] | list[list[float | int]] | None = None,
        **state: Any,
    ) -> None:
        words = list(worked_example.TOKENS) if tokens is None else list(tokens)
        if not (2 <= len(words) <= 6 and all(isinstance(word, str) and 1 <= len(word) <= 12 for word in words)):
            raise ValueError(f"tokens must be 2 to 6 words of 1 to 12 characters, got {words!r}")
        if tokens is not None and x is None:
            raise ValueError("tokens need their vectors: give x as well")
        vectors = torch.as_tensor(worked_example.X if x is None else x, dtype=torch.float64)
        if vectors.shape != (len(words), 4) or not (vectors.abs() <= 9).all():
            raise ValueError(f"x must have 4 numbers from -9 to 9 for each of {len(words)} tokens")
        own = tokens is not None or x is not None
        features = ["1", "2", "3", "4"] if own else list(worked_example.FEATURES)
        start = {"query": len(words) - 1}
        super().__init__(own=own, tokens=words, x=vectors.tolist(), features=features, **start | state)
        require("query", self.query, in_range(0, len(words) - 1, "[]", whole=True))
        if own:
            self.description = _describe(words, vectors, self.query)
        given = {"tokens": tokens, "x": x}
        self._given = state | {name: value for name, value in given.items() if value is not None}

    def fallback_image(self) -> str:
        """Return the name of the picture; words of one's own have none."""
        return "" if self.own else "attention"


def _describe(words: list[str], x: Float[Tensor, "T C"], row: int) -> str:
    q, k, v = (x @ weight.T.double() for weight in (W_QUERY, W_KEY, W_VALUE))
    weights = attention(q, k, v)[1][row].tolist()
    given = ", ".join(f"{weight:.2f} to “{word}”" for word, weight in zip(words, weights, strict=True))
    return f"One attention head on “{' '.join(words)}”: “{words[row]}” gives {given}."
