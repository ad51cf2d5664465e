"""Exercises of chapter 14: the capacity of the experts, and the balance loss."""

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.exercises.exercise import Case, Exercise, normal

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


def _ranked(experts: Tensor, n_expert: int) -> Tensor:
    """Return for each assignment its rank among those of the same expert, from 1, as one vector."""
    selected = F.one_hot(experts.flatten(), n_expert)
    return (selected.cumsum(dim=0) * selected).sum(dim=-1)


@_KEEP.mistake(
    symptom="Each expert leaves its last place empty, so more tokens are dropped than necessary.",
    hint="each expert keeps one assignment too few. Does your count of earlier assignments include the current one?",
)
def _one_too_few(experts, n_expert, factor):
    capacity = _capacity(experts, n_expert, factor)
    rank = _ranked(experts, n_expert)
    return (rank < capacity).view_as(experts)


@_KEEP.mistake(
    symptom="Right if the capacity is an integer anyway. Otherwise each expert has one place less than the task says.",
    hint="right if the equal share times the factor is an integer. Otherwise you round down: a capacity of 1.25 "
    "places must become 2.",
)
def _rounded_down(experts, n_expert, factor):
    capacity = int(factor * experts.numel() / n_expert)
    rank = _ranked(experts, n_expert)
    return (rank <= capacity).view_as(experts)


@_KEEP.mistake(
    symptom="Right if the equal share is an integer. Otherwise experts can have too many or too few places.",
    hint="right if the equal share is an integer. Otherwise you round the equal share up before you multiply it by the "
    "factor. Multiply first, then round.",
)
def _share_rounded_first(experts, n_expert, factor):
    capacity = math.ceil(experts.numel() / n_expert) * factor
    rank = _ranked(experts, n_expert)
    return (rank <= capacity).view_as(experts)


@_KEEP.mistake(
    symptom="Right for k = 1. For k = 2, half of the places are missing, and many tokens lose an expert.",
    hint="right for k = 1, but for k > 1 the capacity is too small: each token makes k assignments, so there are N k "
    "to be shared.",
)
def _without_k(experts, n_expert, factor):
    capacity = math.ceil(factor * len(experts) / n_expert)
    rank = _ranked(experts, n_expert)
    return (rank <= capacity).view_as(experts)


@_KEEP.mistake(
    symptom="The right number is dropped, but a token loses its place to a later one, so the model is not causal.",
    hint="later tokens take the places of earlier ones. In a causal model a later token must not displace an earlier "
    "one: first come, first served.",
)
def _last_come_first(experts, n_expert, factor):
    capacity = _capacity(experts, n_expert, factor)
    selected = F.one_hot(experts.flatten().flip(0), n_expert)
    rank = (selected.cumsum(dim=0) * selected).sum(dim=-1).flip(0)
    return (rank <= capacity).view_as(experts)


@_KEEP.mistake(
    symptom="An expert with one token too many processes none at all.",
    hint="an expert that is selected too often drops all of its assignments. Those that fit in must be kept.",
)
def _all_of_a_full_expert(experts, n_expert, factor):
    capacity = _capacity(experts, n_expert, factor)
    rank = experts.flatten().bincount(minlength=n_expert)[experts.flatten()]
    return (rank <= capacity).view_as(experts)


@_KEEP.mistake(
    symptom="Only the first tokens of a text are processed, whichever experts they select.",
    hint="you count all assignments together, as if there were one expert. Each expert has places of its own.",
)
def _one_count_for_all(experts, n_expert, factor):
    capacity = _capacity(experts, n_expert, factor)
    rank = torch.arange(1, experts.numel() + 1)
    return (rank <= capacity).view_as(experts)


@_KEEP.mistake(
    symptom="Right for k = 1. For k > 1, the second choice of a token gets no place although an earlier token is "
    "served.",
    hint="right for k = 1. For k > 1 you serve the first choices of all tokens before any second choice, as some "
    "systems do, so a later token can displace an earlier one. Here token n comes before token n + 1 with all choices.",
)
def _first_choices_first(experts, n_expert, factor):
    capacity = _capacity(experts, n_expert, factor)
    selected = F.one_hot(experts.T.flatten(), n_expert)
    rank = (selected.cumsum(dim=0) * selected).sum(dim=-1).view_as(experts.T).T.flatten()
    return (rank <= capacity).view_as(experts)


# 14.4


def _balance_loss(probabilities, experts):
    """Return the balance loss of one layer, E * sum_e f_e P_e, as a tensor without dimensions.

    `probabilities`, (N, E), is the router's softmax over all experts, and `experts`, (N, k), holds
    the selected ones. f_e is the share of expert e in the N k assignments, and P_e its mean
    probability over the N tokens. The loss has the dtype of `probabilities`, and a gradient with
    respect to them.
    """
    n_expert = probabilities.shape[-1]
    f = experts.flatten().bincount(minlength=n_expert) / experts.numel()  # (E,)
    return n_expert * (f * probabilities.mean(dim=0)).sum()


