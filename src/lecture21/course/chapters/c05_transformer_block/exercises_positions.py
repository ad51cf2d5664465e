"""Exercises of chapter 05: sinusoidal positions, and a test that finds models that ignore the order of tokens."""

import math
import random

import torch
from torch import Tensor

from lecture21.course.exercises.answers.probes import Probe, at, hint_of, watching
from lecture21.course.exercises.exercise import Case, Exercise, normal

# 5.3


def _sinusoidal(n_position, d_model):
    """Return the sinusoidal position vectors, a float32 tensor of shape (n_position, d_model).

    Pair i of position t has the angle t / 10000 ** (2 * i / d_model), where t and i count from 0:
    feature 2i is the sine of the angle and feature 2i + 1 its cosine. `d_model`, or C, is even.
    """
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


def _position_cases(rng: random.Random) -> list[Case]:
    n, half = rng.randint(5, 9), rng.randint(3, 6)
    return [
        Case((1, 2), "one position, d_model = 2"),
        Case((3, 4), "3 positions, d_model = 4"),
        Case((n, 2 * half), f"{n} positions, d_model = {2 * half}"),
    ]


_POSITIONS = Exercise(
    number="5.3",
    name="sinusoidal",
    title="sinusoidal positions",
    solution=_sinusoidal,
    cases=_position_cases,
    properties=(
        (
            "position 0 must be 0, 1, 0, 1, ...: the sine and the cosine of the angle 0",
            lambda arguments, table: torch.equal(table[0], torch.tensor([0.0, 1.0]).repeat(arguments[1] // 2)),
        ),
        (
            "position 1 must start with sin(1) and cos(1)",
            lambda arguments, table: len(table) < 2 or abs(table[1, 0].item() - math.sin(1)) < 1e-3,
        ),
    ),
)


@_POSITIONS.mistake(
    symptom="All sines come first and all cosines last. This works equally well, but not with the 2017 model's "
    "weights.",
    hint="your sines fill the first half of the features and your cosines the second. In this task they alternate.",
)
def _halves(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


@_POSITIONS.mistake(
    symptom="The frequencies decrease too slowly, and the last pair turns about a hundred times too fast.",
    hint="features 0 and 1 are right, but later pairs turn too fast. Is your exponent 2i / d_model or i / d_model?",
)
def _half_the_exponent(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(d_model // 2) / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


@_POSITIONS.mistake(
    symptom="Position 0 is 1, 0, 1, 0, ..., because each sine is swapped with its cosine.",
    hint="sine and cosine are swapped. Which of the two belongs to the even features?",
)
def _swapped(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(1)


@_POSITIONS.mistake(
    symptom="The rows are right but shifted by one: the first token has the angles of the second.",
    hint="your first row belongs to position 1. The positions count from 0.",
)
def _from_one(n_position, d_model):
    position = torch.arange(1, n_position + 1)[:, None]
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


@_POSITIONS.mistake(
    symptom="Features 2i and 2i + 1 have different frequencies, so a pair no longer turns like the hand of a clock.",
    hint="the sine and cosine of one pair have different angles in your table. Both need the angle of pair i.",
)
def _an_angle_for_each_feature(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (torch.arange(d_model) / d_model)
    return torch.stack([angle[:, ::2].sin(), angle[:, 1::2].cos()], dim=-1).flatten(1)


@_POSITIONS.mistake(
    symptom="Each feature turns at a speed of its own, and the last ones hardly turn at all.",
    hint="you take the number of the column for that of the pair. Features 2i and 2i + 1 share the angle of pair i: "
    "which pair does column 3 belong to?",
)
def _columns_for_pairs(n_position, d_model):
    position = torch.arange(n_position)[:, None]
    angle = position / 10000 ** (2 * torch.arange(d_model) / d_model)
    return torch.stack([angle[:, ::2].sin(), angle[:, 1::2].cos()], dim=-1).flatten(1)


# 5.4


def _ignores_order(model, x):
    """Return whether the last output of `model` is unchanged if the earlier tokens are reversed.

    `model` maps a tensor of shape (T, C), T at least 3, to one of the same shape. Keep the last
    token in its place, do not modify `x` itself, and treat differences below 1e-4 as rounding.
    """
    reordered = torch.cat([x[:-1].flip(0), x[-1:]])
    return torch.allclose(model(x)[-1], model(reordered)[-1], rtol=0, atol=1e-4)


def _weights(x: Tensor, *, causal: bool = True) -> Tensor:
    scores = x @ x.T / math.sqrt(x.shape[-1])
    later = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
    return (scores.masked_fill(later, -math.inf) if causal else scores).softmax(dim=-1)


def _rounded(x: Tensor, result: Tensor) -> Tensor:
    """Add a rounding error that depends on the first token, so that it changes by 8e-5 when the order does."""
    result = result.clone()
    result[:, 0] += 4e-5 * x[0].sum().sign()
    return result


def _layer(x: Tensor) -> Tensor:
    return _weights(x) @ x


def _unmasked(x: Tensor) -> Tensor:
    return _rounded(x, _weights(x, causal=False) @ x)


def _one_layer(x: Tensor) -> Tensor:
    return _rounded(x, _layer(x))


def _two_layers(x: Tensor) -> Tensor:
    return _layer(_layer(x))


def _with_positions(x: Tensor) -> Tensor:
    return _layer(x + torch.linspace(0, 3, len(x))[:, None])


def _first_of_all(x: Tensor) -> Tensor:
    """Return the first token at every position: all that changes if the order does."""
    return x[:1].expand_as(x).clone()


def _next_to_last(x: Tensor) -> Tensor:
    """Return the token before the last at every position."""
    return x[-2:-1].expand_as(x).clone()


def _normalized_first(x: Tensor) -> Tensor:
    """Return the normalized first token at every position: its sum and its norm are the same for every token."""
    return torch.nn.functional.layer_norm(_first_of_all(x), x.shape[-1:], eps=1e-12)


def _rounded_mean(x: Tensor) -> Tensor:
    return _rounded(x, x.cumsum(dim=0) / torch.arange(1, len(x) + 1)[:, None])


def _mean_of_features(x: Tensor) -> Tensor:
    """Return the means so far of all features together, so that the order of the features has no effect either."""
    return 0.1 * _rounded_mean(x.mean(dim=-1, keepdim=True).expand_as(x))


def _neighbors(x: Tensor) -> Tensor:
    """Return the sum of the products of neighbors among the earlier tokens, which only the reverse order keeps."""
    return _rounded(x, 0.01 * (x[:-2] * x[1:-1]).sum(dim=0).expand_as(x))


_OTHER_ORDER = (
    "reversing the earlier tokens changes nothing here, but another order does. Which order does your test use?"
)
_NORMALIZED = "a LayerNorm gives every vector the same sum, mean and norm. Compare feature by feature"
_SIGNED = "all differences have the same sign here. Does your test use their absolute values?"
_ONE_FEATURE = "only one feature of the last output changes here. Does your test compare all of them?"
_SAME_NUMBERS = "the last output has the same numbers in another order here. Compare feature by feature"
_SMALL = "one feature changes by 0.0002 here, which is no rounding error. Does a mean hide it, or a tolerance?"
_ROUNDING = "a difference of 0.00008 may be rounding. Which is the largest that your comparison allows for?"
_OF_PROBES = (_SIGNED, _ONE_FEATURE, _SAME_NUMBERS, _SMALL, _ROUNDING)


def _is_clear(case: Case) -> bool:
    """Return whether the last output, its sum and its norm change by amounts far from the limit of 1e-4."""
    model, x = case.arguments
    last, reordered = model(x)[-1], model(torch.cat([x[:-1].flip(0), x[-1:]]))[-1]
    change = last - reordered
    sizes = change.abs().max().item(), abs(change.sum().item()), abs(last.norm().item() - reordered.norm().item())
    largest = 0.0 if model in (_two_layers, _with_positions) else 9e-5
    return isinstance(model, Probe) or all(size < largest or size > 1e-3 for size in sizes)


def _order_cases(rng: random.Random) -> list[Case]:
    while not all(map(_is_clear, cases := _any_order_cases(rng))):
        pass
    return cases


def _any_order_cases(rng: random.Random) -> list[Case]:
    # Spread out, so that each model that depends on the order shows it, but below 8, where 8e-5 is less than the
    # relative tolerance of `torch.allclose`.
    x = (2 * normal(rng, rng.randint(5, 7), rng.randint(3, 4))).clamp(-4, 4)
    x[0] = x[0].abs() + 2
    x[-2] = -x[-2].abs() - 2
    if x[1, 0] > x[2, 0]:
        x[[1, 2]] = x[[2, 1]]  # so that the reverse is no sorted order
    column = rng.randrange(x.shape[1])
    x[-1, column] = 1.0
    small = torch.stack([x[0], x[-2], x[-1]])
    last = torch.zeros_like(x)
    last[-1] = 1.0

    def probe(change: Tensor, hint: str, about: str, **options: float) -> Case:
        """Return a case in which the last output changes by `change` with the first token."""
        return Case((watching(x, 0, 0, change, hint, **options), x), f"a model whose last output {about}")

    return [
        Case((_first_of_all, small), "a copy of the first token, T = 3"),
        Case((_rounded_mean, small), "the mean of the tokens so far with rounding errors, T = 3"),
        Case((_one_layer, small), "one causal layer without positions, T = 3"),
        Case((_neighbors, x), "the sum of products of neighbors among the earlier tokens"),
        Case((_unmasked, x), "one layer without mask and positions"),
        Case((_one_layer, x), "one causal layer without positions"),
        Case((_with_positions, x), "one causal layer with positions"),
        Case((_two_layers, x), "two causal layers without positions"),
        Case((_rounded_mean, x), "the mean of the tokens so far with rounding errors"),
        Case((_mean_of_features, x), "the mean of all features so far with rounding errors"),
        Case((torch.clone, x), "a model that returns its input"),
        Case((_next_to_last, x), "a copy of the token before the last"),
        Case((_first_of_all, x), "a copy of the first token"),
        Case((_normalized_first, x), "a copy of the first token after LayerNorm"),
        probe(at(x, -1, column, 8e-5), _ROUNDING, "has a rounding error of 0.00008", share=0.0),
        probe(last, _SIGNED, "grows by 1"),
        probe(-last, _SIGNED, "falls by 1"),
        probe(last * (x.roll(1, -1) - x), _SAME_NUMBERS, "has its numbers in another order"),
        *(probe(at(x, -1, n), _ONE_FEATURE, f"changes in feature {n} only") for n in range(x.shape[1])),
        *(
            probe(at(x, -1, column, 2e-4), _SMALL, "changes by 0.0002 in one feature", share=share)
            for share in (0.0, 1.0)
        ),
    ]


_ORDER = Exercise(
    number="5.4",
    name="ignores_order",
    title="catch a model that ignores the order",
    solution=_ignores_order,
    cases=_order_cases,
    properties=(
        (_OTHER_ORDER, lambda arguments, result: arguments[0] is not _neighbors),
        (_NORMALIZED, lambda arguments, result: arguments[0] is not _normalized_first),
        *((hint, lambda arguments, result, hint=hint: hint_of(arguments[0]) != hint) for hint in _OF_PROBES),
        (
            "the order changes the last output here, and your test returns True. Does it reverse the earlier tokens, "
            "and compare all features by absolute differences?",
            lambda arguments, result: not result,
        ),
        (
            "the order has no effect on the last output here but rounding, and your test returns False. Does it "
            "compare another output, or allow for too little?",
            lambda arguments, result: result,
        ),
    ),
)


@_ORDER.mistake(
    symptom="Every model seems to depend on the order, because the last token has changed as well.",
    hint="you move the last token as well, which changes the query. Reverse only the tokens before it.",
)
def _reverses_all(model, x):
    reordered = x.flip(0)
    return torch.allclose(model(x)[-1], model(reordered)[-1], rtol=0, atol=1e-4)


@_ORDER.mistake(
    symptom="Even a plain average seems to depend on the order, because the two results differ in the seventh decimal.",
    hint="your test mistakes rounding errors for an effect of the order. Allow for differences of up to 1e-4: "
    "`torch.equal` allows none, and `torch.allclose` less by default.",
)
def _exactly_equal(model, x):
    reordered = torch.cat([x[:-1].flip(0), x[-1:]])
    return torch.equal(model(x)[-1], model(reordered)[-1])


@_ORDER.mistake(
    symptom="Even a causal average seems to depend on the order, because its outputs at earlier positions differ.",
    hint="you compare all outputs, but an earlier position now holds a different token and has different tokens before "
    "it. Which output attends to the same tokens in both runs?",
)
def _compares_all_outputs(model, x):
    reordered = torch.cat([x[:-1].flip(0), x[-1:]])
    return torch.allclose(model(x), model(reordered), rtol=0, atol=1e-4)


@_ORDER.mistake(
    symptom="The test returns True for the models that depend on the order.",
    hint="your result is inverted: return True if the last output does not change.",
)
def _depends_on_order(model, x):
    reordered = torch.cat([x[:-1].flip(0), x[-1:]])
    return not torch.allclose(model(x)[-1], model(reordered)[-1], rtol=0, atol=1e-4)


@_ORDER.mistake(
    symptom="A model that adds up the tokens seems to depend on their order.",
    hint="you reverse the features of each token. The tokens are the rows, dimension 0.",
)
def _reverses_the_features(model, x):
    reordered = torch.cat([x[:-1].flip(-1), x[-1:]])
    return torch.allclose(model(x)[-1], model(reordered)[-1], rtol=0, atol=1e-4)


@_ORDER.mistake(
    symptom="Every model that ends in LayerNorm seems to ignore the order, because the sum of its features is always "
    "0.",
    hint="you compare one number computed from the last output, such as its sum. Different vectors can have the same "
    "sum and the same norm: compare every feature.",
)
def _compares_sums(model, x):
    reordered = torch.cat([x[:-1].flip(0), x[-1:]])
    return abs(float(model(x)[-1].sum() - model(reordered)[-1].sum())) < 1e-4


@_ORDER.mistake(
    symptom="A model that depends on the order of other tokens seems to ignore it.",
    hint="you exchange the first two tokens only. A model can depend on the order of the others: reverse all but the "
    "last.",
)
def _swaps_two(model, x):
    reordered = torch.cat([x[:2].flip(0), x[2:]])
    return torch.allclose(model(x)[-1], model(reordered)[-1], rtol=0, atol=1e-4)


@_ORDER.mistake(
    symptom="Every model seems to depend on the order: the last token has changed, and roundings count as well.",
    hint="you move the last token as well, and your comparison allows for too little rounding. Reverse only the tokens "
    "before it, and allow for differences of up to 1e-4.",
)
def _reverses_all_exactly(model, x):
    reordered = x.flip(0)
    return torch.equal(model(x)[-1], model(reordered)[-1])
