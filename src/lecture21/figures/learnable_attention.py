"""One attention head as a calculation on a few short vectors."""

import math
from collections.abc import Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from lecture21.attention import attention
from lecture21.figures.basic_self_attention import _pairs, _panels, _table
from lecture21.figures.style import TEXT_COLOURS


def head_steps(
    q: Float[Tensor, "T D"],
    k: Float[Tensor, "T D"],
    v: Float[Tensor, "T Dv"],
    tokens: Sequence[str],
    *,
    slots: Sequence[str] | None = None,
    value_slots: Sequence[str] | None = None,
) -> dict[str, Axes]:
    """Draw scaled dot-product attention with all its numbers.

    Args:
        q: queries.
        k: keys.
        v: values.
        tokens: names of the rows.
        slots: names of the columns of `q` and `k`; numbers from 1 by default.
        value_slots: names of the columns of `v`; numbers from 1 by default.

    Returns:
        The axes "q", "k", "scores", "weights", "v" and "output".
    """
    out, weights = attention(q, k, v)
    slots = [str(c + 1) for c in range(q.shape[1])] if slots is None else slots
    value_slots = [str(c + 1) for c in range(v.shape[1])] if value_slots is None else value_slots
    names = ("q", "k", "scores", "weights", "v", "output")
    axes = dict(zip(names, _panels(3, tokens, max(slots, value_slots, key=len)), strict=True))
    _table(axes["q"], q, tokens, slots, "1. queries: what I look for", TEXT_COLOURS["query"])
    _table(axes["k"], k, tokens, slots, "2. keys: what I offer", TEXT_COLOURS["key"])
    _pairs(axes["scores"], q @ k.T / math.sqrt(q.shape[1]), tokens, "3. scores: q·k / √d")
    _pairs(axes["weights"], weights, tokens, "4. weights: rows sum to 1", weights=True)
    _table(axes["v"], v, tokens, value_slots, "5. values: what I hand over", TEXT_COLOURS["value"])
    _table(axes["output"], out, tokens, value_slots, "6. output: weights × values", TEXT_COLOURS["output"], ".2f")
    return axes
