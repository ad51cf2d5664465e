"""Exercises of chapter 17: best-of-n, and the advantages of a policy gradient."""

import math
import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 17.2


def _best_of_n(rewards, n):
    """Return which of its first n replies each request gets, and how far best-of-n moves.

    `rewards` has the shape (R, M) with M >= n: the rewards of M replies to each of R requests.
    Return the index of the highest reward among the first n, int64 of shape (R,), and the
    KL divergence log n - (n - 1) / n in nats, a number.
    """
    return rewards[:, :n].argmax(dim=1), math.log(n) - (n - 1) / n


def _best_cases(rng: random.Random) -> list[Case]:
    r, m = rng.randint(5, 6), rng.randint(8, 10)
    wide = normal(rng, r, m)
    wide[:, -1] = 9.0  # the best reply is not among the first n
    negative = normal(rng, 4, 6, dtype=torch.float64) - 20
    return [
        Case((torch.tensor([[0.5, 2.0]]), 2), "one request, two replies"),
        Case((normal(rng, 3, 5), 1), "n = 1"),
        Case((normal(rng, r, m), m), f"{r} requests, all {m} replies"),
        Case((wide, 4), f"the first 4 of {m} replies"),
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
            lambda arguments, found: bool((torch.as_tensor(found[0]) < arguments[1]).all()),
        ),
        (
            "for n = 1 the reply is one of the reference's, so the KL divergence must be 0",
            lambda arguments, found: arguments[1] != 1 or abs(float(found[1])) < 1e-6,
        ),
    ),
)


@_BEST.mistake(
    looks="The best of 4 is as good as the best of 64.",
    hint="your choice uses all replies. Only the first n have been sampled.",
)
def _of_all(rewards, n):
    return rewards.argmax(dim=1), math.log(n) - (n - 1) / n


@_BEST.mistake(
    looks="The score falls with n.",
    hint="you choose the lowest reward.",
)
def _worst_of_n(rewards, n):
    return rewards[:, :n].argmin(dim=1), math.log(n) - (n - 1) / n


@_BEST.mistake(
    looks="There is one index for each reply instead of one for each request.",
    hint="you choose among the requests. Over which dimension of `rewards` do the replies run?",
)
def _among_requests(rewards, n):
    return rewards[:, :n].argmax(dim=0), math.log(n) - (n - 1) / n


@_BEST.mistake(
    looks="Floats where indices are needed: `replies[index]` raises an error.",
    hint="you return the highest rewards. The task wants to know where they are.",
)
def _rewards_themselves(rewards, n):
    return rewards[:, :n].amax(dim=1), math.log(n) - (n - 1) / n


@_BEST.mistake(
    looks="Best-of-n is drawn about one nat too far to the right, so it seems less efficient than it is.",
    hint="ln n would be the divergence if one reply were certain. The second term, (n - 1) / n, is missing.",
)
def _logarithm_only(rewards, n):
    return rewards[:, :n].argmax(dim=1), math.log(n)


@_BEST.mistake(
    looks="The divergence is negative for n = 2 already, which no KL divergence is.",
    hint="your divergence is too small by 2/n: is it (n + 1) / n or (n - 1) / n that is subtracted?",
)
def _plus_one(rewards, n):
    return rewards[:, :n].argmax(dim=1), math.log(n) - (n + 1) / n


@_BEST.mistake(
    looks="The divergence is in bits plus a term in nats.",
    hint="your logarithm has the base 2. Nats need the natural logarithm.",
)
def _base_two(rewards, n):
    return rewards[:, :n].argmax(dim=1), math.log2(n) - (n - 1) / n


# 17.3


def _advantages(rewards, log_policy, log_reference, beta, group):
    """Return the advantage of each reply, a tensor of shape (B,) with the dtype of `rewards`.

    `rewards` has the shape (B,); the `group` replies to one request are next to each other.
    `log_policy` and `log_reference`, shape (B, N), hold the log-probability of each token, 0 for
    padding. Penalized reward: the reward minus beta times the log-ratio of the complete reply.
    Advantage: that, minus the mean penalized reward of the *other* replies to the same request.
    """
    log_ratio = (log_policy - log_reference).sum(dim=1)  # (B,)
    penalized = (rewards - beta * log_ratio).view(-1, group)  # (requests, group)
    others = (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)
    return (penalized - others).flatten()


