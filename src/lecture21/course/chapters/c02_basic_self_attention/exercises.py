"""Exercises of chapter 02: the softmax, self-attention without parameters, and permutation equivariance."""

import random
from functools import partial

import torch
from torch import Tensor

from lecture21.course.exercises.answers.probes import at, hint_of, watching
from lecture21.course.exercises.exercise import Case, Exercise, normal, rows_sum_to_one, scaled_otherwise

# 2.1


def _softmax(scores):
    """Return the softmax of each row of `scores`, a tensor of shape (T, S).

    The result has the same shape and dtype, and passes gradients back to `scores`. Scores may be
    as large as 1000, where exp() overflows.
    """
    largest = scores.max(dim=-1, keepdim=True).values
    powers = (scores - largest).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


def _softmax_cases(rng: random.Random) -> list[Case]:
    n_row = rng.randint(2, 4)
    n_column = n_row + rng.randint(1, 3)
    double = partial(normal, rng, dtype=torch.float64)  # exact gradients of large scores, and exp() overflows too
    far = torch.tensor([0.0, 1000.0, -1000.0])
    return [
        Case((normal(rng, 1, 1),), "one row of one score"),
        Case((normal(rng, n_row, n_row),), f"shape ({n_row}, {n_row})"),
        Case((normal(rng, n_row, n_column),), f"shape ({n_row}, {n_column})"),
        Case((double(n_column, n_row),), "float64 scores"),
        Case((double(n_row, n_column) + 1000,), "scores near 1000"),
        Case((double(3, n_column) + far[:, None],), "rows of scores near 0, 1000 and -1000"),
        Case((double(2, 3) + far,), "scores near 0, 1000 and -1000 in one row"),
    ]


def _divided_by_the_sum_of_another_row(scores: Tensor, weights: Tensor) -> bool:
    if not len(scores) == scores.shape[1] > 1:
        return False
    both = scores.exp(), (scores - scores.max(dim=-1).values).exp()
    return any(torch.allclose(weights, powers / powers.sum(dim=-1), rtol=1e-3) for powers in both)


_OVERFLOW = 80.0  # exp() of a float32 below it is finite

_SOFTMAX = Exercise(
    number="2.1",
    name="softmax",
    title="a numerically stable softmax",
    solution=_softmax,
    cases=_softmax_cases,
    differentiable=("scores",),
    properties=(
        (
            "every exp() of a row is now 0, and 0 / 0 is NaN: you subtract too much from a row of small scores. Which "
            "number of the row itself is always right?",
            lambda arguments, weights: (
                not (weights.isnan() & (arguments[0].amax(dim=-1, keepdim=True) < _OVERFLOW)).any()
            ),
        ),
        (
            "no entry may be NaN or infinite. After your subtraction, is any score of the row still above 0?",
            lambda arguments, weights: bool(weights.isfinite().all()),
        ),
        ("no entry may be negative", lambda arguments, weights: bool((weights >= 0).all())),
        (
            "entry (i, j) is divided by the sum of row j, as sums of shape (T,) line up with the columns. Which "
            "argument of sum() keeps the dimension?",
            lambda arguments, weights: not _divided_by_the_sum_of_another_row(*arguments, weights),
        ),
        (
            "your columns sum to 1. Each row belongs to one query: over which dimension must the sum run?",
            lambda arguments, weights: rows_sum_to_one(weights) or not rows_sum_to_one(weights.T),
        ),
        ("each row must sum to 1", lambda arguments, weights: rows_sum_to_one(weights)),
        (
            "the largest score of each row must get the largest weight",
            lambda arguments, weights: torch.equal(weights.argmax(dim=-1), arguments[0].argmax(dim=-1)),
        ),
    ),
)


@_SOFTMAX.mistake(
    hint="exp(1000) is infinite, and infinity / infinity is NaN. Which number can you subtract from a row of scores "
    "without changing its softmax?",
)
def _overflowing(scores):
    largest = scores.max(dim=-1, keepdim=True).values
    powers = scores.exp()
    return powers / powers.sum(dim=-1, keepdim=True)


