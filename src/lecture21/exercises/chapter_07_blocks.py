"""Exercises of chapter 07: several heads, and the transformer block."""

import random

import torch
from torch import nn

from lecture21.exercises._exercise import Case, Exercise, normal
from lecture21.exercises._modules import random_weights, with_weights
from lecture21.exercises.chapter_07 import _CausalHead

# 7.3


class _MultiHead(nn.Module):
    """Causal self-attention with several heads.

    `heads` is an `nn.ModuleList` of n_head causal heads, each d_model / n_head wide. `output` is a
    linear map from d_model to d_model, with bias.
    """

    def __init__(self, d_model, n_head):
        super().__init__()
        heads = [_CausalHead(d_model, d_model // n_head) for _ in range(n_head)]
        self.heads = nn.ModuleList(heads)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, x):
        """Concatenate the head outputs, head 0 first, and map them: (B, T, C) -> (B, T, C)."""
        joined = torch.cat([head(x) for head in self.heads], dim=-1)  # (B, T, C)
        return self.output(joined)


def _cases_of(rng: random.Random, module: type[nn.Module]) -> list[Case]:
    def case(about: str, b: int, t: int, c: int, h: int) -> Case:
        return Case((c, h, random_weights(rng, module, c, h), normal(rng, b, t, c)), about)

    t, h, d = rng.randint(4, 6), rng.randint(2, 4), rng.randint(2, 3)
    return [
        case("T = 1 and one head", 1, 1, 2, 1),
        case("T = 3, C = 4, H = 2", 1, 3, 4, 2),
        case(f"B = 2, T = {t}, C = {h * d}, H = {h}", 2, t, h * d, h),
    ]


def _use(answer, d_model, n_head, weights, x):
    return with_weights(answer, (d_model, n_head), weights)(x)


_HEADS = Exercise(
    number="7.3",
    name="MultiHead",
    title="several heads",
    solution=_MultiHead,
    cases=lambda rng: _cases_of(rng, _MultiHead),
    call=_use,
)


@_HEADS.mistake(
    looks="It trains, but each head affects only its own features, and they are never mixed.",
    hint="the outputs of the heads are concatenated, but a step is missing. Which of your layers is never called?",
)
class _without_the_output_map(_MultiHead):
    def forward(self, x):
        return torch.cat([head(x) for head in self.heads], dim=-1)


@_HEADS.mistake(
    looks="The model has too few parameters, and all heads have the same attention map.",
    hint="all your heads are the same module. Does a list times n contain copies or the same object n times?",
)
class _one_head_repeated(_MultiHead):
    def __init__(self, d_model, n_head):
        nn.Module.__init__(self)
        self.heads = nn.ModuleList([_CausalHead(d_model, d_model // n_head)] * n_head)
        self.output = nn.Linear(d_model, d_model)


@_HEADS.mistake(
    looks="It trains equally well, but weights from another implementation give different results.",
    hint="the features of the heads alternate in your result. All features of head 0 come first, then those of head 1.",
)
class _interleaved(_MultiHead):
    def forward(self, x):
        joined = torch.stack([head(x) for head in self.heads], dim=-1).flatten(2)
        return self.output(joined)


@_HEADS.mistake(
    looks="It works alone, but in a block, whose residual connection also adds x, x is added twice.",
    hint="your result contains x itself. The residual connection belongs to the block of the next exercise.",
)
class _adds_its_input(_MultiHead):
    def forward(self, x):
        joined = torch.cat([head(x) for head in self.heads], dim=-1)
        return x + self.output(joined)


# 7.4


class _Block(nn.Module):
    """A pre-norm transformer block: attention, then a feed-forward network.

    `norm_attention` and `norm_feed_forward` are `nn.LayerNorm`s, and `attention` is a `MultiHead`.
    `feed_forward` is an `nn.Sequential` that maps d_model to 4 d_model features, applies ReLU,
    and maps back to d_model.
    """

    def __init__(self, d_model, n_head):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = _MultiHead(d_model, n_head)
        self.norm_feed_forward = nn.LayerNorm(d_model)
        up, down = nn.Linear(d_model, 4 * d_model), nn.Linear(4 * d_model, d_model)
        self.feed_forward = nn.Sequential(up, nn.ReLU(), down)

    def forward(self, x):
        """Add each layer's output for the normalized stream to x: (B, T, C) -> (B, T, C)."""
        x = x + self.attention(self.norm_attention(x))
        return x + self.feed_forward(self.norm_feed_forward(x))


_BLOCK = Exercise(
    number="7.4",
    name="Block",
    title="the block",
    solution=_Block,
    cases=lambda rng: _cases_of(rng, _Block),
    call=_use,
)


@_BLOCK.mistake(
    looks="A post-norm block, as in 2017: the stream is normalized after each sum.",
    hint="you normalize after each sum, as in the 2017 transformer. A pre-norm block leaves the stream unnormalized.",
)
class _post_norm(_Block):
    def forward(self, x):
        x = self.norm_attention(x + self.attention(x))
        return self.norm_feed_forward(x + self.feed_forward(x))


@_BLOCK.mistake(
    looks="The stream after the block contains only the result of the second layer, and the input is lost.",
    hint="the result of your second layer replaces x instead of being added to it.",
)
class _one_residual_missing(_Block):
    def forward(self, x):
        x = x + self.attention(self.norm_attention(x))
        return self.feed_forward(self.norm_feed_forward(x))


@_BLOCK.mistake(
    looks="It trains, but the stream is normalized at each layer, so no signal passes through unchanged.",
    hint="you add to the normalized vectors. The sum starts from the original x, and only the layer's input is "
    "normalized.",
)
class _adds_to_the_normalized(_Block):
    def forward(self, x):
        x = self.norm_attention(x)
        x = x + self.attention(x)
        x = self.norm_feed_forward(x)
        return x + self.feed_forward(x)


@_BLOCK.mistake(
    looks="A parallel block, as in GPT-NeoX: the feed-forward network does not receive the update from attention.",
    hint="both of your layers start from the same x. Which x should the second layer receive?",
)
class _both_layers_at_once(_Block):
    def forward(self, x):
        attended = self.attention(self.norm_attention(x))
        return x + attended + self.feed_forward(self.norm_feed_forward(x))


@_BLOCK.mistake(
    looks="The result is right until the norms are trained, but one of them never receives a gradient.",
    hint="one norm is used twice and the other one never. They are equal at initialization, but training changes them.",
)
class _one_norm_twice(_Block):
    def forward(self, x):
        x = x + self.attention(self.norm_attention(x))
        return x + self.feed_forward(self.norm_attention(x))


@_BLOCK.mistake(
    looks="The block of GPT-2. It trains, but its results differ from those of the book's block.",
    hint="your feed-forward network uses GELU, as that of GPT-2. Which activation does the task name?",
)
class _gelu(_Block):
    def __init__(self, d_model, n_head):
        super().__init__(d_model, n_head)
        self.feed_forward[1] = nn.GELU()
