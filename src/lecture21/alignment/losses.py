"""The formulas of learning from preferences, as functions of log-probabilities and rewards of any model.

A response y to a prompt x is a sequence of tokens; pi(y|x) is the product of their probabilities. All logarithms are
natural, so a KL divergence is in nats per response.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lecture21._support.tensors import at_least_float32


def bradley_terry_loss(chosen: Float[Tensor, " N"], rejected: Float[Tensor, " N"]) -> Float[Tensor, ""]:
    """Return -log sigmoid(r(x, y_w) - r(x, y_l)), the mean over pairs: the negative log-likelihood of the labels.

    Args:
        chosen: rewards r(x, y_w) of the preferred responses.
        rejected: rewards r(x, y_l) of the others.

    Source: Bradley and Terry 1952; Ouyang et al. 2022, equation 1.
    """
    _require_pairs(chosen, rejected)
    return -F.logsigmoid(chosen - rejected).mean()


def log_ratio_kl(policy: Float[Tensor, "B N"], reference: Float[Tensor, "B N"]) -> Float[Tensor, " B"]:
    """Return log pi(y|x) - log pi_ref(y|x) for each response; its mean over samples of pi is an estimate of the KL.

    The estimate is unbiased; a single value may be negative, although the divergence is not.

    Args:
        policy: log pi of each token, from `Responses.log_probabilities`.
        reference: log pi_ref of the same tokens.
    """
    _require_alike(policy, reference)
    return (policy - reference).sum(-1)


def token_kl(
    policy: Float[Tensor, "B N V"], reference: Float[Tensor, "B N V"], mask: Bool[Tensor, "B N"]
) -> Float[Tensor, " B"]:
    """Return the sum of KL(pi, pi_ref) over the tokens of each response; its mean estimates the KL of responses.

    At each position it sums over all V tokens instead of using the sampled one. So it is never negative, has the same
    mean as `log_ratio_kl` and usually a smaller variance; for responses of one token it is exact.

    Args:
        policy: logits of pi along samples of pi.
        reference: logits of pi_ref along the same responses.
        mask: True for the tokens of the responses, False for padding.
    """
    _require_alike(policy, reference)
    _require_mask(policy, mask)
    p, q = (at_least_float32(logits).log_softmax(-1) for logits in (policy, reference))
    terms = p.exp() * (p - q)
    # A token of probability 0 under pi contributes 0, also where pi_ref is 0 as well and the product would be NaN.
    return terms.masked_fill(p == -math.inf, 0.0).sum(-1).masked_fill(~mask, 0.0).sum(-1)


def leave_one_out(rewards: Float[Tensor, " B"], group: int) -> Float[Tensor, " B"]:
    """Return each reward minus the mean of the others in its group.

    The other responses to a prompt estimate its expected reward. Because a response is not part of its own baseline,
    the policy gradient stays unbiased.

    Args:
        rewards: of B responses, those to the same prompt next to each other.
        group: responses to each prompt, at least 2.

    Source: Kool et al. 2019; Ahmadian et al. 2024.
    """
    if rewards.dim() != 1 or group < 2 or len(rewards) % group or not len(rewards):
        given = f"shape {tuple(rewards.shape)} in groups of {group}"
        raise ValueError(f"rewards must have the shape (B,), in groups of at least 2, got {given}")
    by_prompt = rewards.view(-1, group)
    others = (by_prompt.sum(-1, keepdim=True) - by_prompt) / (group - 1)
    return (by_prompt - others).flatten()


def clipped_policy_loss(
    policy: Float[Tensor, "B N"], old: Float[Tensor, "B N"], advantages: Float[Tensor, " B"], *, clip: float
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
    _require_positive("clip", clip)
    _require_alike(policy, old)
    if not len(policy) or advantages.shape != policy.shape[:1]:
        given = f"shape {tuple(advantages.shape)} for {len(policy)} responses"
        raise ValueError(f"advantages must be one number for each response, got {given}")
    ratio = (policy - old.detach()).exp()
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - clip, 1 + clip) * advantages[:, None])
    # For padding both logarithms are 0 and the ratio is 1: a constant, without a gradient.
    return -gain.sum(-1).mean()


def dpo_loss(
    chosen: Float[Tensor, " N"],
    rejected: Float[Tensor, " N"],
    reference_chosen: Float[Tensor, " N"],
    reference_rejected: Float[Tensor, " N"],
    *,
    beta: float,
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
    _require_positive("beta", beta)
    _require_alike(chosen, reference_chosen)
    _require_alike(rejected, reference_rejected)
    return bradley_terry_loss(beta * (chosen - reference_chosen), beta * (rejected - reference_rejected))


def best_policy(reference: Float[Tensor, "*B Y"], rewards: Float[Tensor, "*B Y"], beta: float) -> Float[Tensor, "*B Y"]:
    """Return pi_ref(y) exp(r(y) / beta) / Z, the distribution that maximizes E[r] - beta KL(pi, pi_ref).

    Args:
        reference: probabilities of all responses, which sum to 1.
        rewards: of all responses.
        beta: weight of the KL divergence.

    Source: Rafailov et al. 2023, equation 4.
    """
    _require_positive("beta", beta)
    _require_alike(reference, rewards)
    return (reference.log() + rewards / beta).softmax(-1)


def _require_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a positive number, got {value}")


def _require_pairs(chosen: Tensor, rejected: Tensor) -> None:
    if chosen.shape != rejected.shape or not len(chosen):
        given = f"{tuple(chosen.shape)} chosen and {tuple(rejected.shape)} rejected"
        raise ValueError(f"chosen and rejected must have one shape and at least one pair, got {given}")
    if not chosen.is_floating_point() or not rejected.is_floating_point():
        raise ValueError(f"chosen and rejected must be floating-point, got {chosen.dtype} and {rejected.dtype}")


def _require_mask(logits: Tensor, mask: Tensor) -> None:
    if mask.shape != logits.shape[:-1]:
        raise ValueError(f"the mask must have the shape {tuple(logits.shape[:-1])}, got {tuple(mask.shape)}")


def _require_alike(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape:
        raise ValueError(f"policy and reference must have one shape, got {tuple(first.shape)}, {tuple(second.shape)}")
