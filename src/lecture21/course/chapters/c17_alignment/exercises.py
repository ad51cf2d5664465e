"""Exercises of chapter 17: losses on preference pairs, best-of-n, and the advantages of a policy gradient."""

import math
import random

import torch
import torch.nn.functional as F

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 17.1


def _preference_loss(chosen, rejected):
    """Return the Bradley-Terry loss -log sigmoid(chosen - rejected), its mean over the pairs.

    `chosen` and `rejected` hold the rewards of the preferred and the other responses, shape (N,).
    The loss is a tensor without dimensions, of their dtype, finite for every difference, and
    passes a gradient to the rewards.
    """
    return -F.logsigmoid(chosen - rejected).mean()


def _pair_cases(rng: random.Random) -> list[Case]:
    n = rng.randint(4, 7)
    return [
        Case((torch.tensor([1.5]), torch.tensor([0.5])), "one pair, rewards 1.5 and 0.5"),
        Case((normal(rng, n), normal(rng, n)), f"{n} pairs"),
        Case((normal(rng, 3) - 1000, normal(rng, 3) + 1000), "three pairs, the chosen reward lower by about 2,000"),
        Case((normal(rng, 3) + 1000, normal(rng, 3) - 1000), "three pairs, the chosen reward higher by about 2,000"),
        Case((normal(rng, 5, dtype=torch.float64), normal(rng, 5, dtype=torch.float64)), "five pairs, float64"),
    ]


_PAIR = Exercise(
    number="17.1",
    name="preference_loss",
    title="the Bradley–Terry loss",
    solution=_preference_loss,
    cases=_pair_cases,
    differentiable=("chosen", "rejected"),
    properties=(
        ("the loss must be a finite number", lambda arguments, loss: bool(loss.isfinite())),
        (
            "the loss is minus the logarithm of a probability, so it cannot be negative",
            lambda arguments, loss: loss >= 0,
        ),
    ),
)


@_PAIR.mistake(
    hint="your loss decreases as the rejected response's reward increases. Which difference must become large?"
)
def _the_other_way_round(chosen, rejected):
    return -F.logsigmoid(rejected - chosen).mean()


@_PAIR.mistake(
    hint="for a large negative difference the sigmoid rounds to 0, and its logarithm is infinite. PyTorch has one "
    "function for both.",
)
def _two_functions(chosen, rejected):
    return -torch.sigmoid(chosen - rejected).log().mean()


@_PAIR.mistake(hint="adding 1 to both rewards changes your loss. Take the difference first, then the sigmoid.")
def _a_sigmoid_each(chosen, rejected):
    return (F.logsigmoid(rejected) - F.logsigmoid(chosen)).mean()


@_PAIR.mistake(hint="the sign is wrong: a loss is the negative logarithm of the probability.")
def _without_the_minus(chosen, rejected):
    return F.logsigmoid(chosen - rejected).mean()


@_PAIR.mistake(hint="you average the probabilities themselves. Where is the logarithm?")
def _without_the_logarithm(chosen, rejected):
    return -torch.sigmoid(chosen - rejected).mean()


@_PAIR.mistake(
    hint="you average the differences and then apply the loss. Each pair has a loss of its own: average these."
)
def _mean_inside(chosen, rejected):
    return -F.logsigmoid((chosen - rejected).mean())


@_PAIR.mistake(hint="your loss is the sum over the pairs. The task wants their mean.")
def _summed(chosen, rejected):
    return -F.logsigmoid(chosen - rejected).sum()


@_PAIR.mistake(hint="you return one loss for each pair. How do they become one number?")
def _one_for_each_pair(chosen, rejected):
    return -F.logsigmoid(chosen - rejected)


@_PAIR.mistake(
    hint="the value is right, but its gradient does not reach both rewards. Does `detach`, `item`, `torch.tensor` or "
    "NumPy separate it from them?",
)
def _without_a_gradient(chosen, rejected):
    return -F.logsigmoid(chosen - rejected).mean().detach()


# 17.4


def _dpo(chosen, rejected, reference_chosen, reference_rejected, beta):
    """Return the DPO loss, its mean over the pairs.

    The first four arguments hold log-probabilities of complete responses, shape (N,): of the
    preferred and the other responses under the policy, then of the same under the reference.
    The loss is a tensor without dimensions, of their dtype, and passes a gradient to the policy.
    `beta` is a positive number.
    """
    implicit_chosen = beta * (chosen - reference_chosen)
    implicit_rejected = beta * (rejected - reference_rejected)
    return -F.logsigmoid(implicit_chosen - implicit_rejected).mean()