@_SOFTMAX.mistake(hint="your columns sum to 1. Each row belongs to one query: over which dimension must the sum run?")
def _over_columns(scores):
    largest = scores.max(dim=-2, keepdim=True).values
    powers = (scores - largest).exp()
    return powers / powers.sum(dim=-2, keepdim=True)


@_SOFTMAX.mistake(hint="all your entries together sum to 1. Each row must do so by itself.")
def _over_everything(scores):
    largest = scores.max()
    powers = (scores - largest).exp()
    return powers / powers.sum()


@_SOFTMAX.mistake(
    hint="you subtract the same number from all rows, so rows with much smaller scores become 0 / 0. What is the "
    "largest score of each row?",
)
def _one_maximum_for_all(scores):
    largest = scores.max()
    powers = (scores - largest).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


@_SOFTMAX.mistake(
    hint="the sums have the shape (T,), and broadcasting lines them up with the columns. Which argument of sum() "
    "keeps the dimension?",
)
def _sums_without_a_dimension(scores):
    largest = scores.max(dim=-1, keepdim=True).values
    powers = (scores - largest).exp()
    return powers / powers.sum(dim=-1)


@_SOFTMAX.mistake(
    hint="the largest scores have the shape (T,), and broadcasting lines them up with the columns. Which argument of "
    "max() keeps the dimension?",
)
def _maxima_without_a_dimension(scores):
    largest = scores.max(dim=-1).values
    powers = (scores - largest).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


@_SOFTMAX.mistake(
    hint="after you subtract the smallest score of the row, the others may still be 1000. Which number leaves no score "
    "above 0?",
)
def _minimum_subtracted(scores):
    largest = scores.min(dim=-1, keepdim=True).values
    powers = (scores - largest).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


@_SOFTMAX.mistake(
    hint="you divide the scores by their largest one, which changes the ratios of the weights. Which operation with "
    "the largest score cancels in numerator and denominator?",
)
def _divided_by_the_maximum(scores):
    largest = scores.max(dim=-1, keepdim=True).values
    powers = (scores / largest).exp()
    return powers / powers.sum(dim=-1, keepdim=True)


# 2.2


def _basic_self_attention(x):
    """Return (outputs, weights) of self-attention without parameters.

    `x` has the shape (T, C), with one token in each row. The weights (T, T) are the softmax
    of all dot products between rows of `x`. Output i is the average of the rows of `x`,
    weighted by row i of the weights; the outputs have the shape (T, C). Both pass gradients back
    to `x`.
    """
    weights = (x @ x.T).softmax(dim=-1)
    return weights @ x, weights


def _attention_cases(rng: random.Random) -> list[Case]:
    n_token, width = rng.randint(3, 5), rng.randint(6, 8)
    return [
        Case((normal(rng, 1, 3),), "one token (T = 1)"),
        Case((normal(rng, 2, 2),), "T = 2, C = 2"),
        Case((normal(rng, n_token, width),), f"T = {n_token}, C = {width}"),
        Case((normal(rng, width, n_token),), f"T = {width}, C = {n_token}"),
    ]


_ATTENTION = Exercise(
    number="2.2",
    name="basic_self_attention",
    returns=("the outputs", "the weights"),
    title="self-attention without parameters",
    solution=_basic_self_attention,
    cases=_attention_cases,
    differentiable=("x",),
    properties=(
        ("each row of the weights must sum to 1", lambda arguments, result: rows_sum_to_one(result[1])),
        (
            "the outputs must be averages of the rows of x with your weights",
            lambda arguments, result: torch.allclose(result[0], result[1] @ arguments[0], atol=1e-4),
        ),
        (
            "your weights are the softmax of a multiple of the dot products. What do you multiply or divide them by?",
            lambda arguments, result: not scaled_otherwise(arguments[0] @ arguments[0].T, result[1]),
        ),
    ),
)


@_ATTENTION.mistake(
    hint="your weights are the dot products themselves. What turns a row of scores into shares that sum to 1?"
)
def _without_softmax(x):
    weights = x @ x.T
    return weights @ x, weights


