"""Two ways to change a policy without a reward model: imitate good answers, or prefer the better of two."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.modes import evaluating
from lecture21.alignment.answers import Answers, answer_log_probs
from lecture21.alignment.losses import dpo_loss
from lecture21.alignment.pairs import Pairs
from lecture21.gpt import GPT
from lecture21.objectives import IGNORE
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize


def answer_targets(answers: Answers) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Return what a model reads and the targets, with `IGNORE` in the prompt and behind the end."""
    targets = answers.ids[:, 1:].clone()
    targets[:, : answers.prompt_length - 1] = IGNORE
    targets[:, answers.prompt_length - 1 :].masked_fill_(~answers.mask, IGNORE)
    return answers.ids[:, :-1], targets


def imitate(policy: GPT, answers: Answers, config: TrainConfig) -> Float[Tensor, " steps"]:
    """Supervised fine-tuning: train in place on the cross-entropy of good answers; returns the loss at each step.

    Source: Ouyang et al. 2022, section 3.5.
    """
    ids, targets = answer_targets(answers)

    def loss(generator: torch.Generator) -> Float[Tensor, ""]:
        rows = torch.randint(len(ids), (config.batch_size,), generator=generator)
        return policy.loss(ids[rows], targets[rows])

    return minimize(policy, loss, config)


def prefer(policy: GPT, reference: GPT, pairs: Pairs, config: TrainConfig, *, beta: float) -> Float[Tensor, " steps"]:
    """Direct preference optimisation: train a policy in place on pairs; returns the loss at each step.

    Args:
        policy: trained; begins as the reference.
        reference: stays as it is.
        pairs: preferences, on answers that the reference wrote.
        config: as for `training.minimize`.
        beta: see `dpo_loss`.

    Raises:
        ValueError: if `beta` is not positive, or the training diverges.

    Source: Rafailov et al. 2023.
    """
    with torch.no_grad(), evaluating(reference):
        fixed = [answer_log_probs(reference, side).sum(-1) for side in (pairs.chosen, pairs.rejected)]

    def loss(generator: torch.Generator) -> Float[Tensor, ""]:
        rows = torch.randint(len(pairs), (config.batch_size,), generator=generator)
        sides = [answer_log_probs(policy, side[rows]).sum(-1) for side in (pairs.chosen, pairs.rejected)]
        return dpo_loss(*sides, *(side[rows] for side in fixed), beta=beta)

    return minimize(policy, loss, config)
