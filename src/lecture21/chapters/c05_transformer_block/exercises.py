"""Exercises of chapter 05: LayerNorm and the pre-norm block."""

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from lecture21.exercises.exercise import Case, Exercise, normal

# 5.1


def _layer_norm(x, gain, bias):
    """Apply LayerNorm to `x`, a tensor of shape (T, C), normalizing each token separately.

    Subtract the mean of the token's C features and divide by sqrt(variance + 1e-5), where the
    variance is the mean of the squared deviations. Then multiply by `gain` and add `bias`, both
    of shape (C,). The result has their dtype and passes gradients back to all three.
    """
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


def _norm_cases(rng: random.Random) -> list[Case]:
    t, c = rng.randint(3, 5), rng.randint(4, 8)
    double = partial(normal, rng, dtype=torch.float64)  # exact gradients where the variance is small
    constant = double(3, c)
    constant[1] = 2.0
    one, zero = torch.ones(c), torch.zeros(c)
    return [
        Case((normal(rng, 1, 2), torch.ones(2), torch.zeros(2)), "T = 1, C = 2"),
        Case((3 * normal(rng, t, c) + 5, one, zero), f"shape ({t}, {c}), mean near 5"),
        Case((0.003 * double(t, c), one.double(), zero.double()), "float64, variances near 1e-5"),
        Case((normal(rng, t, t), normal(rng, t), normal(rng, t)), f"shape ({t}, {t}), random gain and bias"),
        Case((constant, double(c), double(c)), "a token whose features are all equal"),
        Case((double(t, c) + 1000, double(c), double(c)), "float64, mean near 1000"),
    ]


def _plain(arguments: tuple[Tensor, ...]) -> bool:
    return bool((arguments[1] == 1).all() and (arguments[2] == 0).all())


def _share(x: Tensor) -> Tensor:
    """Return the part of each token's variance in variance + 1e-5: the mean square after LayerNorm."""
    variance = x.var(dim=-1, correction=0)
    return variance / (variance + 1e-5)


def _normalized(arguments: tuple[Tensor, ...], result: Tensor) -> Tensor:
    return (result - arguments[2]) / arguments[1]


_NORM = Exercise(
    number="5.1",
    name="layer_norm",
    title="LayerNorm",
    solution=_layer_norm,
    cases=_norm_cases,
    differentiable=("x", "gain", "bias"),
    properties=(
        ("no entry may be NaN", lambda arguments, result: not result.isnan().any()),
        (
            "with gain 1 and bias 0, each token must have the mean 0",
            lambda arguments, result: not _plain(arguments) or bool((result.mean(dim=-1).abs() < 1e-3).all()),
        ),
        (
            "with gain 1 and bias 0, the mean of each token's squares must be close to 1, or variance / (variance + "
            "1e-5) for a small variance",
            lambda arguments, result: (
                not _plain(arguments) or torch.allclose(result.square().mean(dim=-1), _share(arguments[0]), atol=1e-3)
            ),
        ),
        (
            "subtract `bias` from your result, divide by `gain`, and each token must have the mean 0. Which of the two "
            "do you apply first, and how?",
            lambda arguments, result: bool((_normalized(arguments, result).mean(dim=-1).abs() < 1e-2).all()),
        ),
    ),
)


@_NORM.mistake(
    symptom="Training works, but evaluation on a single token gives zeros. Each token depends on all others.",
    hint="you normalize each feature over the tokens, so a token depends on the others. Which dimension of x holds the "
    "features of one token?",
)
def _over_tokens(x, gain, bias):
    deviation = x - x.mean(dim=0, keepdim=True)
    variance = deviation.square().mean(dim=0, keepdim=True)
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    symptom="The mean of all numbers is 0, but single tokens are not normalized, and each depends on all others.",
    hint="you compute one mean and one variance for all tokens together. Each token needs its own.",
)
def _over_everything(x, gain, bias):
    deviation = x - x.mean()
    variance = deviation.square().mean()
    return deviation / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    symptom="The result is too small by the factor sqrt((C - 1) / C), so weights from another program give other "
    "logits.",
    hint="your variance divides by C - 1, as torch's var() and std() do by default. Here it is the mean of C squares.",
)
def _unbiased(x, gain, bias):
    variance = x.var(dim=-1, keepdim=True)
    return (x - x.mean(dim=-1, keepdim=True)) / (variance + 1e-5).sqrt() * gain + bias


@_NORM.mistake(
    symptom="Large inputs become tiny and small ones huge: the scale is inverted instead of removed.",
    hint="if the input is multiplied by 10, your result becomes 10 times smaller, but it should not change. Which "
    "function undoes the squares?",
)
def _divided_by_the_variance(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5) * gain + bias


