"""Exercises of chapter 14: the usual expert of a character, and the balance loss."""

import random

import torch
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 14.3


def _usual_experts(experts, ids):
    """Return for each token the usual expert of its character, an int64 tensor of shape (N,).

    `ids`, (N,), holds the characters of N tokens, and `experts`, (N,), the expert that the router
    chose for each of them. Tokens with the same character get the same expert: the one that the
    router chose most often for this character; of equally frequent ones, the one with the lowest
    number.
    """
    counts = torch.zeros(int(ids.max()) + 1, int(experts.max()) + 1)
    counts.index_put_((ids, experts), torch.tensor(1.0), accumulate=True)
    usual = counts.argmax(dim=1)  # of each character
    return usual[ids]


def _usual_cases(rng: random.Random) -> list[Case]:
    def case(n: int, symbols: int, n_expert: int, about: str) -> Case:
        """Return tokens whose characters have a favorite expert each, and go elsewhere at times."""
        favorites = [rng.randrange(n_expert) for _ in range(symbols)]
        ids = [rng.randrange(symbols) for _ in range(n)]
        experts = [rng.choice([favorites[i], favorites[i], rng.randrange(n_expert)]) for i in ids]
        return Case((torch.tensor(experts), torch.tensor(ids)), about)

    return [
        Case((torch.tensor([1, 0, 1, 2]), torch.tensor([0, 0, 0, 1])), "four tokens, two characters"),
        Case((torch.tensor([0, 2, 2, 0, 0, 1]), torch.tensor([3, 1, 1, 1, 3, 0])), "six tokens, character 2 never"),
        case(12, 3, 4, "N = 12, three characters, E = 4"),
        case(rng.randint(30, 40), 5, 8, "N > 29, five characters, E = 8"),
    ]


def _same_for_each_character(arguments: tuple[Tensor, Tensor], usual: Tensor) -> bool:
    _, ids = arguments
    return all(len(usual[ids == i].unique()) == 1 for i in ids.unique())


_USUAL = Exercise(
    number="14.3",
    name="usual_experts",
    title="send each letter to its usual expert",
    solution=_usual_experts,
    cases=_usual_cases,
    properties=(
        ("tokens with the same character must get the same expert", _same_for_each_character),
        (
            "a token gets an expert to which its character never goes",
            lambda arguments, usual: all(
                ((arguments[0] == e) & (arguments[1] == i)).any() for e, i in zip(usual, arguments[1], strict=True)
            ),
        ),
    ),
)

_USUAL.wrong_lines(
    "pairs counted once",
    """
    - counts.index_put_((ids, experts), torch.tensor(1.0), accumulate=True)
    + counts[ids, experts] += 1
    """,
    hint="with an index that has repeated entries, `+=` adds only once for each different pair. Which function "
    "accumulates?",
)

_USUAL.wrong_lines(
    "the busiest expert",
    """
    - usual = counts.argmax(dim=1)
    + usual = counts.sum(dim=0).argmax().expand(len(counts))
    """,
    hint="all tokens go to the expert that is the busiest on the whole text. Count for each character apart.",
)

_USUAL.wrong_lines(
    "the rarest",
    """
    - usual = counts.argmax(dim=1)
    + usual = counts.argmin(dim=1)
    """,
    hint="you take the expert to which a character goes least often.",
)

_USUAL.wrong_lines(
    "a character for each expert",
    """
    - usual = counts.argmax(dim=1)
    + usual = counts.argmax(dim=0)
    """,
    hint="you find the most frequent character of each expert. Which dimension of the counts belongs to the experts?",
)

_USUAL.wrong_lines(
    "a row for each character",
    """
    - return usual[ids]
    + return usual
    """,
    hint="your result has one entry for each character of the alphabet. The task asks for one for each token: look up "
    "its character.",
)


# 14.4


