"""Attention playground: every number of a small attention layer, in three levels."""

from typing import Any, ClassVar

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from lecture21._support.validation import in_range, require
from lecture21.course.live.figure import Figure
from lecture21.data import worked_example
from lecture21.layers.attention import basic_self_attention

_DESCRIPTIONS = {
    1: (
        "Basic self-attention on “the cat sat down”: the vectors of the four words in a plane, their dot "
        "products as scores, the softmax of each row as weights, and the outputs. Row “sat” has the scores 0, 1, 2, 2, "
        "the weights 0.05, 0.15, 0.40, 0.40 and the output (0.35, 0.55, 1.20, 0.05)."
    ),
    2: (
        "One attention head on “the cat sat down”: a slider moves one number of the matrices that make queries, keys "
        "and values, beside the weights. At first, “down” takes most from “sat”: its weights are 0.10, 0.10, 0.71 and "
        "0.10 for “the”, “cat”, “sat” and “down”. Can it find “cat”?"
    ),
    3: (
        "One attention head with the causal mask on “the cat sat down”: the scores of later words are −∞, their "
        "weights are 0, every row sums to 1, and each output depends on its own word and earlier ones only."
    ),
}
_MASKS = ("causal", "none", "high", "low", "late", "transposed", "window", "prefix")


class Attention(Figure):
    """An attention layer with d = 4 on four words, with every number shown and open to change.

    Level 1 has no weights (chapter 02): drag the vectors of the words. Level 2 adds the matrices for queries, keys
    and values, and the scale (chapter 03). Level 3 adds masks, correct and wrong, and shows
    which words each output depends on (chapter 04). The numbers equal those of `lecture21.layers.attention`.

    Args:
        level: 1, 2 or 3.
        query: index of the row that is shown step by step.
        role: "query", "key" or "value", whose matrix is shown in level 2.
        cell: row and column of the number in it that the slider moves.
        heads: 1, 2 or 4, in level 3.
        mask: "causal", "none", "high" or "low" (the diagonal shifted by one), "late" (applied after the softmax),
            "transposed", "window" or "prefix" (of size 2).
        tokens: 2 to 6 words of your own; *the cat sat down* if not given.
        x: their vectors, with four numbers from -9 to 9 for each word.
    """

    figure = "attention"
    description: ClassVar[str] = _DESCRIPTIONS[1]

    level = traitlets.Enum((1, 2, 3), 1).tag(sync=True)
    query = traitlets.Int(2, min=0, max=5).tag(sync=True)
    heads = traitlets.Enum((1, 2, 4), 1).tag(sync=True)
    mask = traitlets.Enum(_MASKS, "causal").tag(sync=True)
    scale = traitlets.Enum(("root", "none", "width"), "root").tag(sync=True)
    head = traitlets.Int(0, min=0, max=3).tag(sync=True)
    role = traitlets.Enum(("query", "key", "value"), "query").tag(sync=True)
    cell = traitlets.List([0, 2]).tag(sync=True)
    across = traitlets.Int(0, min=0, max=3).tag(sync=True)
    up = traitlets.Int(2, min=0, max=3).tag(sync=True)
    own = traitlets.Bool(False).tag(sync=True)
    """Whether the words or their vectors are the reader's."""

    tokens = traitlets.List().tag(sync=True)
    x = traitlets.List().tag(sync=True)
    features = traitlets.List().tag(sync=True)
    slots = traitlets.List(list(worked_example.SLOTS)).tag(sync=True)
    value_slots = traitlets.List(list(worked_example.VALUE_SLOTS)).tag(sync=True)
    w_query = traitlets.List(worked_example.W_QUERY.tolist()).tag(sync=True)
    w_key = traitlets.List(worked_example.W_KEY.tolist()).tag(sync=True)
    w_value = traitlets.List(worked_example.W_VALUE.tolist()).tag(sync=True)
    w_output = traitlets.List(torch.eye(4).tolist()).tag(sync=True)

    def __init__(
        self,
        level: int = 1,
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
        start = {"query": 0 if level == 3 or own else level + 1, "up": 1 if own else 2}
        features = ["1", "2", "3", "4"] if own else list(worked_example.FEATURES)
        super().__init__(level=level, own=own, tokens=words, x=vectors.tolist(), features=features, **start | state)
        require("query", self.query, in_range(0, len(words) - 1, "[]", whole=True))
        self.description = _describe(words, vectors, self.query) if own else _DESCRIPTIONS[level]
        given = {"tokens": tokens, "x": x}
        self._given = {"level": level} | state | {name: value for name, value in given.items() if value is not None}

    def fallback_image(self) -> str:
        """Return the name of the picture of this level; words of one's own have none."""
        return "" if self.own else f"attention-{self.level}"


def _describe(words: list[str], x: Float[Tensor, "T C"], row: int) -> str:
    weights = basic_self_attention(x)[1][row].tolist()
    given = ", ".join(f"{weight:.2f} to “{word}”" for word, weight in zip(words, weights, strict=True))
    return f"Self-attention on “{' '.join(words)}”. Without matrices, “{words[row]}” gives {given}."
