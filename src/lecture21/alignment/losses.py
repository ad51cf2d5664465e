"""The formulas of learning from preferences, as plain functions of numbers that any model may have given.

An answer y to a prompt x is a sequence of tokens; pi(y|x) is the product of their probabilities. All logarithms are
natural, so that a KL divergence is in nats for each answer.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lecture21.objectives import at_least_float32


def token_log_probs(
    logits: Float[Tensor, "B N V"], targets: Int[Tensor, "B N"], mask: Bool[Tensor, "B N"]
) -> Float[Tensor, "B N"]:
    """Return log pi of each token of the answers, and 0 where the mask is False; the sum over N is log pi(y|x)."""
    _require_mask(logits, mask)
    chosen = at_least_float32(logits).log_softmax(-1).gather(-1, targets[..., None]).squeeze(-1)
    return chosen.masked_fill(~mask, 0.0)


def bradley_terry_loss(chosen: Float[Tensor, " N"], rejected: Float[Tensor, " N"]) -> Float[Tensor, ""]:
    """Return -log sigmoid(r(x, y_w) - r(x, y_l)), the mean over pairs: how badly rewards explain the choices.

    Args:
        chosen: rewards r(x, y_w) of the answers that were preferred.
        rejected: rewards r(x, y_l) of the others.

    Raises:
        ValueError: if there is no pair, or the two sides differ in number.

    Source: Bradley and Terry 1952; Ouyang et al. 2022, equation 1.
    """
    _require_pairs(chosen, rejected)
    return -F.logsigmoid(chosen - rejected).mean()


def log_ratio_kl(policy: Float[Tensor, "B N"], reference: Float[Tensor, "B N"]) -> Float[Tensor, " B"]:
    """Return log pi(y|x) - log pi_ref(y|x) for each answer; its mean over answers that pi wrote estimates their KL.

    Unbiased; a single value may well be negative, though the divergence is not.

    Args:
        policy: log pi of each token, from `answer_log_probs`.
        reference: log pi_ref of the same tokens.

    Raises:
        ValueError: if the shapes differ.
    """
    _require_alike(policy, reference)
    return (policy - reference).sum(-1)


def token_kl(
    policy: Float[Tensor, "B N V"], reference: Float[Tensor, "B N V"], mask: Bool[Tensor, "B N"]
) -> Float[Tensor, " B"]:
    """Return the sum of KL(pi, pi_ref) over the tokens of each answer; its mean estimates the KL of whole answers.

    At each place all V tokens are compared, not the one that was drawn. So it is never negative, has the same mean as
    `log_ratio_kl` and as a rule less noise; where every answer has one token it is exact.

    Args:
        policy: logits of pi along answers that pi wrote.
        reference: logits of pi_ref along the same answers.
        mask: which tokens count.

    Raises:
        ValueError: if the shapes differ.
    """
    _require_alike(policy, reference)
    _require_mask(policy, mask)
    p, q = (at_least_float32(logits).log_softmax(-1) for logits in (policy, reference))
    terms = p.exp() * (p - q)
    # What the policy never writes adds nothing, also where the reference never writes it either: 0 times -inf + inf.
    return terms.masked_fill(p == -math.inf, 0.0).sum(-1).masked_fill(~mask, 0.0).sum(-1)


def leave_one_out(rewards: Float[Tensor, " B"], group: int) -> Float[Tensor, " B"]:
    """Return by how much each reward exceeds the mean of the others in its group.

    Neighbours of the same prompt tell what the prompt is worth, whatever is answered. Without the answer itself in that
    mean, what is subtracted does not depend on it, and the policy gradient keeps its expectation.

    Args:
        rewards: of B answers, those to the same prompt side by side.
        group: answers to each prompt, at least 2.

    Raises:
        ValueError: if `group` is below 2 or does not divide B.

    Source: Kool et al. 2019; Ahmadian et al. 2024.
    """
    if rewards.dim() != 1 or group < 2 or len(rewards) % group or not len(rewards):
        given = f"shape {tuple(rewards.shape)} in groups of {group}"
        raise ValueError(f"rewards must be numbers in a row, in groups of at least 2, got {given}")
    by_prompt = rewards.view(-1, group)
    others = (by_prompt.sum(-1, keepdim=True) - by_prompt) / (group - 1)
    return (by_prompt - others).flatten()


def clipped_policy_loss(
    policy: Float[Tensor, "B N"], old: Float[Tensor, "B N"], advantages: Float[Tensor, " B"], *, clip: float
) -> Float[Tensor, ""]:
    """Return -sum over tokens of min(rho A, clip(rho, 1-c, 1+c) A), the mean over answers; rho = pi / pi_old.

    While pi is still pi_old its gradient is that of the mean of -A log pi(y|x). The clip takes the gradient of a token
    away once its probability has moved by a factor of 1+c in the direction that A asks for.

    Args:
        policy: log pi of each token now, 0 behind the end of an answer.
        old: the same when the answers were written; no gradient goes there.
        advantages: A, one for each answer: how much better it is than expected.
        clip: c.

    Raises:
        ValueError: if `clip` is not positive, there is no answer, or the shapes do not fit.

    Source: Schulman et al. 2017, equation 7; Ouyang et al. 2022.
    """
    if not 0 < clip < math.inf:
        raise ValueError(f"clip must be a positive number, got {clip}")
    _require_alike(policy, old)
    if not len(policy) or advantages.shape != policy.shape[:1]:
        given = f"shape {tuple(advantages.shape)} for {len(policy)} answers"
        raise ValueError(f"each answer needs an advantage, one number, got {given}")
    ratio = (policy - old.detach()).exp()
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - clip, 1 + clip) * advantages[:, None])
    # Behind the end both logarithms are 0 and the ratio is 1: a constant, without a gradient.
    return -gain.sum(-1).mean()


def dpo_loss(
    chosen: Float[Tensor, " N"],
    rejected: Float[Tensor, " N"],
    reference_chosen: Float[Tensor, " N"],
    reference_rejected: Float[Tensor, " N"],
    *,
    beta: float,
) -> Float[Tensor, ""]:
    """Return the Bradley-Terry loss of the rewards beta log(pi(y|x) / pi_ref(y|x)): the policy is its own reward model.

    Args:
        chosen: log pi(y_w|x) of the answers that were preferred.
        rejected: log pi(y_l|x) of the others.
        reference_chosen: log pi_ref(y_w|x).
        reference_rejected: log pi_ref(y_l|x).
        beta: weight of the KL divergence to the reference in the problem that this solves.

    Raises:
        ValueError: if `beta` is not positive, there is no pair, or the numbers differ in shape.

    Source: Rafailov et al. 2023, equation 7.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be a positive number, got {beta}")
    _require_alike(chosen, reference_chosen)
    _require_alike(rejected, reference_rejected)
    return bradley_terry_loss(beta * (chosen - reference_chosen), beta * (rejected - reference_rejected))