@_ATTENTION.mistake(
    hint="you divide the dot products by the sum of their row. What does the softmax do with the scores before that?"
)
def _shares_of_the_scores(x):
    scores = x @ x.T
    weights = scores / scores.sum(dim=-1, keepdim=True)
    return weights @ x, weights


@_ATTENTION.mistake(
    hint="you divide the scores by the root of the width, as chapter 03 will. Here the scores are the dot products."
)
def _divided_by_the_root(x):
    weights = (x @ x.T / x.shape[-1] ** 0.5).softmax(dim=-1)
    return weights @ x, weights


@_ATTENTION.mistake(
    hint="your columns sum to 1. Row i holds the shares that token i takes: which dimension must sum to 1?"
)
def _softmax_over_queries(x):
    weights = (x @ x.T).softmax(dim=0)
    return weights @ x, weights


@_ATTENTION.mistake(
    hint="the weights are right. Output i is the sum over j of w_ij x_j: does your product use row i or column i?"
)
def _transposed_weights(x):
    weights = (x @ x.T).softmax(dim=-1)
    return weights.T @ x, weights


@_ATTENTION.mistake(
    hint="your weights compare columns of x, which are features. Tokens are rows: which factor needs the transpose?"
)
def _features_attend(x):
    weights = (x.T @ x).softmax(dim=-1)
    return x @ weights, weights


@_ATTENTION.mistake(hint="both results are right, but in the wrong order. Which one does the docstring name first?")
def _weights_first(x):
    weights = (x @ x.T).softmax(dim=-1)
    return weights, weights @ x


# 2.3


def _commutes(attend, x, order):
    """Return True if reordering the inputs of `attend` reorders its outputs in the same way.

    `attend` is a function from (T, C) to (T, C), `x` is its input, and `order` is a tensor with
    the indices 0 to T-1 in any order. Ignore differences below 1e-4, which may be rounding.
    """
    return torch.allclose(attend(x[order]), attend(x)[order], atol=1e-4)


def _attend(x: Tensor) -> Tensor:
    return (x @ x.T).softmax(dim=-1) @ x


def _with_positions(x: Tensor) -> Tensor:
    return _attend(x + 0.5 * torch.arange(len(x))[:, None])


def _running_mean(x: Tensor) -> Tensor:
    return x.cumsum(dim=0) / torch.arange(1, len(x) + 1)[:, None]


def _doubled(x: Tensor) -> Tensor:
    return 2 * x


def _mean_of_all(x: Tensor) -> Tensor:
    return x.mean(dim=0, keepdim=True).expand_as(x)


def _neighbor(x: Tensor) -> Tensor:
    return x.roll(1, 0)


_SUMS_HIDE = "this layer moves vectors to other rows, which no sum, mean or sorted list shows. Compare row by row"
_ONE_SIGN = "all differences have the same sign here. Does your test use their absolute values?"
_ALL_NUMBERS = "only one number of the results differs here. Does your test compare every number of every row?"
_SAME_NUMBERS = (
    "the rows have the same numbers in another order here, which no sum, norm or sorted list shows. Compare number by "
    "number"
)
_NEGATED = (
    "the results differ in their signs here, and your test returns True. Of what does it take the absolute value?"
)
_ONE_NUMBER = (
    "only one number differs here, by 0.0003, which is no rounding error. Does a mean hide the largest difference?"
)
_SMALL = "all numbers differ by 0.0003 here, which is no rounding error. How large a difference do you allow for?"
_ROUNDING = "a difference of 0.00006 may be rounding. Which is the largest that your comparison allows for?"
_OF_PROBES = (_ONE_SIGN, _ALL_NUMBERS, _SAME_NUMBERS, _NEGATED, _SMALL, _ONE_NUMBER, _ROUNDING)


