"""The attention weights of the worked example."""

import functools

import torch

from lecture21.attention import attention, basic_self_attention, causal_mask
from lecture21.data.worked_example import W_KEY, W_QUERY, W_VALUE, X

THE, CAT, SAT, DOWN = range(4)


@functools.cache
def example() -> dict[str, torch.Tensor]:
    """The attention weights of the worked example: without matrices, and with W_QUERY, W_KEY and W_VALUE."""
    q, k, v = X @ W_QUERY.T, X @ W_KEY.T, X @ W_VALUE.T
    scores, future = q @ k.T / 2, ~causal_mask(4)
    return {
        "basic": basic_self_attention(X)[1],
        "unmasked": attention(q, k, v)[1],
        "masked": attention(q, k, v, causal_mask(4))[1],
        "zero": scores.masked_fill(future, 0.0).softmax(dim=-1),
    }
