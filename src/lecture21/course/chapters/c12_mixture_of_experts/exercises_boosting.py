"""Exercise of chapter 12: how AdaBoost weights the points for the next member."""

import math
import random

import torch

from lecture21.course.exercises.exercise import Case, Exercise

# 12.5


def _adaboost_update(weights, wrong):
    """Return a member's vote alpha and the weights of the points for the next member.

    `weights` has shape (N,) and sum 1, and `wrong`, of dtype bool, is True where the member
    errs. With its weighted error e, alpha is ln((1 - e) / e) / 2. The weights are multiplied by
    exp(alpha) where it errs and by exp(-alpha) elsewhere, and sum to 1 again.
    Do not modify the arguments.
    """
    error = weights[wrong].sum().item()
    alpha = 0.5 * math.log((1 - error) / error)
    updated = torch.where(wrong, weights * math.exp(alpha), weights * math.exp(-alpha))
    return alpha, updated / updated.sum()


def _boosting_cases(rng: random.Random) -> list[Case]:
    def case(n: int, n_wrong: int, about: str, dtype: torch.dtype = torch.float64, power: int = 1) -> Case:
        places = rng.sample(range(n), n)
        weights = torch.tensor([(1.0 + place) ** power for place in places], dtype=dtype)
        return Case((weights / weights.sum(), torch.tensor([place < n_wrong for place in places])), about)

    fifth = torch.full((5,), 0.2, dtype=torch.float64)
    one_wrong = torch.tensor([False, False, True, False, False])
    without = torch.tensor([0.0, 0.3, 0.1, 0.2, 0.4], dtype=torch.float64)
    error = 1 / (1 + math.exp(2 * 0.0123456))  # so that alpha is 0.0123456
    barely = fifth.new_tensor([error if wrong else (1 - error) / 4 for wrong in one_wrong])
    return [
        Case((fifth, one_wrong), "five points of weight 1/5, one of them wrong"),
        case(rng.randint(6, 9), 3, "points of different weights"),
        case(6, 2, "float32 weights", torch.float32),
        Case((without, one_wrong), "a point of weight 0"),
        case(6, 1, "a member that is wrong on more than half of the weight", power=-3),
        Case((barely, one_wrong), "a member that is barely better than chance"),  # where no digit can be rounded off
    ]


def _parts(weights: torch.Tensor, wrong: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weights of the points on which a member errs, and those of the others."""
    return weights[wrong], weights[~wrong]


def _keeps_proportions(before: torch.Tensor, after: torch.Tensor) -> bool:
    return torch.allclose(before * after.sum(), after * before.sum(), rtol=1e-4)


_ADABOOST = Exercise(
    number="12.5",
    name="adaboost_update",
    title="AdaBoost's vote and weights",
    solution=_adaboost_update,
    cases=_boosting_cases,
    returns=("alpha", "the new weights"),
    properties=(
        (
            "points on which the member errs must keep their proportions, and so must the others",
            lambda arguments, result: all(map(_keeps_proportions, _parts(*arguments), _parts(result[1], arguments[1]))),
        ),
        ("the new weights must sum to 1", lambda arguments, result: math.isclose(result[1].sum(), 1, rel_tol=1e-5)),
        (
            "under its new weights, the member must be wrong on exactly half of the weight",
            lambda arguments, result: math.isclose(result[1][arguments[1]].sum(), 0.5, rel_tol=1e-5),
        ),
        (
            "the new weights are right, but alpha is not the one by which they follow from the old ones",
            lambda arguments, result: math.isclose(result[0], _adaboost_update(*arguments)[0], rel_tol=1e-4),
        ),
    ),
)

_ADABOOST.wrong_lines(
    "unweighted error",
    """
    - error = weights[wrong].sum().item()
    + error = wrong.double().mean().item()
    """,
    hint="you count the errors without their weights. A heavy point must count more.",
)

_ADABOOST.wrong_lines(
    "twice",
    """
    - return alpha, updated / updated.sum()
    + return 2 * alpha, updated / updated.sum()
    """,
    hint="the new weights are right, and alpha is twice as large as in the task. This is scikit-learn's convention.",
)

_ADABOOST.wrong_lines(
    "without the half",
    """
    - alpha = 0.5 * math.log((1 - error) / error)
    + alpha = math.log((1 - error) / error)
    """,
    hint="alpha is twice as large as in the task, and the weights change too much. Which factor is missing?",
)

_ADABOOST.wrong_lines(
    "not normalized",
    """
    - return alpha, updated / updated.sum()
    + return alpha, updated
    """,
    hint="alpha is right, but the new weights do not sum to 1.",
)

_ADABOOST.wrong_lines(
    "right points grow",
    """
    - updated = torch.where(wrong, weights * math.exp(alpha), weights * math.exp(-alpha))
    + updated = torch.where(wrong, weights * math.exp(-alpha), weights * math.exp(alpha))
    """,
    hint="the weights of the points on which the member is right increase. Which points should the next member learn?",
)

_ADABOOST.wrong_lines(
    "only wrong points",
    """
    - updated = torch.where(wrong, weights * math.exp(alpha), weights * math.exp(-alpha))
    + updated = torch.where(wrong, weights * math.exp(alpha), weights)
    """,
    hint="only the wrong points change before you normalize. What does the task say about the other points?",
)

_ADABOOST.wrong_lines(
    "inverted",
    """
    - alpha = 0.5 * math.log((1 - error) / error)
    + alpha = 0.5 * math.log(error / (1 - error))
    """,
    hint="you have e / (1 - e) in the logarithm. Is your alpha positive for a member that is right more often than "
    "wrong?",
)

_ADABOOST.wrong_lines(
    "base 2",
    """
    - alpha = 0.5 * math.log((1 - error) / error)
    + alpha = 0.5 * math.log2((1 - error) / error)
    """,
    hint="you use a logarithm to base 2. The inverse of exp is the natural logarithm, `math.log`.",
)

_ADABOOST.wrong_lines(
    "modified",
    """
    - updated = torch.where(wrong, weights * math.exp(alpha), weights * math.exp(-alpha))
    + updated = weights
    + updated[wrong] *= math.exp(alpha)
    + updated[~wrong] *= math.exp(-alpha)
    """,
    hint="the result is right, but you modified `weights`. Does your multiplication make a new tensor?",
)
