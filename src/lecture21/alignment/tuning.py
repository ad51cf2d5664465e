"""Two ways to train a policy without a reward model: supervised fine-tuning and direct preference optimization."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lecture21._support.contract import Positive, checked
from lecture21._support.modes import evaluating
from lecture21.alignment.losses import dpo_loss
from lecture21.alignment.preferences import PreferencePairs
from lecture21.alignment.responses import Responses
from lecture21.gpt import GPT
from lecture21.objectives import IGNORE
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize


def _response_targets(responses: Responses) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """Return the inputs and the targets of a model, with `IGNORE` for the prompt and the padding."""
    targets = responses.ids[:, 1:].clone()
    targets[:, : responses.prompt_length - 1] = IGNORE
    targets[:, responses.prompt_length - 1 :].masked_fill_(~responses.mask, IGNORE)
    return responses.ids[:, :-1], targets


@checked
def fine_tune(policy: GPT, demonstrations: Responses, config: TrainConfig) -> Float[Tensor, " steps"]:
    """Train a policy in place on the cross-entropy of demonstrations (SFT); return the loss at each step.

    Source: Ouyang et al. 2022, section 3.5.
    """
    ids, targets = _response_targets(demonstrations)

    def loss(generator: torch.Generator) -> Float[Tensor, ""]:
        rows = torch.randint(len(ids), (config.batch_size,), generator=generator)
        return policy.loss(ids[rows], targets[rows])

    return minimize(policy, loss, config)


@checked
def train_dpo(
    policy: GPT, reference: GPT, pairs: PreferencePairs, config: TrainConfig, *, beta: Positive
) -> Float[Tensor, " steps"]:
    """Train a policy in place by direct preference optimization; return the loss at each step.

    Args:
        policy: initialized to the reference.
        reference: not changed.
        pairs: preferences between responses of the reference.
        config: as for `training.tasks`.
        beta: see `dpo_loss`.

    Source: Rafailov et al. 2023.
    """
    with torch.no_grad(), evaluating(reference):
        reference_chosen = pairs.chosen.log_probabilities(reference).sum(-1)
        reference_rejected = pairs.rejected.log_probabilities(reference).sum(-1)

    def loss(generator: torch.Generator) -> Float[Tensor, ""]:
        rows = torch.randint(len(pairs), (config.batch_size,), generator=generator)
        chosen = pairs.chosen[rows].log_probabilities(policy).sum(-1)
        rejected = pairs.rejected[rows].log_probabilities(policy).sum(-1)
        return dpo_loss(chosen, rejected, reference_chosen[rows], reference_rejected[rows], beta=beta)

    return minimize(policy, loss, config)
