"""Exercise of chapter 05: the pre-norm block."""

import random

import torch
from torch import Tensor, nn

from lecture21.exercises._exercise import Case, Exercise, normal

# 5.2


class _Block(nn.Module):
    """A pre-norm transformer block.

    The layers `attention` and `feed_forward` map (B, T, C) to (B, T, C). Store them under these
    names, and create two norms `nn.LayerNorm(d_model)`, `norm_attention` and `norm_feed_forward`.
    """

    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        """Return `x` after two updates, each computed by a layer from the normalized stream."""
        x = x + self.attention(self.norm_attention(x))
        return x + self.feed_forward(self.norm_feed_forward(x))


class _Mixed(nn.Module):
    """A stand-in for attention: each output is a weighted sum of the tokens."""

    def __init__(self, weights: Tensor):
        super().__init__()
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        return self.weights @ x


class _Transformed(nn.Module):
    """A stand-in for the feed-forward network: each token is mapped separately."""

    def __init__(self, matrix: Tensor):
        super().__init__()
        self.matrix = matrix

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.matrix).relu()


@torch.no_grad()
def _use_block(answer, x: Tensor, mixing: Tensor, matrix: Tensor, gains: Tensor) -> Tensor:
    """Build a block, give its norms the gains, and apply it."""
    block = answer(x.shape[-1], _Mixed(mixing), _Transformed(matrix))
    for name in ("attention", "feed_forward", "norm_attention", "norm_feed_forward"):
        if not isinstance(getattr(block, name, None), nn.Module):
            raise AttributeError(f"the next cell copies weights by name, and the block has no layer `{name}`")
    block.norm_attention.weight.copy_(gains[0])
    block.norm_feed_forward.weight.copy_(gains[1])
    return block(x)


def _block_cases(rng: random.Random) -> list[Case]:
    def case(b: int, t: int, c: int) -> Case:
        arguments = (normal(rng, b, t, c), normal(rng, t, t).tril(), normal(rng, c, c), normal(rng, 2, c))
        return Case(arguments, f"B = {b}, T = {t}, C = {c}")

    return [case(1, 1, 3), case(1, 2, 4), case(2, rng.randint(3, 5), rng.randint(5, 8))]


_BLOCK = Exercise(
    number="5.2",
    name="Block",
    title="a pre-norm block",
    solution=_Block,
    cases=_block_cases,
    call=_use_block,
)


@_BLOCK.mistake(
    looks="A post-norm block, as in 2017. Small models train equally well, but each norm rescales the stream itself.",
    hint="you normalize the sum, which is the post-norm block of 2017. Normalize the input of each layer, and leave "
    "the stream itself unchanged.",
)
class _PostNorm(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        x = self.norm_attention(x + self.attention(x))
        return self.norm_feed_forward(x + self.feed_forward(x))


@_BLOCK.mistake(
    looks="With four blocks, the loss stays at that of character frequencies, whatever the learning rate.",
    hint="your output contains only what the layers compute. What happens to the x that came in?",
)
class _NoResidual(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        x = self.attention(self.norm_attention(x))
        return self.feed_forward(self.norm_feed_forward(x))


@_BLOCK.mistake(
    looks="It trains, but weights from another program give other logits, because one of the two norms is never used.",
    hint="only one of your norms is used, although each layer has its own. Which norm comes before the second layer?",
)
class _OneNormTwice(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        x = x + self.attention(self.norm_attention(x))
        return x + self.feed_forward(self.norm_attention(x))


@_BLOCK.mistake(
    looks="A parallel block, as in GPT-NeoX: the feed-forward layer does not receive the update from attention.",
    hint="your feed-forward layer receives the x from before attention. Which x should it transform?",
)
class _Parallel(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        return x + self.attention(self.norm_attention(x)) + self.feed_forward(self.norm_feed_forward(x))


@_BLOCK.mistake(
    looks="The residual connection starts after the norm, so that every block rescales the stream.",
    hint="you add the output to the normalized x. Does the stream itself pass through your norms?",
)
class _AddedToTheNormalized(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        x = self.norm_attention(x)
        x = x + self.attention(x)
        x = self.norm_feed_forward(x)
        return x + self.feed_forward(x)


@_BLOCK.mistake(
    looks="The update from attention reaches the stream only through the feed-forward layer.",
    hint="your second line adds to the x from before attention, so the first update is lost. What is x after the "
    "first line?",
)
class _SecondLineFromTheFirst(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        y = x + self.attention(self.norm_attention(x))
        return x + self.feed_forward(self.norm_feed_forward(y))


@_BLOCK.mistake(
    looks="It trains a little worse; the feed-forward layer replaces the stream instead of updating it.",
    hint="your second line returns the output of the feed-forward layer alone. What is it added to?",
)
class _OneResidual(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        x = x + self.attention(self.norm_attention(x))
        return self.feed_forward(self.norm_feed_forward(x))


@_BLOCK.mistake(
    looks="Each update has the same size, whatever the layer computes, and the layers receive the unnormalized stream.",
    hint="you normalize what the layers return. In a pre-norm block, a norm is applied to what a layer receives.",
)
class _NormOfTheUpdate(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        x = x + self.norm_attention(self.attention(x))
        return x + self.norm_feed_forward(self.feed_forward(x))