def _dpo_cases(rng: random.Random) -> list[Case]:
    n = rng.randint(4, 6)

    def logs(count: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, ...]:
        return tuple(3 * normal(rng, count, dtype=dtype) - 12 for _ in range(4))

    alike = logs(3)[:2]
    far = (torch.tensor([-900.0, -20.0]), torch.tensor([-10.0, -21.0]))
    return [
        Case((*(torch.tensor([x]) for x in (-3.0, -2.0, -4.0, -2.5)), 0.5), "one pair, beta = 0.5"),
        Case((*alike, *alike, 0.3), "three pairs, a policy that equals the reference"),
        Case((*logs(n), 0.1), f"{n} pairs, beta = 0.1"),
        Case((*logs(5, torch.float64), 2.0), "five pairs, float64, beta = 2"),
        Case((*far, *(torch.tensor([-15.0, -15.0]) for _ in range(2)), 1.0), "one log-probability of -900"),
    ]


_DPO = Exercise(
    number="17.4",
    name="dpo",
    title="the DPO loss",
    solution=_dpo,
    cases=_dpo_cases,
    differentiable=("chosen", "rejected"),
    properties=(
        ("the loss must be a finite number", lambda arguments, loss: bool(loss.isfinite())),
        (
            "a policy that equals the reference has no preference, so its loss must be ln 2",
            lambda arguments, loss: (
                not (torch.equal(arguments[0], arguments[2]) and torch.equal(arguments[1], arguments[3]))
                or abs(loss.item() - 0.6931) < 1e-3
            ),
        ),
    ),
)