def _balance_loss(probabilities, experts):
    """Return the balance loss E * sum_e f_e P_e, a tensor of shape ().

    `probabilities`, (N, E), holds the softmax of a router's scores for N tokens, and `experts`,
    (N, k), the experts that were selected. f_e is the share of expert e in the N k assignments,
    and P_e its mean probability over the tokens. The result has a gradient with respect to
    `probabilities`; counts have none.
    """
    n_expert = probabilities.shape[-1]
    f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    P = probabilities.mean(dim=0)
    return n_expert * (f * P).sum()


def _balance_cases(rng: random.Random) -> list[Case]:
    def case(n: int, n_expert: int, top_k: int, about: str, dtype: torch.dtype = torch.float32) -> Case:
        """Return probabilities and experts that need not be the most probable ones; the last one is dead."""
        probabilities = normal(rng, n, n_expert, dtype=dtype).softmax(dim=-1)
        experts = torch.tensor([rng.sample(range(n_expert - 1), top_k) for _ in range(n)])
        return Case((probabilities, experts), about)

    return [
        Case((torch.tensor([[0.75, 0.25], [0.25, 0.75]]), torch.tensor([[0], [1]])), "two tokens, balanced"),
        Case((torch.tensor([[0.75, 0.25], [0.5, 0.5]]), torch.tensor([[0], [0]])), "two tokens, the same expert"),
        case(5, 4, 1, "N = 5, E = 4, k = 1, the last expert is dead"),
        case(rng.randint(6, 8), 5, 2, "E = 5, k = 2, the last expert is dead"),
        case(6, 8, 3, "N = 6, E = 8, k = 3, float64", dtype=torch.float64),
    ]


_BALANCE = Exercise(
    number="14.4",
    name="balance_loss",
    title="the balance loss",
    solution=_balance_loss,
    cases=_balance_cases,
    differentiable=("probabilities",),
)

_BALANCE.wrong_lines(
    "without the number of experts",
    """
    - return n_expert * (f * P).sum()
    + return (f * P).sum()
    """,
    hint="the factor E is missing: at balance, the loss must be 1 for any number of experts.",
)

_BALANCE.wrong_lines(
    "share of the tokens",
    """
    - f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    + f = experts.flatten().bincount(minlength=n_expert) / len(experts)
    """,
    hint="right for k = 1, but for k > 1 too large by a factor of k: your f sums to k. Divide by the number of "
    "assignments, not of tokens.",
)

_BALANCE.wrong_lines(
    "most probable",
    """
    - f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    + f = probabilities.argmax(dim=-1).bincount(minlength=n_expert) / len(experts)
    """,
    hint="you count the most probable expert of each token instead of the selected ones in `experts`.",
)

_BALANCE.wrong_lines(
    "probabilities twice",
    """
    - f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    + f = probabilities.mean(dim=0)
    """,
    hint="you square the mean probabilities. A router that is undecided, and selects one expert all the same, would "
    "count as balanced: f comes from the selected experts.",
)

_BALANCE.wrong_lines(
    "counts twice",
    """
    - P = probabilities.mean(dim=0)
    + P = f
    """,
    hint="you square the loads. Counts have no gradient, so this loss could not change the router: the second factor "
    "is the mean probability.",
)

_BALANCE.wrong_lines(
    "detached",
    """
    - P = probabilities.mean(dim=0)
    + P = probabilities.mean(dim=0).detach()
    """,
    hint="the loss is right, but it has no gradient with respect to the probabilities. Which operation cuts them off "
    "from the graph?",
)

_BALANCE.wrong_lines(
    "summed over the tokens",
    """
    - P = probabilities.mean(dim=0)
    + P = probabilities.sum(dim=0)
    """,
    hint="the loss is too large by a factor of N, the number of tokens. P_e is a mean.",
)

_BALANCE.wrong_lines(
    "counted up to the last expert that has a token",
    """
    - f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    + f = experts.flatten().bincount() / experts.numel()
    """,
    hint="an expert without tokens gets no entry if it is the last one, so that f is too short. `bincount` can be told "
    "the number of entries.",
)
