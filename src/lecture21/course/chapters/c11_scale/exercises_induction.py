"""Exercise 11.5: which positions an induction head should attend to."""

import random

import torch
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise


def _induction_targets(ids):
    """Return which positions an induction head should attend to: booleans of shape (T, T).

    `ids` has the shape (T,). Entry [t, s] is True if the token just before position s is an
    earlier copy of the token at position t. An induction head at t then copies the token at s. For
    the tokens a F c B a, row 4, the second a, is True at position 1 only, where F is.
    """
    same = ids[:, None] == ids[None, :]  # (T, T)
    targets = torch.zeros_like(same)
    targets[:, 1:] = same[:, :-1]
    return targets.tril()


def _ids(rng: random.Random, length: int, n_token: int) -> Tensor:
    """Return random ids, the first and the last of which are equal."""
    ids = [rng.randrange(n_token) for _ in range(length)]
    return torch.tensor([*ids[:-1], ids[0]])


def _cases(rng: random.Random) -> list[Case]:
    return [
        Case((torch.tensor([4]),), "T = 1"),
        Case((torch.tensor([7, 7, 7]),), "ids = [7, 7, 7]"),
        Case((torch.tensor([0, 3, 1, 2, 0]),), "ids = [0, 3, 1, 2, 0]"),
        Case((_ids(rng, rng.randint(7, 9), 3),), "a text of three tokens"),
        Case((_ids(rng, 12, 5),), "T = 12"),
    ]


_TARGETS = Exercise(
    number="11.5",
    name="induction_targets",
    title="where an induction head should attend",
    solution=_induction_targets,
    any_device=True,
    cases=_cases,
    properties=(
        (
            "no position may be marked that is after its query",
            lambda arguments, result: not result.triu(1).any(),
        ),
        (
            "position 0 has no token before it, so it is never marked",
            lambda arguments, result: not result[:, 0].any(),
        ),
    ),
)

_TARGETS.wrong_lines(
    "the copies",
    """
    - targets[:, 1:] = same[:, :-1]
    + targets[:, :] = same[:, :]
    - return targets.tril()
    + return targets.tril(-1)
    """,
    hint="you mark the earlier copies themselves. Which token should be copied, so that it comes next?",
)

_TARGETS.wrong_lines(
    "without a mask",
    """
    - return targets.tril()
    + return targets
    """,
    hint="you also mark what follows later copies. Which positions may a query attend to?",
)

_TARGETS.wrong_lines(
    "its own copy",
    """
    - return targets.tril()
    + return targets.tril(1)
    """,
    hint="each row marks the position after its query, because a token counts as its own copy. Is it an earlier one?",
)

_TARGETS.wrong_lines(
    "rolled",
    """
    - targets = torch.zeros_like(same)
    - targets[:, 1:] = same[:, :-1]
    + targets = same.roll(1, dims=1)
    """,
    hint="where the last token equals the query's, you mark position 0. What does `roll` do with the last column?",
)

_TARGETS.wrong_lines(
    "before the copy",
    """
    - targets[:, 1:] = same[:, :-1]
    + targets[:, :-1] = same[:, 1:]
    - return targets.tril()
    + return targets.tril(-2)
    """,
    hint="you mark the position before each earlier copy. Text is predicted in the other direction.",
)

_TARGETS.wrong_lines(
    "transposed",
    """
    - return targets.tril()
    + return targets.tril().T
    """,
    hint="your result is the transpose of the right one. Rows are queries, and columns are what they attend to.",
)