@_DPO.mistake(
    hint="your loss ignores the reference. The implicit reward is beta times the ratio of two probabilities, in "
    "logarithms.",
)
def _without_the_reference(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = beta * chosen
    implicit_rejected = beta * rejected
    return -F.logsigmoid(implicit_chosen - implicit_rejected).mean()


@_DPO.mistake(
    hint="your loss decreases as the rejected response becomes more likely. Which of the two implicit rewards must "
    "be higher?",
)
def _prefers_the_rejected(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = beta * (chosen - reference_chosen)
    implicit_rejected = beta * (rejected - reference_rejected)
    return -F.logsigmoid(implicit_rejected - implicit_chosen).mean()


@_DPO.mistake(hint="your loss does not depend on beta.")
def _without_beta(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = chosen - reference_chosen
    implicit_rejected = rejected - reference_rejected
    return -F.logsigmoid(implicit_chosen - implicit_rejected).mean()


@_DPO.mistake(
    hint="you multiply the loss by beta. It belongs inside the sigmoid, where it scales the implicit rewards."
)
def _beta_outside(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = chosen - reference_chosen
    implicit_rejected = rejected - reference_rejected
    return -beta * F.logsigmoid(implicit_chosen - implicit_rejected).mean()


@_DPO.mistake(
    hint="the reference's preference is added where it must be subtracted. Start with one response: log policy minus "
    "log reference.",
)
def _reference_added(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = beta * (chosen + reference_chosen)
    implicit_rejected = beta * (rejected + reference_rejected)
    return -F.logsigmoid(implicit_chosen - implicit_rejected).mean()


@_DPO.mistake(hint="you use probabilities where the formula has their logarithms, which are already given.")
def _probabilities(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = beta * (chosen.exp() - reference_chosen.exp())
    implicit_rejected = beta * (rejected.exp() - reference_rejected.exp())
    return -F.logsigmoid(implicit_chosen - implicit_rejected).mean()


@_DPO.mistake(
    hint="for a large negative difference the sigmoid rounds to 0, and its logarithm is infinite. Exercise 17.1 "
    "has the same remedy.",
)
def _sigmoid_then_logarithm(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = beta * (chosen - reference_chosen)
    implicit_rejected = beta * (rejected - reference_rejected)
    return -torch.sigmoid(implicit_chosen - implicit_rejected).log().mean()


@_DPO.mistake(hint="your loss is the sum over the pairs. The task wants their mean.")
def _dpo_summed(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = beta * (chosen - reference_chosen)
    implicit_rejected = beta * (rejected - reference_rejected)
    return -F.logsigmoid(implicit_chosen - implicit_rejected).sum()


@_DPO.mistake(hint="the value is right, but its gradient does not reach both log-probabilities of the policy.")
def _dpo_without_a_gradient(chosen, rejected, reference_chosen, reference_rejected, beta):
    implicit_chosen = beta * (chosen - reference_chosen)
    implicit_rejected = beta * (rejected - reference_rejected)
    return -F.logsigmoid(implicit_chosen - implicit_rejected).mean().detach()


# 17.2


def _best_of_n(rewards, n):
    """Return which of its first n responses each prompt gets, and how far best-of-n moves.

    `rewards` has the shape (R, M) with M >= n: the rewards of M responses to each of R prompts.
    Return the index of the highest reward among the first n, int64 of shape (R,), and the
    KL divergence log n - (n - 1) / n in nats, a number.
    """
    return rewards[:, :n].argmax(dim=1), math.log(n) - (n - 1) / n


def _best_cases(rng: random.Random) -> list[Case]:
    r, m = rng.randint(5, 6), rng.randint(8, 10)
    wide = normal(rng, r, m)
    wide[:, -1] = 9.0  # the best response is not among the first n
    negative = normal(rng, 4, 6, dtype=torch.float64) - 20
    return [
        Case((torch.tensor([[0.5, 2.0]]), 2), "one prompt, two responses"),
        Case((normal(rng, 3, 5), 1), "n = 1"),
        Case((normal(rng, r, m), m), f"{r} prompts, all {m} responses"),
        Case((wide, 4), f"the first 4 of {m} responses"),
        Case((negative, 3), "negative rewards, float64"),
    ]


_BEST = Exercise(
    number="17.2",
    name="best_of_n",
    title="best-of-n",
    solution=_best_of_n,
    cases=_best_cases,
    returns=("the indices", "the KL divergence"),
    properties=(
        (
            "every index must be below n",
            lambda arguments, result: bool((torch.as_tensor(result[0]) < arguments[1]).all()),
        ),
        (
            "for n = 1 the response is one of the reference's, so the KL divergence must be 0",
            lambda arguments, result: arguments[1] != 1 or abs(float(result[1])) < 1e-6,
        ),
    ),
)


@_BEST.mistake(hint="your choice uses all responses. Only the first n have been sampled.")
def _of_all(rewards, n):
    return rewards.argmax(dim=1), math.log(n) - (n - 1) / n


@_BEST.mistake(hint="you choose the lowest reward.")
def _worst_of_n(rewards, n):
    return rewards[:, :n].argmin(dim=1), math.log(n) - (n - 1) / n


@_BEST.mistake(hint="you choose among the prompts. Over which dimension of `rewards` do the responses run?")
def _among_prompts(rewards, n):
    return rewards[:, :n].argmax(dim=0), math.log(n) - (n - 1) / n


@_BEST.mistake(hint="you return the highest rewards. The task wants to know where they are.")
def _rewards_themselves(rewards, n):
    return rewards[:, :n].amax(dim=1), math.log(n) - (n - 1) / n


@_BEST.mistake(
    hint="ln n would be the divergence if one of n equally likely responses were chosen with certainty. The second "
    "term, (n - 1) / n, is missing.",
)
def _logarithm_only(rewards, n):
    return rewards[:, :n].argmax(dim=1), math.log(n)


@_BEST.mistake(hint="your divergence is too small by 2/n: is it (n + 1) / n or (n - 1) / n that is subtracted?")
def _plus_one(rewards, n):
    return rewards[:, :n].argmax(dim=1), math.log(n) - (n + 1) / n


@_BEST.mistake(hint="your logarithm has the base 2. Nats need the natural logarithm.")
def _base_two(rewards, n):
    return rewards[:, :n].argmax(dim=1), math.log2(n) - (n - 1) / n


# 17.3


def _advantages(rewards, log_policy, log_reference, beta, group):
    """Return the advantage of each response, a tensor of shape (B,) with the dtype of `rewards`.

    `rewards` has the shape (B,); the `group` responses to one prompt are next to each other.
    `log_policy` and `log_reference`, shape (B, N), hold the log-probability of each token, 0 for
    padding. Penalized reward: the reward minus beta times the log-ratio of the complete response.
    Advantage: that, minus the mean penalized reward of the *other* responses to the same prompt.
    """
    log_ratio = (log_policy - log_reference).sum(dim=1)  # (B,)
    penalized = (rewards - beta * log_ratio).view(-1, group)  # (prompts, group)
    others = (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)
    return (penalized - others).flatten()


def _advantage_cases(rng: random.Random) -> list[Case]:
    def case(prompts: int, group: int, n: int, beta: float, about: str, dtype: torch.dtype = torch.float32) -> Case:
        size = prompts * group
        logs = [normal(rng, size, n, dtype=dtype).abs().neg() for _ in range(2)]
        for row in range(0, size, 2):  # the shorter responses end with padding
            for each in logs:
                each[row, n // 2 + 1 :] = 0.0
        level = 5 * normal(rng, prompts, dtype=dtype).repeat_interleave(group)  # some prompts are easier
        return Case((level + normal(rng, size, dtype=dtype), *logs, beta, group), about)

    b = rng.randint(3, 4)
    return [
        case(1, 2, 1, 0.5, "one prompt, two responses of one token"),
        case(2, 3, 4, 0.0, "two prompts, three responses each, beta = 0"),
        case(b, 4, 6, 0.3, f"{b} prompts, four responses each"),
        case(4, 2, 5, 1.0, "four prompts, two responses each, float64", torch.float64),
    ]


_ADVANTAGES = Exercise(
    number="17.3",
    name="advantages",
    title="advantages with a KL penalty",
    solution=_advantages,
    cases=_advantage_cases,
    properties=(
        (
            "the advantages of each prompt must sum to 0",
            lambda arguments, result: torch.allclose(
                result.view(-1, arguments[4]).sum(dim=1), torch.zeros(1, dtype=result.dtype), atol=1e-3
            ),
        ),
    ),
)

_ADVANTAGES.wrong_lines(
    "penalty added",
    """
    - penalized = (rewards - beta * log_ratio).view(-1, group)
    + penalized = (rewards + beta * log_ratio).view(-1, group)
    """,
    hint="your penalty increases the reward of responses that the reference finds unlikely. Check the sign.",
)

_ADVANTAGES.wrong_lines(
    "mean over tokens",
    """
    - log_ratio = (log_policy - log_reference).sum(dim=1)
    + log_ratio = (log_policy - log_reference).mean(dim=1)
    """,
    hint="you average the log-ratio over tokens. The log-probability of a response is the sum over its tokens.",
)

_ADVANTAGES.wrong_lines(
    "without the penalty",
    """
    - penalized = (rewards - beta * log_ratio).view(-1, group)
    + penalized = rewards.view(-1, group)
    """,
    hint="your result does not depend on beta, so there is no penalty.",
)

_ADVANTAGES.wrong_lines(
    "baseline of the batch",
    """
    - others = (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)
    + others = penalized.mean()
    """,
    hint="your baseline is the mean over all prompts, some of which are easier. Compare responses to the same prompt.",
)

_ADVANTAGES.wrong_lines(
    "without a baseline",
    """
    - return (penalized - others).flatten()
    + return penalized.flatten()
    """,
    hint="these are the penalized rewards. Which baseline is still to be subtracted?",
)

_ADVANTAGES.wrong_lines(
    "mean of the group",
    """
    - others = (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)
    + others = penalized.mean(dim=1, keepdim=True)
    """,
    hint="your baseline is the mean of the complete group. It must leave out the response that it is subtracted from.",
)

_ADVANTAGES.wrong_lines(
    "groups across prompts",
    """
    - penalized = (rewards - beta * log_ratio).view(-1, group)
    + penalized = (rewards - beta * log_ratio).view(group, -1)
    - others = (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)
    + others = (penalized.sum(dim=0, keepdim=True) - penalized) / (group - 1)
    """,
    hint="your groups mix prompts: the responses to one prompt are neighbors. Which of the two sizes comes last in "
    "`view`?",
)

_ADVANTAGES.wrong_lines(
    "penalty after the baseline",
    """
    - penalized = (rewards - beta * log_ratio).view(-1, group)
    + penalized = rewards.view(-1, group)
    - return (penalized - others).flatten()
    + return (penalized - others).flatten() - beta * log_ratio
    """,
    hint="you subtract the penalty after the baseline. The baseline is the mean penalized reward.",
)

_ADVANTAGES.wrong_lines(
    "grpo",
    """
    - others = (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)
    + others = penalized.mean(dim=1, keepdim=True)
    - return (penalized - others).flatten()
    + return ((penalized - others) / penalized.std(dim=1, keepdim=True)).flatten()
    """,
    hint="you divide by the standard deviation of the group. That is GRPO, which follows below; here only the baseline "
    "is subtracted.",
)