def _advantage_cases(rng: random.Random) -> list[Case]:
    def case(requests: int, group: int, n: int, beta: float, about: str, dtype: torch.dtype = torch.float32) -> Case:
        size = requests * group
        logs = [normal(rng, size, n, dtype=dtype).abs().neg() for _ in range(2)]
        for row in range(0, size, 2):  # the shorter replies end with padding
            for each in logs:
                each[row, n // 2 + 1 :] = 0.0
        level = 5 * normal(rng, requests, dtype=dtype).repeat_interleave(group)  # some requests are easier
        return Case((level + normal(rng, size, dtype=dtype), *logs, beta, group), about)

    b = rng.randint(3, 4)
    return [
        case(1, 2, 1, 0.5, "one request, two replies of one token"),
        case(2, 3, 4, 0.0, "two requests, three replies each, beta = 0"),
        case(b, 4, 6, 0.3, f"{b} requests, four replies each"),
        case(4, 2, 5, 1.0, "four requests, two replies each, float64", torch.float64),
    ]


_ADVANTAGES = Exercise(
    number="17.3",
    name="advantages",
    title="advantages with a KL penalty",
    solution=_advantages,
    cases=_advantage_cases,
    properties=(
        (
            "the advantages of each request must sum to 0",
            lambda arguments, result: torch.allclose(
                result.view(-1, arguments[4]).sum(dim=1), torch.zeros(1, dtype=result.dtype), atol=1e-3
            ),
        ),
    ),
)


@_ADVANTAGES.mistake(
    looks="The divergence grows as fast as it can, because leaving the reference increases the penalized reward.",
    hint="your penalty increases the reward of replies that the reference finds unlikely. Check the sign.",
)
def _penalty_added(rewards, log_policy, log_reference, beta, group):
    penalized = (rewards + beta * (log_policy - log_reference).sum(dim=1)).view(-1, group)
    return (penalized - (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)).flatten()


@_ADVANTAGES.mistake(
    looks="The penalty is about ten times too small, so the policy moves far away.",
    hint="you average the log-ratio over tokens. The log-probability of a reply is the sum over its tokens.",
)
def _mean_over_tokens(rewards, log_policy, log_reference, beta, group):
    penalized = (rewards - beta * (log_policy - log_reference).mean(dim=1)).view(-1, group)
    return (penalized - (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)).flatten()


@_ADVANTAGES.mistake(
    looks="Every beta gives the policy of a run without a penalty.",
    hint="your result does not depend on beta, so there is no penalty.",
)
def _without_the_penalty(rewards, log_policy, log_reference, beta, group):
    penalized = rewards.view(-1, group)
    return (penalized - (penalized.sum(dim=1, keepdim=True) - penalized) / (group - 1)).flatten()


@_ADVANTAGES.mistake(
    looks="Replies to easy requests have positive advantages, however bad they are among themselves.",
    hint="your baseline is the mean over all requests, some of which are easier. Compare replies to the same request.",
)
def _baseline_of_the_batch(rewards, log_policy, log_reference, beta, group):
    penalized = rewards - beta * (log_policy - log_reference).sum(dim=1)
    return penalized - penalized.mean()


@_ADVANTAGES.mistake(
    looks="The gradient is right on average, but noisier, and training is slower.",
    hint="these are the penalized rewards. Which baseline is still to be subtracted?",
)
def _without_a_baseline(rewards, log_policy, log_reference, beta, group):
    return rewards - beta * (log_policy - log_reference).sum(dim=1)


@_ADVANTAGES.mistake(
    looks="Each advantage is too small by the factor (group - 1) / group, because a reply is part of its own baseline.",
    hint="your baseline is the mean of the complete group. It must leave out the reply that it is subtracted from.",
)
def _mean_of_the_group(rewards, log_policy, log_reference, beta, group):
    penalized = (rewards - beta * (log_policy - log_reference).sum(dim=1)).view(-1, group)
    return (penalized - penalized.mean(dim=1, keepdim=True)).flatten()


@_ADVANTAGES.mistake(
    looks="Replies to different requests are compared, and the baseline fits no request.",
    hint="your groups mix requests: the replies to one request are neighbors. Which of the two sizes comes last in "
    "`view`?",
)
def _groups_across_requests(rewards, log_policy, log_reference, beta, group):
    penalized = (rewards - beta * (log_policy - log_reference).sum(dim=1)).view(group, -1)
    return (penalized - (penalized.sum(dim=0, keepdim=True) - penalized) / (group - 1)).flatten()


@_ADVANTAGES.mistake(
    looks="The penalty has no baseline, so the advantages of a request no longer sum to 0.",
    hint="you subtract the penalty after the baseline. The baseline is the mean penalized reward.",
)
def _penalty_after_the_baseline(rewards, log_policy, log_reference, beta, group):
    grouped = rewards.view(-1, group)
    advantage = grouped - (grouped.sum(dim=1, keepdim=True) - grouped) / (group - 1)
    return advantage.flatten() - beta * (log_policy - log_reference).sum(dim=1)


@_ADVANTAGES.mistake(
    looks="This is the advantage of GRPO.",
    hint="you divide by the standard deviation of the group. That is GRPO, which follows below; here only the baseline "
    "is subtracted.",
)
def _grpo(rewards, log_policy, log_reference, beta, group):
    penalized = (rewards - beta * (log_policy - log_reference).sum(dim=1)).view(-1, group)
    return ((penalized - penalized.mean(dim=1, keepdim=True)) / penalized.std(dim=1, keepdim=True)).flatten()
