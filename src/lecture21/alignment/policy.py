"""Policy optimization: sample responses, compute their rewards, increase the probability of the better ones, repeat."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from lecture21._support.contract import NOT_EMPTY, Count, Natural, NonNegative, Positive, Seed, checked
from lecture21._support.modes import evaluating
from lecture21._support.validation import in_range
from lecture21.alignment.losses import clipped_policy_loss, leave_one_out, log_ratio_kl
from lecture21.alignment.responses import Responses, sample_responses
from lecture21.gpt import GPT


@checked
@dataclass(frozen=True)
class PolicyConfig:
    """The settings of one run of policy optimization."""

    iterations: Count = 100
    """Number of batches of responses."""
    prompts: Count = 8
    """Prompts in an iteration."""
    group: Annotated[int, in_range(2, whole=True)] = 4
    """Responses to each prompt; their mean reward is the baseline."""
    epochs: Count = 2
    """Updates on the same responses; after the first, they are samples of an older policy, so the ratio is clipped."""
    kl_weight: NonNegative = 0.1
    """Cost of one nat of divergence from the reference, in units of the reward; 0 for no penalty."""
    clip: Positive = 0.2
    """See `clipped_policy_loss`."""
    learning_rate: Positive = 3e-4
    """Learning rate of Adam."""
    n_new: Count = 36
    """Largest number of tokens of a response, its end included."""
    seed: Seed = 0
    """Seed of prompts and responses."""


@checked
def train_policy(
    policy: GPT,
    reference: GPT,
    reward: Callable[[Responses], Float[Tensor, " B"]],
    prompts: Annotated[Int[Tensor, "B P"], NOT_EMPTY],
    config: PolicyConfig,
    *,
    end: Natural,
    on_evaluation: Callable[[int], None] | None = None,
) -> None:
    """Train a policy in place to maximize r(x, y) - kl_weight * log(pi(y|x) / pi_ref(y|x)).

    The KL penalty is part of the reward: its mean over responses is the divergence. The loop is not that of
    `training.tasks`, because each batch is sampled from the policy itself and used for several updates.

    Args:
        policy: initialized to the reference.
        reference: not changed.
        reward: returns the reward of each response: a reward model, or any function.
        prompts: token ids, all of one length; each iteration draws some of them.
        config: the settings.
        end: the token that ends a response.
        on_evaluation: called with the number of completed iterations, before the first and after each.

    Raises:
        ValueError: if the reward is not one finite number for each response; the policy is then as the previous
            iteration left it.

    Source: Ouyang et al. 2022, equation 2 (without its pretraining term); Schulman et al. 2017.
    """
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate)
    generator = torch.Generator().manual_seed(config.seed)
    # Without dropout throughout: the responses must be samples of the policy that is updated.
    with evaluating(policy), evaluating(reference), evaluating(reward):
        if on_evaluation is not None:
            on_evaluation(0)
        bar = tqdm(range(config.iterations), unit="iteration", dynamic_ncols=True, disable=not sys.stderr.isatty())
        for iteration in bar:
            rows = torch.randint(len(prompts), (config.prompts,), generator=generator)
            seed = int(torch.randint(2**62, (), generator=generator))
            batch = prompts[rows].repeat_interleave(config.group, dim=0)
            responses = sample_responses(policy, batch, config.n_new, end=end, seed=seed)
            with torch.no_grad():
                old = responses.log_probabilities(policy)
                penalty = config.kl_weight * log_ratio_kl(old, responses.log_probabilities(reference))
                rewards = reward(responses)
                if rewards.shape != penalty.shape or not rewards.isfinite().all():
                    given = f"shape {tuple(rewards.shape)} from {rewards.min()} to {rewards.max()}"
                    wanted = f"{len(responses)} finite numbers, one for each response"
                    raise ValueError(f"the reward must be {wanted}; in iteration {iteration} it has {given}")
                advantages = leave_one_out(rewards - penalty, config.group)
            for _ in range(config.epochs):
                loss = clipped_policy_loss(responses.log_probabilities(policy), old, advantages, clip=config.clip)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if on_evaluation is not None:
                on_evaluation(iteration + 1)
