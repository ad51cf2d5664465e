"""Exercise of chapter 02: a test for permutation equivariance."""

import random

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal

# 2.3


def _commutes(attend, x, order):
    """Return True if reordering the inputs of `attend` reorders its outputs in the same way.

    `attend` is a function from (T, C) to (T, C), `x` is its input, and `order` is a tensor with
    the indices 0 to T-1 in any order. Ignore differences below 1e-4, which may be rounding.
    """
    return torch.allclose(attend(x[order]), attend(x)[order], atol=1e-4)


def _attend(x: Tensor) -> Tensor:
    return (x @ x.T).softmax(dim=-1) @ x


def _rounded(x: Tensor) -> Tensor:
    """Return the outputs with a rounding error that depends on the position."""
    return _attend(x) + 1e-5 * torch.arange(len(x))[:, None]


def _with_positions(x: Tensor) -> Tensor:
    return _attend(x + 0.5 * torch.arange(len(x))[:, None])


def _running_mean(x: Tensor) -> Tensor:
    return x.cumsum(dim=0) / torch.arange(1, len(x) + 1)[:, None]


def _doubled(x: Tensor) -> Tensor:
    return 2 * x


def _mean_of_all(x: Tensor) -> Tensor:
    return x.mean(dim=0, keepdim=True).expand_as(x)


def _neighbour(x: Tensor) -> Tensor:
    return x.roll(1, 0)


def _first_moved(x: Tensor) -> Tensor:
    return torch.cat([x[:1] + 1, x[1:]])


def _last_moved(x: Tensor) -> Tensor:
    return torch.cat([x[:-1], x[-1:] + 1])


def _moved_if_the_first_is_larger(x: Tensor) -> Tensor:
    return x + (x[0].sum() > x[-1].sum())


_SUMS_HIDE = "this layer moves vectors to other rows, which no sum, mean or sorted list shows. Compare row by row"
_ONE_SIGN = "all differences have the same sign here. Does your test use their absolute values?"
_ALL_ROWS = "only two rows of the results differ. Does your test compare all rows?"
_ROUNDING = "differences of 0.00005 may be rounding. Which is the largest that your comparison allows for?"
_EXPLAINED = {
    _neighbour: _SUMS_HIDE,
    _moved_if_the_first_is_larger: _ONE_SIGN,
    _first_moved: _ALL_ROWS,
    _last_moved: _ALL_ROWS,
    _rounded: _ROUNDING,
}


def _commutes_cases(rng: random.Random) -> list[Case]:
    n_token, width = rng.randint(4, 6), rng.randint(2, 3)
    x = normal(rng, n_token, width)
    kept = torch.arange(n_token)
    shifted, reverse = kept.roll(1), kept.flip(0)  # a shift is not its own inverse
    return [
        Case((_doubled, x, shifted), "a function that doubles each vector"),
        Case((_attend, x, shifted), "self-attention"),
        Case((_attend, x, reverse), "self-attention, with the tokens in reverse"),
        Case((_rounded, x, shifted), "self-attention with rounding errors of 0.00001 for each position"),
        Case((_mean_of_all, x, shifted), "the mean of all tokens"),
        Case((_with_positions, x, shifted), "self-attention with positions"),
        Case((_running_mean, x, shifted), "the mean of the tokens so far"),
        Case((_running_mean, x, kept), "the order 0, 1, 2, ..."),
        Case((_neighbour, x, reverse), "a layer that returns the vector of the token before"),
        Case((_first_moved, x, _exchanged(kept, 0, 1)), "a layer that adds 1 to the first token"),
        Case((_last_moved, x, _exchanged(kept, -1, -2)), "a layer that adds 1 to the last token"),
        *(
            Case((_moved_if_the_first_is_larger, each, reverse), "a layer that adds 1 if the first token is larger")
            for each in (x, x.flip(0))
        ),
    ]


def _exchanged(order: Tensor, i: int, j: int) -> Tensor:
    order = order.clone()
    order[[i, j]] = order[[j, i]]
    return order


_COMMUTES = Exercise(
    number="2.3",
    name="commutes",
    title="a test for permutation equivariance",
    solution=_commutes,
    cases=_commutes_cases,
    properties=(
        *(
            (sentence, lambda arguments, result, layer=layer: arguments[0] is not layer)
            for layer, sentence in _EXPLAINED.items()
        ),
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
    looks="The result is True also for a layer that gives each token the vector of its neighbor.",
    hint="sums over the tokens stay the same when vectors move to other rows. Which row belongs to which?",
)
def _compares_sums(attend, x, order):
    return torch.allclose(attend(x[order]).sum(dim=0), attend(x).sum(dim=0), atol=1e-4)


@_COMMUTES.mistake(
    looks="The result is False for self-attention, because its outputs are in another order.",
    hint="the outputs are reordered as well. Which row of attend(x[order]) belongs to which row of attend(x)?",
)
def _outputs_in_the_old_order(attend, x, order):
    return torch.allclose(attend(x[order]), attend(x), atol=1e-4)


@_COMMUTES.mistake(
    looks="The result may differ between machines, because sums in another order are rounded differently.",
    hint="a sum in another order is rounded differently. Does your comparison allow for differences of 1e-6?",
)
def _equal_to_the_last_bit(attend, x, order):
    return torch.equal(attend(x[order]), attend(x)[order])


@_COMMUTES.mistake(
    looks="The result is always True, even for a model with positions, because both sides are the same computation.",
    hint="both sides of your comparison compute the same thing. One side must reorder before attend, the other after.",
)
def _the_same_side_twice(attend, x, order):
    return torch.allclose(attend(x[order]), attend(x[order]), atol=1e-4)


@_COMMUTES.mistake(
    looks="The result is right for an exchange of two tokens, which is its own inverse, and wrong for other orders.",
    hint="one side uses the inverse order. Indexing with `order` on both sides is enough.",
)
def _inverse_order(attend, x, order):
    return torch.allclose(attend(x[order]), attend(x)[order.argsort()], atol=1e-4)