def best_policy(reference: Float[Tensor, "*B Y"], rewards: Float[Tensor, "*B Y"], beta: float) -> Float[Tensor, "*B Y"]:
    """Return pi_ref(y) exp(r(y) / beta) / Z: no distribution has a greater E[r] - beta KL(pi, pi_ref).

    Args:
        reference: probabilities of all answers, which sum to 1.
        rewards: of all answers.
        beta: weight of the KL divergence.

    Raises:
        ValueError: if `beta` is not positive, or the shapes differ.

    Source: Rafailov et al. 2023, equation 4.
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"beta must be a positive number, got {beta}")
    _require_alike(reference, rewards)
    return (reference.log() + rewards / beta).softmax(-1)


def _require_pairs(chosen: Tensor, rejected: Tensor) -> None:
    if chosen.shape != rejected.shape or not len(chosen):
        given = f"{tuple(chosen.shape)} chosen and {tuple(rejected.shape)} rejected"
        raise ValueError(f"a loss on pairs needs at least one pair and two equal sides, got {given}")


def _require_mask(logits: Tensor, mask: Tensor) -> None:
    if mask.shape != logits.shape[:-1]:
        raise ValueError(f"a mask needs an entry for each token, {tuple(logits.shape[:-1])}, got {tuple(mask.shape)}")


def _require_alike(first: Tensor, second: Tensor) -> None:
    if first.shape != second.shape:
        raise ValueError(f"policy and reference must have one shape, got {tuple(first.shape)}, {tuple(second.shape)}")