def _balance_cases(rng: random.Random) -> list[Case]:
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
        routed(1, 2, 1, "one token, E = 2"),
        Case((uneven, torch.zeros(6, 1, dtype=torch.int64)), "all tokens at expert 0 of 4"),
        routed(rng.randint(7, 9), 5, 1, "E = 5, k = 1"),
        routed(rng.randint(7, 9), 5, 3, "E = 5, k = 3"),
        case(6, 4, 2, "k = 2, experts that are not the most probable ones"),
        case(5, 3, 2, "float64", torch.float64),
    ]


def _of_normalized(answer, probabilities, experts):
    """Apply an answer so that gradients are those through a softmax, where a constant in each row has no effect."""
    if probabilities.requires_grad:
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    return answer(probabilities, experts)


_BALANCE = Exercise(
    number="14.4",
    name="balance_loss",
    title="the balance loss",
    solution=_balance_loss,
    cases=_balance_cases,
    call=_of_normalized,
    differentiable=("probabilities",),
)


@_BALANCE.mistake(
    symptom="The loss at balance is 1/E instead of 1, so its weight has to change with the number of experts.",
    hint="the loss is too small by a factor of E, the number of experts. At perfect balance it must be 1.",
)
def _without_e(probabilities, experts):
    f = experts.flatten().bincount(minlength=probabilities.shape[-1]) / experts.numel()
    return (f * probabilities.mean(dim=0)).sum()


@_BALANCE.mistake(
    symptom="Right for k = 1. For k = 2, the loss is 2 at balance, as in the code of transformers.",
    hint="right for k = 1, but for k > 1 too large by a factor of k: your f sums to k. Divide by the number of "
    "assignments, not of tokens.",
)
def _share_of_the_tokens(probabilities, experts):
    n_expert = probabilities.shape[-1]
    f = experts.flatten().bincount(minlength=n_expert) / len(experts)
    return n_expert * (f * probabilities.mean(dim=0)).sum()


@_BALANCE.mistake(
    symptom="Right if the selected expert is the most probable one and k = 1, but not with a bias or for k > 1.",
    hint="you count the most probable expert of each token instead of the selected ones in `experts`. They differ for "
    "k > 1, and with a bias in the selection.",
)
def _most_probable(probabilities, experts):
    n_expert = probabilities.shape[-1]
    f = probabilities.argmax(dim=-1).bincount(minlength=n_expert) / len(probabilities)
    return n_expert * (f * probabilities.mean(dim=0)).sum()


@_BALANCE.mistake(
    symptom="The loss also depends on how many tokens are in the batch.",
    hint="the loss grows with the number of tokens. P_e is a mean over the tokens, not a sum.",
)
def _sum_of_probabilities(probabilities, experts):
    n_expert = probabilities.shape[-1]
    f = experts.flatten().bincount(minlength=n_expert) / experts.numel()
    return n_expert * (f * probabilities.sum(dim=0)).sum()


@_BALANCE.mistake(
    symptom="The loss does not notice a collapse in which the probabilities are nearly equal.",
    hint="your loss does not use the selected experts at all: P_e takes the place of f_e. Count how often each expert "
    "occurs in `experts`.",
)
def _probability_squared(probabilities, experts):
    return probabilities.shape[-1] * probabilities.mean(dim=0).square().sum()


@_BALANCE.mistake(
    symptom="The number is right, but training with it changes nothing: it has no gradient.",
    hint="the number is right, but it has no gradient, so training cannot lower it. Which operation cuts "
    "`probabilities` off from the graph (detach, item, torch.tensor, no_grad)?",
)
def _without_a_gradient(probabilities, experts):
    return _balance_loss(probabilities.detach(), experts)


@_BALANCE.mistake(
    symptom="Right until the last expert is never selected. Then the two factors differ in length, and an error "
    "follows.",
    hint="raises an error if the experts with the highest indices are not selected: then `bincount` returns fewer "
    "than E counts. Which of its arguments sets the length?",
)
def _without_minlength(probabilities, experts):
    f = experts.flatten().bincount() / experts.numel()
    return probabilities.shape[-1] * (f * probabilities.mean(dim=0)).sum()


@_BALANCE.mistake(
    symptom="The loss is 100 times too small, and the training loop multiplies it by its weight once more.",
    hint="the loss is 0.01 times what it should be. Where does the weight of a loss belong?",
)
def _with_its_weight(probabilities, experts):
    return 0.01 * _balance_loss(probabilities, experts)


@_BALANCE.mistake(
    symptom="The number is right, but its gradient also changes the counts, which are no function of the router.",
    hint="the loss is right, but its gradient is not: a count follows from a selection, so f passes no gradient back.",
)
def _gradient_of_the_counts(probabilities, experts):
    n_expert = probabilities.shape[-1]
    selected = F.one_hot(experts, n_expert).sum(dim=1) / experts.shape[1]
    f = (selected + probabilities - probabilities.detach()).mean(dim=0)
    return n_expert * (f * probabilities.mean(dim=0)).sum()


