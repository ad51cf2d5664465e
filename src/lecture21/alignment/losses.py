"""The formulas of learning from preferences, as functions of log-probabilities and rewards of any model.

A response y to a prompt x is a sequence of tokens; pi(y|x) is the product of their probabilities. All logarithms are
natural, so a KL divergence is in nats per response.
"""

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lecture21._support.contract import FINITE, NOT_EMPTY, Positive, checked
from lecture21._support.tensors import at_least_float32
from lecture21._support.validation import Rule, in_range

Rewards = Annotated[Float[Tensor, " N"], NOT_EMPTY, FINITE]
Logs = Annotated[Float[Tensor, "B N"], FINITE]
# A logit may be -inf, which excludes a token.
_BELOW = Rule("below infinity", lambda x, _: x.device.type != "cpu" or bool((x < math.inf).all()))
Logits = Annotated[Float[Tensor, "B N V"], _BELOW]


@checked
def bradley_terry_loss(chosen: Rewards, rejected: Rewards) -> Float[Tensor, ""]:
    """Return -log sigmoid(r(x, y_w) - r(x, y_l)), the mean over pairs: the negative log-likelihood of the labels.

    Args:
        chosen: rewards r(x, y_w) of the preferred responses.
        rejected: rewards r(x, y_l) of the others.

    Source: Bradley and Terry 1952; Ouyang et al. 2022, equation 1.
    """
    return -F.logsigmoid(chosen - rejected).mean()


@checked
def log_ratio_kl(policy: Logs, reference: Logs) -> Float[Tensor, " B"]:
    """Return log pi(y|x) - log pi_ref(y|x) for each response; its mean over samples of pi is an estimate of the KL.

    The estimate is unbiased; a single value may be negative, although the divergence is not.

    Args:
        policy: log pi of each token, from `Responses.log_probabilities`.
        reference: log pi_ref of the same tokens.
    """
    return (policy - reference).sum(-1)


@checked
def token_kl(policy: Logits, reference: Logits, mask: Bool[Tensor, "B N"]) -> Float[Tensor, " B"]:
    """Return the sum of KL(pi, pi_ref) over the tokens of each response; its mean estimates the KL of responses.

    At each position it sums over all V tokens instead of using the sampled one. So it is never negative, has the same
    mean as `log_ratio_kl` and usually a smaller variance; for responses of one token it is exact.

    Args:
        policy: logits of pi along samples of pi.
        reference: logits of pi_ref along the same responses.
        mask: True for the tokens of the responses, False for padding.
    """
    p, q = (at_least_float32(logits).log_softmax(-1) for logits in (policy, reference))
    terms = p.exp() * (p - q)
    # A token of probability 0 under pi contributes 0, also where pi_ref is 0 as well and the product would be NaN.
    return terms.masked_fill(p == -math.inf, 0.0).sum(-1).masked_fill(~mask, 0.0).sum(-1)


@checked
def leave_one_out(rewards: Rewards, group: Annotated[int, in_range(2, whole=True)]) -> Float[Tensor, " B"]:
    """Return each reward minus the mean of the others in its group.

    The other responses to a prompt estimate its expected reward. Because a response is not part of its own baseline,
    the policy gradient stays unbiased.

    Args:
        rewards: of B responses, those to the same prompt next to each other.
        group: responses to each prompt, at least 2.

    Source: Kool et al. 2019; Ahmadian et al. 2024.
    """
    if len(rewards) % group:
        raise ValueError(f"rewards must be groups of equal size, got {len(rewards)} with group={group}")
    by_prompt = rewards.view(-1, group)
    others = (by_prompt.sum(-1, keepdim=True) - by_prompt) / (group - 1)
    return (by_prompt - others).flatten()


@checked
def clipped_policy_loss(
    policy: Annotated[Float[Tensor, "B N"], NOT_EMPTY, FINITE],
    old: Logs,
    advantages: Annotated[Float[Tensor, " B"], FINITE],
    *,
    clip: Positive,
) -> Float[Tensor, ""]:
    """Return -sum over tokens of min(rho A, clip(rho, 1-c, 1+c) A), the mean over responses; rho = pi / pi_old.

    At pi = pi_old its gradient is that of the mean of -A log pi(y|x). The clip sets the gradient of a token to zero
    once its probability has changed by a factor of 1+c in the direction of A.

    Args:
        policy: log pi of each token under the current policy, 0 for padding.
        old: the same under the policy that sampled the responses; no gradient flows there.
        advantages: A, one for each response: its reward minus the expected reward.
        clip: c.

    Source: Schulman et al. 2017, equation 7; Ouyang et al. 2022.
    """
    ratio = (policy - old.detach()).exp()
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - clip, 1 + clip) * advantages[:, None])
    # For padding both logarithms are 0 and the ratio is 1: a constant, without a gradient.
    return -gain.sum(-1).mean()


@checked
def dpo_loss(
    chosen: Rewards,
    rejected: Rewards,
    reference_chosen: Rewards,
    reference_rejected: Rewards,
    *,
    beta: Positive,
) -> Float[Tensor, ""]:
    """Return the Bradley-Terry loss of the implicit rewards beta log(pi(y|x) / pi_ref(y|x)).

    Args:
        chosen: log pi(y_w|x) of the preferred responses.
        rejected: log pi(y_l|x) of the others.
        reference_chosen: log pi_ref(y_w|x).
        reference_rejected: log pi_ref(y_l|x).
        beta: weight of the KL divergence to the reference in the equivalent reward maximization problem.

    Source: Rafailov et al. 2023, equation 7.
    """
    return bradley_terry_loss(beta * (chosen - reference_chosen), beta * (rejected - reference_rejected))


@checked
def best_policy(
    reference: Annotated[Float[Tensor, "*B Y"], FINITE],
    rewards: Annotated[Float[Tensor, "*B Y"], FINITE],
    beta: Positive,
) -> Float[Tensor, "*B Y"]:
    """Return pi_ref(y) exp(r(y) / beta) / Z, the distribution that maximizes E[r] - beta KL(pi, pi_ref).

    Args:
        reference: probabilities of all responses, which sum to 1.
        rewards: of all responses.
        beta: weight of the KL divergence.

    Source: Rafailov et al. 2023, equation 4.
    """
    if reference.min() < 0 or ((reference.sum(-1) - 1).abs() > 1e-4).any():
        raise ValueError(f"reference must be probabilities that sum to 1, got {reference.tolist()}")
    return (reference.log() + rewards / beta).softmax(-1)
