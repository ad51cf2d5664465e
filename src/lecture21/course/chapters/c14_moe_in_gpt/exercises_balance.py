"""Exercises of chapter 14: the capacity of the experts, the pull of the balance loss, and what a step reads."""

import math
import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 14.3


def _keep(experts, n_expert, factor):
    """Return which assignments are processed, a bool tensor of the shape of `experts`, (N, k).

    Each of the `n_expert` experts has a capacity: its equal share of the N k assignments, times
    `factor`, rounded up to an integer. Assignments take the places of their expert in the order of
    the tokens, and for one token from left to right. An assignment whose expert is already full
    is dropped (False) and takes no other place.
    """
    capacity = math.ceil(factor * experts.numel() / n_expert)
    selected = F.one_hot(experts.flatten(), n_expert)  # (N k, E)
    rank = (selected.cumsum(dim=0) * selected).sum(dim=-1)  # 1 for the first one of an expert
    return (rank <= capacity).view_as(experts)


def _keep_cases(rng: random.Random) -> list[Case]:
    def drawn(n: int, n_expert: int, k: int) -> Tensor:
        """Return experts of which the first is selected most often."""
        rows = [rng.sample(range(n_expert), k) for _ in range(n)]
        return torch.tensor([[0, *[e for e in row if e][: k - 1]] if rng.random() < 0.5 else row for row in rows])

    n = rng.randint(9, 12)
    second = torch.tensor([[1, 0], [2, 0], [0, 3], [3, 0], [0, 1], [1, 0]])  # second choices before later first ones
    return [
        Case((torch.tensor([[0]]), 2, 1.0), "one token"),
        Case((torch.tensor([[1]] * 5), 4, 1.0), "five tokens that select the same of four experts, factor 1"),
        Case((torch.zeros(7, 1, dtype=torch.int64), 3, 2.0), "N = 7, E = 3, k = 1, factor 2"),
        Case((drawn(n, 4, 1), 4, 1.0), f"N = {n}, E = 4, k = 1, factor 1"),
        Case((second, 4, 1.0), "N = 6, E = 4, k = 2, factor 1"),
        Case((drawn(n, 3, 2), 3, 0.5), f"N = {n}, E = 3, k = 2, factor 0.5"),
        Case((torch.tensor([[2]] * 7 + [[0], [1]]), 4, 1.25), "N = 9, E = 4, k = 1, factor 1.25"),
        Case((drawn(6, 3, 1), 3, 8.0), "a capacity above the number of tokens"),
    ]


def _loads(arguments: tuple[Tensor, int, float], kept: Tensor) -> Tensor:
    return arguments[0][kept].bincount(minlength=arguments[1])


_KEEP = Exercise(
    number="14.3",
    name="keep",
    title="capacity and dropped tokens",
    solution=_keep,
    cases=_keep_cases,
    properties=(
        (
            "an expert processes more assignments than its capacity",
            lambda arguments, kept: bool((_loads(arguments, kept) <= _capacity(*arguments)).all()),
        ),
        (
            "an assignment is dropped although its expert still has a free place",
            lambda arguments, kept: bool(
                (
                    _loads(arguments, kept)
                    == arguments[0].flatten().bincount(minlength=arguments[1]).clamp(max=_capacity(*arguments))
                ).all()
            ),
        ),
    ),
)


def _capacity(experts: Tensor, n_expert: int, factor: float) -> int:
    return math.ceil(factor * experts.numel() / n_expert)


_KEEP.wrong_lines(
    "one too few",
    """
    - return (rank <= capacity).view_as(experts)
    + return (rank < capacity).view_as(experts)
    """,
    hint="each expert keeps one assignment too few. Does your count of earlier assignments include the current one?",
)

_KEEP.wrong_lines(
    "rounded down",
    """
    - capacity = math.ceil(factor * experts.numel() / n_expert)
    + capacity = int(factor * experts.numel() / n_expert)
    """,
    hint="right if the equal share times the factor is an integer. Otherwise you round down: a capacity of 1.25 "
    "places must become 2.",
)