# 14.5


def _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other):
    """Return two integers: the total and the active parameters of a sparse model.

    Each of the `n_layer` layers has a router, one matrix (n_expert, d_model), and `n_expert`
    experts. An expert has three matrices (a gated feed-forward layer): two from d_model to d_hidden
    and one back. There are no biases. `other` counts all parameters outside of the sparse layers,
    such as attention and embeddings. Active parameters are those used for one token: all except the
    experts that it does not select.
    """
    expert = 3 * d_model * d_hidden
    shared = other + n_layer * n_expert * d_model  # the router scores all experts
    return shared + n_layer * n_expert * expert, shared + n_layer * top_k * expert


def _parameter_cases(rng: random.Random) -> list[Case]:
    sizes = [(1, 2, 3, 2, 1, 10)]
    sizes.append((rng.randint(2, 4), rng.randint(3, 6), rng.randint(7, 9), 4, 2, rng.randint(100, 200)))
    sizes.append((rng.randint(5, 8), 16, rng.randint(20, 40), 12, 5, rng.randint(1000, 2000)))
    names = ("n_layer", "d_model", "d_hidden", "n_expert", "top_k", "other")
    return [Case(s, ", ".join(f"{k}={v}" for k, v in zip(names, s, strict=True))) for s in sizes]


_PARAMETERS = Exercise(
    number="14.5",
    name="sparse_parameters",
    title="total and active parameters",
    solution=_sparse_parameters,
    cases=_parameter_cases,
    returns=("the total", "the active parameters"),
)


@_PARAMETERS.mistake(
    symptom="Both numbers are the total, as if each token used all experts.",
    hint="the total is right, and your active parameters are all parameters. Which of the experts does a token skip?",
)
def _all_active(n_layer, d_model, d_hidden, n_expert, top_k, other):
    total = _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)[0]
    return total, total


@_PARAMETERS.mistake(
    symptom="Both numbers are the active parameters, so the memory that the experts need is missing.",
    hint="the active parameters are right, and your total has only the active experts. Where are the others stored?",
)
def _only_active(n_layer, d_model, d_hidden, n_expert, top_k, other):
    active = _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)[1]
    return active, active


@_PARAMETERS.mistake(
    symptom="A third of the experts' parameters is missing, for Mixtral 15 of 47 billion.",
    hint="your experts have two matrices. A gated feed-forward layer has two up-projections and one down-projection.",
)
def _two_matrices(n_layer, d_model, d_hidden, n_expert, top_k, other):
    expert = 2 * d_model * d_hidden
    shared = other + n_layer * n_expert * d_model
    return shared + n_layer * n_expert * expert, shared + n_layer * top_k * expert


@_PARAMETERS.mistake(
    symptom="The counts are almost right: the routers of Mixtral are 0.002 % of its parameters.",
    hint="the experts and the rest are right, but the routers are missing: one matrix in each layer.",
)
def _without_routers(n_layer, d_model, d_hidden, n_expert, top_k, other):
    expert = 3 * d_model * d_hidden
    return other + n_layer * n_expert * expert, other + n_layer * top_k * expert


@_PARAMETERS.mistake(
    symptom="The active count is slightly too low, as if the router knew in advance which rows it needs.",
    hint="the total is right, but not the active count: to select top_k experts, the router computes the scores of "
    "all of them.",
)
def _router_in_part(n_layer, d_model, d_hidden, n_expert, top_k, other):
    expert = 3 * d_model * d_hidden
    total = other + n_layer * n_expert * (d_model + expert)
    return total, other + n_layer * top_k * (d_model + expert)


@_PARAMETERS.mistake(
    symptom="For Mixtral 11.7 billion active parameters instead of 12.9.",
    hint="you multiply the total by top_k / n_expert. Attention, embeddings and routers are used for every token: "
    "which part of the parameters is divided among the experts?",
)
def _everything_divided(n_layer, d_model, d_hidden, n_expert, top_k, other):
    total = _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)[0]
    return total, total * top_k // n_expert


@_PARAMETERS.mistake(
    symptom="For Mixtral 58 billion, about what 8 x 7B suggests.",
    hint="you count the parameters outside of the sparse layers once for each expert. All experts share them.",
)
def _all_parts_for_each_expert(n_layer, d_model, d_hidden, n_expert, top_k, other):
    total, active = _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)
    return total + (n_expert - 1) * other, active + (top_k - 1) * other


@_PARAMETERS.mistake(
    symptom="The two numbers are exchanged.",
    hint="both numbers are right, but in the wrong order: the total comes first.",
)
def _exchanged(n_layer, d_model, d_hidden, n_expert, top_k, other):
    return _sparse_parameters(n_layer, d_model, d_hidden, n_expert, top_k, other)[::-1]
