"""Exercise of chapter 05: the block as a class."""

import random
from functools import partial

from torch import nn

from lecture21.course.exercises.answers.modules import random_weights, with_weights
from lecture21.course.exercises.exercise import Case, Exercise, normal
from lecture21.layers import MultiHeadAttention


class _Block(nn.Module):
    """The two lines of a transformer block.

    `attention` is a module that is given. `norm_attention` and `norm_feed_forward` are
    `nn.LayerNorm`s. The linear maps `up`, from d_model to 4 d_model features, and `down`, back to
    d_model, with a ReLU between them, are the feed-forward network.
    """

    def __init__(self, d_model, attention):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.up = nn.Linear(d_model, 4 * d_model)
        self.down = nn.Linear(4 * d_model, d_model)

    def forward(self, x):
        """Return the stream x, of shape (B, T, C), after both lines of the block."""
        x = x + self.attention(self.norm_attention(x))
        hidden = self.up(self.norm_feed_forward(x)).relu()
        return x + self.down(hidden)


def _made(block, d_model, n_head):
    return block(d_model, MultiHeadAttention(d_model, n_head))


def _cases(rng: random.Random) -> list[Case]:
    def case(about: str, b: int, t: int, c: int, h: int) -> Case:
        return Case((c, h, random_weights(rng, partial(_made, _Block), c, h), normal(rng, b, t, c)), about)

    t, h, d = rng.randint(4, 6), rng.randint(2, 4), rng.randint(2, 3)
    return [
        case("one token and one head", 1, 1, 2, 1),
        case("T = 3, C = 4, H = 2", 1, 3, 4, 2),
        case(f"B = 2, T = {t}, C = {h * d}, H = {h}", 2, t, h * d, h),
    ]


def _use(answer, d_model, n_head, weights, x):
    return with_weights(partial(_made, answer), (d_model, n_head), weights)(x)


_BLOCK = Exercise(
    number="5.0",
    name="Block",
    title="the block",
    solution=_Block,
    cases=_cases,
    call=_use,
    differentiable=("weights", "x"),
    any_device=True,
)

_BLOCK.wrong_lines(
    "attention replaces",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.attention(self.norm_attention(x))
    """,
    hint="the result of attention takes the place of x. In the first line of the block, what is it added to?",
)

_BLOCK.wrong_lines(
    "feed-forward replaces",
    """
    - return x + self.down(hidden)
    + return self.down(hidden)
    """,
    hint="your block returns what the feed-forward network computes, and the stream is lost. Look at the second plus.",
)

_BLOCK.wrong_lines(
    "no plus",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.attention(self.norm_attention(x))
    - return x + self.down(hidden)
    + return self.down(hidden)
    """,
    hint="both layers replace the stream. Where are the two plus signs?",
)

_BLOCK.wrong_lines(
    "adds to the copy",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.norm_attention(x)
    + x = x + self.attention(x)
    """,
    hint="you normalize the stream itself, and add to that. Only the copy that attention reads is normalized.",
)

_BLOCK.wrong_lines(
    "post-norm",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = self.norm_attention(x + self.attention(x))
    - hidden = self.up(self.norm_feed_forward(x)).relu()
    + hidden = self.up(x).relu()
    - return x + self.down(hidden)
    + return self.norm_feed_forward(x + self.down(hidden))
    """,
    hint="you normalize each sum, as the transformer of 2017 does. In the two lines above, what is inside norm(…)?",
)

_BLOCK.wrong_lines(
    "no ReLU",
    """
    - hidden = self.up(self.norm_feed_forward(x)).relu()
    + hidden = self.up(self.norm_feed_forward(x))
    """,
    hint="your hidden features can be negative. What does the task name between `up` and `down`?",
)

_BLOCK.wrong_lines(
    "no norm before the feed-forward network",
    """
    - hidden = self.up(self.norm_feed_forward(x)).relu()
    + hidden = self.up(x).relu()
    """,
    hint="one of your layers is never called: `norm_feed_forward`. Which of the two lines needs it?",
)

_BLOCK.wrong_lines(
    "norms exchanged",
    """
    - x = x + self.attention(self.norm_attention(x))
    + x = x + self.attention(self.norm_feed_forward(x))
    - hidden = self.up(self.norm_feed_forward(x)).relu()
    + hidden = self.up(self.norm_attention(x)).relu()
    """,
    hint="each layer receives the other one's norm. They start equal, but training makes them different.",
)