_KEEP.wrong_lines(
    "share rounded first",
    """
    - capacity = math.ceil(factor * experts.numel() / n_expert)
    + capacity = math.ceil(experts.numel() / n_expert) * factor
    """,
    hint="right if the equal share is an integer. Otherwise you round the equal share up before you multiply it by the "
    "factor. Multiply first, then round.",
)

_KEEP.wrong_lines(
    "without k",
    """
    - capacity = math.ceil(factor * experts.numel() / n_expert)
    + capacity = math.ceil(factor * len(experts) / n_expert)
    """,
    hint="right for k = 1, but for k > 1 the capacity is too small: each token makes k assignments, so there are N k "
    "to be shared.",
)

_KEEP.wrong_lines(
    "last come first",
    """
    - selected = F.one_hot(experts.flatten(), n_expert)
    + selected = F.one_hot(experts.flatten().flip(0), n_expert)
    - rank = (selected.cumsum(dim=0) * selected).sum(dim=-1)
    + rank = (selected.cumsum(dim=0) * selected).sum(dim=-1).flip(0)
    """,
    hint="later tokens take the places of earlier ones. In a causal model a later token must not displace an earlier "
    "one: first come, first served.",
)

_KEEP.wrong_lines(
    "all of a full expert",
    """
    - rank = (selected.cumsum(dim=0) * selected).sum(dim=-1)
    + rank = experts.flatten().bincount(minlength=n_expert)[experts.flatten()]
    """,
    hint="an expert that is selected too often drops all of its assignments. Those that fit in must be kept.",
)

_KEEP.wrong_lines(
    "one count for all",
    """
    - rank = (selected.cumsum(dim=0) * selected).sum(dim=-1)
    + rank = torch.arange(1, experts.numel() + 1)
    """,
    hint="you count all assignments together, as if there were one expert. Each expert has places of its own.",
)

_KEEP.wrong_lines(
    "first choices first",
    """
    - selected = F.one_hot(experts.flatten(), n_expert)
    + selected = F.one_hot(experts.T.flatten(), n_expert)
    - rank = (selected.cumsum(dim=0) * selected).sum(dim=-1)
    + rank = (selected.cumsum(dim=0) * selected).sum(dim=-1).view_as(experts.T).T.flatten()
    """,
    hint="right for k = 1. For k > 1 you serve the first choices of all tokens before any second choice, as some "
    "systems do, so a later token can displace an earlier one. Here token n comes before token n + 1 with all choices.",
)


# 14.4


def _balance_pull(probabilities, experts):
    """Return the gradient of the balance loss with respect to the router's scores, (N, E).

    `probabilities`, (N, E), is the softmax of the scores over all experts, and `experts`, (N, k),
    holds the selected ones. The loss is E * sum_e f_e P_e: f_e is the share of expert e in the N k
    assignments and counts as a constant, and P_e is its mean probability over the N tokens. The
    gradient has the dtype of `probabilities`. Derive it on paper: the check refuses a gradient that
    autograd computed.
    """
    n_token, n_expert = probabilities.shape
    f = experts.flatten().bincount(minlength=n_expert) / experts.numel()  # (E,)
    reference = (probabilities * f).sum(dim=-1, keepdim=True)  # (N, 1)
    return n_expert / n_token * probabilities * (f - reference)


def _without_autograd(answer: Callable[..., Tensor], probabilities: Tensor, experts: Tensor) -> tuple[Tensor, bool]:
    """Return the gradient, and whether autograd kept nothing to compute it from."""
    kept: list[bool] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(True)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        return answer(probabilities, experts), not kept