def _commutes_cases(rng: random.Random) -> list[Case]:
    n_token, width = rng.randint(4, 6), rng.randint(3, 4)
    x = normal(rng, n_token, width)
    row, column = rng.randrange(n_token), rng.randrange(width)
    x[row, column] = 1.0
    kept = torch.arange(n_token)
    shifted, reverse = kept.roll(1), kept.flip(0)  # a shift is not its own inverse

    def probe(change: Tensor, hint: str, about: str, **options: float) -> Case:
        """Return a case in which the two sides differ by `change`."""
        return Case((watching(x, 0, 0, change, hint, **options), x, shifted), f"a layer that {about} in another order")

    return [
        Case((_doubled, x, shifted), "a function that doubles each vector"),
        Case((_attend, x, shifted), "self-attention"),
        Case((_attend, x, reverse), "self-attention, with the tokens in reverse"),
        probe(at(x, row, column, 6e-5), _ROUNDING, "has a rounding error of 0.00006", share=0.0),
        Case((_mean_of_all, x, shifted), "the mean of all tokens"),
        Case((_neighbor, x, reverse), "a layer that returns the vector of the token before"),
        probe(torch.ones_like(x), _ONE_SIGN, "adds 1"),
        probe(-torch.ones_like(x), _ONE_SIGN, "subtracts 1"),
        Case((_with_positions, x, shifted), "self-attention with positions"),
        Case((_running_mean, x, shifted), "the mean of the tokens so far"),
        Case((_running_mean, x, kept), "the order 0, 1, 2, ..."),
        probe(x[shifted].roll(1, -1) - x[shifted], _SAME_NUMBERS, "moves the numbers of each row"),
        probe(-2 * x[shifted], _NEGATED, "changes all signs"),
        probe(torch.full_like(x, 3e-4), _SMALL, "adds 0.0003", share=0.0),
        # Each row and each column differs in some case.
        *(probe(at(x, n, n % width), _ALL_NUMBERS, f"adds 1 to number {n % width} of row {n}") for n in range(n_token)),
        *(
            probe(at(x, row, column, 3e-4), _ONE_NUMBER, "adds 0.0003 to one number", share=share)
            for share in (0.0, 1.0)
        ),
    ]


_COMMUTES = Exercise(
    number="2.3",
    name="commutes",
    title="a test for permutation equivariance",
    solution=_commutes,
    cases=_commutes_cases,
    properties=(
        (_SUMS_HIDE, lambda arguments, result: arguments[0] is not _neighbor),
        *((hint, lambda arguments, result, hint=hint: hint_of(arguments[0]) != hint) for hint in _OF_PROBES),
        (
            "this layer depends on the order, and your test returns True. Does it compare row by row, by absolute "
            "differences?",
            lambda arguments, result: not result,
        ),
        (
            "only the rows move here, and your test returns False. How large a difference may be rounding?",
            lambda arguments, result: result,
        ),
    ),
)


@_COMMUTES.mistake(
    hint="sums over the tokens stay the same when vectors move to other rows. Which row belongs to which?"
)
def _compares_sums(attend, x, order):
    return torch.allclose(attend(x[order]).sum(dim=0), attend(x).sum(dim=0), atol=1e-4)


@_COMMUTES.mistake(hint="the mean of the differences is small if only a few numbers differ. Which difference decides?")
def _mean_of_the_differences(attend, x, order):
    return bool((attend(x[order]) - attend(x)[order]).abs().mean() < 1e-4)


@_COMMUTES.mistake(
    hint="the outputs are reordered as well. Which row of attend(x[order]) belongs to which row of attend(x)?"
)
def _outputs_in_the_old_order(attend, x, order):
    return torch.allclose(attend(x[order]), attend(x), atol=1e-4)


@_COMMUTES.mistake(
    hint="a sum in another order is rounded differently. Does your comparison allow for differences of 1e-6?"
)
def _equal_to_the_last_bit(attend, x, order):
    return torch.equal(attend(x[order]), attend(x)[order])


@_COMMUTES.mistake(
    hint="both sides of your comparison compute the same thing. One side must reorder before attend, the other after."
)
def _the_same_side_twice(attend, x, order):
    return torch.allclose(attend(x[order]), attend(x[order]), atol=1e-4)


@_COMMUTES.mistake(hint="one side uses the inverse order. Indexing with `order` on both sides is enough.")
def _inverse_order(attend, x, order):
    return torch.allclose(attend(x[order]), attend(x)[order.argsort()], atol=1e-4)