@_NORM.mistake(
    symptom="Correct on random numbers. A token whose features are all equal becomes NaN, and so does the loss.",
    hint="a token whose features are all equal becomes 0 / 0. What does the task add to the variance?",
)
def _without_epsilon(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    return deviation / deviation.square().mean(dim=-1, keepdim=True).sqrt() * gain + bias


@_NORM.mistake(
    symptom="Correct for features of ordinary size. Tokens with small features are amplified far too much.",
    hint="you add 1e-5 to the standard deviation. The task adds it to the variance, before the root is taken.",
)
def _epsilon_outside(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    return deviation / (deviation.square().mean(dim=-1, keepdim=True).sqrt() + 1e-5) * gain + bias


@_NORM.mistake(
    symptom="Everything trains, but the layer cannot learn another scale or another mean.",
    hint="your result does not depend on `gain` and `bias`. What does the formula do with them?",
)
def _without_gain_and_bias(x, gain, bias):
    deviation = x - x.mean(dim=-1, keepdim=True)
    variance = deviation.square().mean(dim=-1, keepdim=True)
    return deviation / (variance + 1e-5).sqrt()


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
        return (x @ self.matrix).tanh()


_PARAMETERS = [f"norm_{layer}.{name}" for layer in ("attention", "feed_forward") for name in ("weight", "bias")]


def _use_block(answer, x: Tensor, mixing: Tensor, matrix: Tensor, weights: Tensor) -> Tensor:
    """Build a block, give its norms the gains and biases in the rows of `weights`, and apply it."""
    block = answer(x.shape[-1], _Mixed(mixing), _Transformed(matrix))
    copies = "the next cell copies weights by name, and the block has"
    for name in ("attention", "feed_forward", "norm_attention", "norm_feed_forward"):
        if not isinstance(getattr(block, name, None), nn.Module):
            raise AttributeError(f"{copies} no layer `{name}`")
    if block.norm_attention is block.norm_feed_forward:
        raise AttributeError(f"{copies} one norm under two names. Each layer needs its own")
    found = dict(block.named_parameters())
    if missing := [name for name in _PARAMETERS if name not in found]:
        raise AttributeError(f"{copies} no `{missing[0]}`, which `nn.LayerNorm` has")
    if others := [name for name in found if name not in _PARAMETERS]:
        raise AttributeError(f"{copies} another parameter, `{others[0]}`")
    with torch.no_grad():
        for name, weight in zip(_PARAMETERS, weights, strict=True):
            found[name].copy_(weight)
    return block(x)


def _block_cases(rng: random.Random) -> list[Case]:
    def case(b: int, t: int, c: int, scale: float = 1.0) -> Case:
        arguments = (scale * normal(rng, b, t, c), normal(rng, t, t).tril(), normal(rng, c, c), normal(rng, 4, c))
        return Case(arguments, f"B = {b}, T = {t}, C = {c}" + ("" if scale == 1 else ", variances near 1e-5"))

    return [case(1, 1, 3), case(1, 2, 4), case(2, rng.randint(3, 5), rng.randint(5, 8)), case(1, 2, 4, 0.003)]


class _FeedForwardFirst(_Block):
    def forward(self, x):
        x = x + self.feed_forward(self.norm_feed_forward(x))
        return x + self.attention(self.norm_attention(x))


class _NormsExchanged(_Block):
    def forward(self, x):
        x = x + self.attention(self.norm_feed_forward(x))
        return x + self.feed_forward(self.norm_attention(x))


def _is_not(block: type) -> Callable[[tuple[Tensor, ...], Tensor], bool]:
    return lambda arguments, result: not torch.allclose(result, _use_block(block, *arguments), rtol=1e-3)


_BLOCK = Exercise(
    number="5.2",
    name="Block",
    title="a pre-norm block",
    solution=_Block,
    cases=_block_cases,
    call=_use_block,
    differentiable=("x", "matrix"),
    properties=(
        ("your feed-forward layer comes first. Which layer updates the stream first?", _is_not(_FeedForwardFirst)),
        ("each of your two norms is used before the other one's layer", _is_not(_NormsExchanged)),
    ),
)


@_BLOCK.mistake(
    symptom="A post-norm block, as in 2017. Small models train equally well, but each norm rescales the stream itself.",
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
    symptom="With four blocks, the loss stays at that of character frequencies, whatever the learning rate.",
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
    symptom="It trains, but weights from another program give other logits, because one of the two norms is never "
    "used.",
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
    symptom="A parallel block, as in GPT-NeoX: the feed-forward layer does not receive the update from attention.",
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
    symptom="The residual connection starts after the norm, so that every block rescales the stream.",
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
    symptom="The update from attention reaches the stream only through the feed-forward layer.",
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
    symptom="It trains a little worse; the feed-forward layer replaces the stream instead of updating it.",
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
    symptom="Each update has the same size, whatever the layer computes, and the layers receive the unnormalized "
    "stream.",
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


@_BLOCK.mistake(
    symptom="The norms exist and are never used: the layers receive a stream that grows from block to block.",
    hint="your norms are created and not used. What does each layer receive in a pre-norm block?",
)
class _NoNorm(nn.Module):
    def __init__(self, d_model, attention, feed_forward):
        super().__init__()
        self.norm_attention = nn.LayerNorm(d_model)
        self.attention = attention
        self.norm_feed_forward = nn.LayerNorm(d_model)
        self.feed_forward = feed_forward

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.feed_forward(x)