def _pull_cases(rng: random.Random) -> list[Case]:
    def case(n: int, n_expert: int, k: int, about: str, dtype: torch.dtype = torch.float32) -> Case:
        """Draw experts that are not the most probable ones, as with a selection bias."""
        probabilities = normal(rng, n, n_expert, dtype=dtype).softmax(dim=-1)
        experts = torch.tensor([rng.sample(range(n_expert), k) for _ in range(n)])
        return Case((probabilities, experts), about)

    def routed(n: int, n_expert: int, k: int, about: str) -> Case:
        probabilities = (2 * normal(rng, n, n_expert)).softmax(dim=-1)
        return Case((probabilities, probabilities.topk(k, dim=-1).indices), about)

    uneven = (normal(rng, 6, 4) + torch.tensor([4.0, 0, 0, -4.0])).softmax(dim=-1)
    return [
        routed(2, 2, 1, "two tokens, E = 2"),
        Case((uneven, torch.zeros(6, 1, dtype=torch.int64)), "all tokens at expert 0 of 4"),
        routed(rng.randint(7, 9), 5, 1, "E = 5, k = 1"),
        routed(rng.randint(7, 9), 5, 3, "E = 5, k = 3"),
        case(6, 4, 2, "k = 2, experts that are not the most probable ones"),
        case(5, 3, 2, "float64", torch.float64),
    ]


_PULL = Exercise(
    number="14.4",
    name="balance_pull",
    title="the pull of the balance loss",
    solution=_balance_pull,
    cases=_pull_cases,
    call=_without_autograd,
    returns=("the gradient", "whether it is derived by hand"),
    in_order=True,
    properties=(
        (
            "the same number added to all scores of a token changes no probability, so each row of the gradient must "
            "sum to 0",
            lambda _, result: bool((result[0].sum(dim=-1).abs() < 1e-5).all()),
        ),
    ),
)


@_PULL.mistake(
    hint="the gradient is right, but autograd computed it. The task is to derive it, since the formula says which "
    "experts are pulled, and how hard: how does the probability of an expert change with each score of its token?",
)
def _by_autograd(probabilities, experts):
    n_expert = probabilities.shape[1]
    scores = probabilities.log().requires_grad_()
    f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    with torch.enable_grad():
        mean = scores.softmax(dim=-1).mean(dim=0)
        loss = n_expert * (f * mean).sum()
        loss.backward()
    return scores.grad


_PULL.wrong_lines(
    "of the probabilities",
    """
    - return n_expert / n_token * probabilities * (f - reference)
    + return (n_expert / n_token * f).to(probabilities.dtype).expand(n_token, n_expert)
    """,
    hint="this is the gradient with respect to the probabilities, the same for every token. The scores come before a "
    "softmax: what does its derivative add?",
)

_PULL.wrong_lines(
    "against an equal share",
    """
    - reference = (probabilities * f).sum(dim=-1, keepdim=True)
    + reference = 1 / n_expert
    """,
    hint="you compare the load of an expert with 1/E. The same number added to all scores of a token changes nothing, "
    "so each row must sum to 0: what must you subtract from f, for each token?",
)

_PULL.wrong_lines(
    "mean over the tokens",
    """
    - reference = (probabilities * f).sum(dim=-1, keepdim=True)
    + reference = (probabilities * f).sum(dim=-1).mean()
    """,
    hint="you subtract the same number for all tokens. The softmax of one token does not contain the probabilities of "
    "the others.",
)

_PULL.wrong_lines(
    "own probability only",
    """
    - reference = (probabilities * f).sum(dim=-1, keepdim=True)
    + reference = probabilities * f
    """,
    hint="you use how a score changes its own probability, p (1 - p). It changes the other probabilities of the token "
    "too.",
)

_PULL.wrong_lines(
    "without the probability",
    """
    - return n_expert / n_token * probabilities * (f - reference)
    + return n_expert / n_token * (f - reference)
    """,
    hint="the bracket is right, but each score must also be multiplied by something: how much does a probability near "
    "0 change with its score?",
)

_PULL.wrong_lines(
    "the other sign",
    """
    - return n_expert / n_token * probabilities * (f - reference)
    + return n_expert / n_token * probabilities * (reference - f)
    """,
    hint="the sign is wrong: the gradient points to where the loss increases. Which scores have to rise for that?",
)

