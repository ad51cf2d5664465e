"""Exercise 7.9: all heads in one product, equal to the heads of exercise 7.6."""

import torch.nn.functional as F
from torch import nn

from lecture21.course.chapters.c07_write_a_gpt.exercises import heads_cases, use_heads
from lecture21.course.exercises.exercise import Exercise


class _FusedHeads(nn.Module):
    """Causal self-attention with several heads, all of them computed at once.

    `qkv` is one linear map from d_model to 3 d_model features, without bias. Of its
    results, the first d_model features are the queries of all heads, head 0 first;
    the keys follow, then the values. `output` is as in MultiHead.
    """

    def __init__(self, d_model, n_head):
        super().__init__()
        self.n_head = n_head
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x):
        """Map x, (B, T, C), to (B, T, C), with one call of F.scaled_dot_product_attention."""
        b, t, c = x.shape
        parts = self.qkv(x).view(b, t, 3, self.n_head, c // self.n_head)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        joined = mixed.transpose(1, 2).reshape(b, t, c)
        return self.output(joined)


_EXERCISE = Exercise(
    number="7.9",
    name="FusedHeads",
    title="all heads at once",
    solution=_FusedHeads,
    cases=lambda rng: heads_cases(rng, _FusedHeads),
    call=use_heads,
    differentiable=("weights", "x"),
    any_device=True,
)

_EXERCISE.wrong_lines(
    "not causal",
    """
    - mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    + mixed = F.scaled_dot_product_attention(q, k, v)
    """,
    hint="tokens depend on later ones. Which argument of the function is False unless you say otherwise?",
)

_EXERCISE.wrong_lines(
    "scaled twice",
    """
    - mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    + mixed = F.scaled_dot_product_attention(q / q.shape[-1] ** 0.5, k, v, is_causal=True)
    """,
    hint="your scores are divided by the root of D twice. What does `scaled` in the function's name mean?",
)

_EXERCISE.wrong_lines(
    "heads before tokens",
    """
    - parts = self.qkv(x).view(b, t, 3, self.n_head, c // self.n_head)
    + parts = self.qkv(x).view(b, 3, self.n_head, t, c // self.n_head)
    - q, k, v = parts.permute(2, 0, 3, 1, 4)
    + q, k, v = parts.permute(1, 0, 2, 3, 4)
    """,
    hint="your view takes features of one token for other tokens. A view keeps the order in memory: T comes before "
    "what the features are split into, and another call then moves H forward.",
)

_EXERCISE.wrong_lines(
    "joined without transposing",
    """
    - joined = mixed.transpose(1, 2).reshape(b, t, c)
    + joined = mixed.reshape(b, t, c)
    """,
    hint="the heads are joined in the order (B, H, T, D). Which dimension must be beside D before they are merged?",
)

_EXERCISE.wrong_lines(
    "three parts of each head",
    """
    - parts = self.qkv(x).view(b, t, 3, self.n_head, c // self.n_head)
    + parts = self.qkv(x).view(b, t, self.n_head, 3, c // self.n_head)
    - q, k, v = parts.permute(2, 0, 3, 1, 4)
    + q, k, v = parts.permute(3, 0, 2, 1, 4)
    """,
    hint="you split the features into heads first, and each head into its three parts. Which comes first in `qkv`?",
)

_EXERCISE.wrong_lines(
    "keys first",
    """
    - q, k, v = parts.permute(2, 0, 3, 1, 4)
    + k, q, v = parts.permute(2, 0, 3, 1, 4)
    """,
    hint="queries and keys are exchanged. In which order does `qkv` hold them?",
)

_EXERCISE.wrong_lines(
    "without the output map",
    """
    - return self.output(joined)
    + return joined
    """,
    hint="the heads are joined, but a step is missing. Which of your layers is never called?",
)