_PULL.wrong_lines(
    "summed over the tokens",
    """
    - return n_expert / n_token * probabilities * (f - reference)
    + return n_expert * probabilities * (f - reference)
    """,
    hint="the gradient is too large by a factor of N, the number of tokens. P_e is a mean.",
)

_PULL.wrong_lines(
    "share of the tokens",
    """
    - f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    + f = experts.flatten().bincount(minlength=n_expert) / n_token
    """,
    hint="right for k = 1, but for k > 1 too large by a factor of k: your f sums to k. Divide by the number of "
    "assignments, not of tokens.",
)

_PULL.wrong_lines(
    "most probable",
    """
    - f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    + f = probabilities.argmax(dim=-1).bincount(minlength=n_expert) / n_token
    """,
    hint="you count the most probable expert of each token instead of the selected ones in `experts`. They differ for "
    "k > 1, and with a bias in the selection.",
)


# 14.5


def _experts_read(loads, users):
    """Return how many different experts of a layer one step reads on average, a float.

    `loads`, (E,), holds for each expert the probability that a token selects it; they sum to k. The
    step processes one token for each of `users` users, and the users' choices are independent. An
    expert is read once if at least one token selects it.
    """
    unread = (1 - loads) ** users  # (E,): nobody selects this expert
    return (1 - unread).sum().item()


def _read_cases(rng: random.Random) -> list[Case]:
    def uneven(n_expert: int, top_k: int) -> Tensor:
        """Return loads as those of a router, between 0 and 1."""
        rows = [rng.sample(range(n_expert - 1), top_k) for _ in range(20)]  # the last expert is dead
        return torch.tensor(rows).flatten().bincount(minlength=n_expert).double() / len(rows)

    return [
        Case((torch.tensor([0.5, 0.5], dtype=torch.float64), 1), "one user, E = 2, k = 1"),
        Case((torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), 2), "two users, E = 3, k = 1"),
        Case((uneven(6, 2), rng.randint(3, 5)), "E = 6, k = 2, one expert dead"),
        Case((uneven(9, 3), rng.randint(8, 20)), "E = 9, k = 3, many users"),
    ]


_READ = Exercise(
    number="14.5",
    name="experts_read",
    title="how many experts a step reads",
    solution=_experts_read,
    cases=_read_cases,
    properties=(
        (
            "no step reads more experts than there are",
            lambda arguments, result: result <= len(arguments[0]) + 1e-9,
        ),
        (
            "a step reads at least the k experts of its first user",
            lambda arguments, result: result >= arguments[0].sum() - 1e-6,
        ),
    ),
)


@_READ.mistake(
    hint="right for one user. With more, you count assignments: an expert that two users select is read once."
)
def _assignments(loads, users):
    unread = (1 - loads) ** users
    return (users * loads).sum().item()


@_READ.mistake(
    hint="right for one user. You cap the expected number of users of an expert at 1, but where the mean is 1, "
    "sometimes nobody comes.",
)
def _capped(loads, users):
    unread = (1 - loads) ** users
    return (users * loads).clamp(max=1).sum().item()


@_READ.mistake(hint="you compute the probability that all users select an expert. One of them is enough.")
def _all_users(loads, users):
    unread = (1 - loads) ** users
    return (loads**users).sum().item()


@_READ.mistake(hint="this is the number of experts that nobody selects.")
def _the_unread(loads, users):
    unread = (1 - loads) ** users
    return unread.sum().item()


@_READ.mistake(
    hint="right for even loads: you replace each load by their mean. What does a dead expert add to the sum?"
)
def _even(loads, users):
    unread = (1 - loads.mean()) ** users
    return (len(loads) * (1 - unread)).item()


@_READ.mistake(
    hint="right for k = 1. You divide the loads by their sum, and then a token selects one expert instead of k."
)
def _divided_by_k(loads, users):
    unread = (1 - loads / loads.sum()) ** users
    return (1 - unread).sum().item()
