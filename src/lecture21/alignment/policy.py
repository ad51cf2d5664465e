"""Policy optimisation: write answers, have them rewarded, make the better ones more likely, begin again."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from lecture21._support.modes import evaluating
from lecture21._support.validation import require_number, require_whole
from lecture21.alignment.answers import Answers, answer_log_probs, write_answers
from lecture21.alignment.losses import clipped_policy_loss, leave_one_out, log_ratio_kl
from lecture21.gpt import GPT


@dataclass(frozen=True)
class PolicyConfig:
    """One run of policy optimisation.

    Raises:
        ValueError: naming the field, its value and what is allowed.
    """

    iterations: int = 100
    """How often answers are written and learnt from."""
    prompts: int = 16
    """Prompts in an iteration."""
    group: int = 4
    """Answers to each prompt; their mean is the baseline."""
    epochs: int = 2
    """Updates on the same answers. From the second on the policy is not the one that wrote them: hence the clip."""
    kl_weight: float = 0.1
    """What a nat of divergence from the reference costs, in units of the reward; 0 for no penalty."""
    clip: float = 0.2
    """See `clipped_policy_loss`."""
    learning_rate: float = 3e-4
    """Step size of Adam."""
    room: int = 40
    """Most tokens of an answer, its end included."""
    seed: int = 0
    """Decides prompts and answers."""

    def __post_init__(self) -> None:
        for name in ("iterations", "prompts", "epochs", "room"):
            require_whole(name, getattr(self, name))
        require_whole("group", self.group, least=2)
        require_whole("seed", self.seed, least=0)
        if self.seed >= 2**63:
            raise ValueError(f"seed must be below 2 ** 63, got {self.seed}")
        require_number("kl_weight", self.kl_weight, "a number >= 0", lambda x: 0 <= x < math.inf)
        for name in ("clip", "learning_rate"):
            require_number(name, getattr(self, name), "a positive number", lambda x: 0 < x < math.inf)


def optimise(
    policy: GPT,
    reference: GPT,
    reward: Callable[[Answers], Float[Tensor, " B"]],
    prompts: Int[Tensor, "B P"],
    config: PolicyConfig,
    *,
    end: int,
    look: Callable[[int], None] | None = None,
) -> None:
    """Train a policy in place to earn r(x, y) - kl_weight * log(pi(y|x) / pi_ref(y|x)).

    The KL term stands in the reward: its mean over answers is the divergence, and its gradient comes with the others.

    Args:
        policy: begins as the reference.
        reference: stays as it is.
        reward: says what whole answers are worth: a reward model, or any function.
        prompts: of one length; each iteration draws some.
        config: the run.
        end: the token that ends an answer.
        look: called with the number of iterations done, before the first and after each.

    Raises:
        ValueError: if there is no prompt, prompt and room do not fit the model's block, or the reward is not one finite
            number for each answer; it names the iteration, and the policy is as the iteration before left it.

    Source: Ouyang et al. 2022, equation 2 (without its pretraining term); Schulman et al. 2017.
    """
    if prompts.dim() != 2 or not prompts.numel():
        raise ValueError(f"prompts must be ids of shape (B, P), at least one of each, got {tuple(prompts.shape)}")
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate)
    generator = torch.Generator().manual_seed(config.seed)
    # Without dropout throughout: the policy that is updated must be the one that wrote the answers.
    with evaluating(policy), evaluating(reference), evaluating(reward):
        if look is not None:
            look(0)
        bar = tqdm(range(config.iterations), unit="iteration", dynamic_ncols=True, disable=not sys.stderr.isatty())
        for iteration in bar:
            rows = torch.randint(len(prompts), (config.prompts,), generator=generator)
            seed = int(torch.randint(2**62, (), generator=generator))
            asked = prompts[rows].repeat_interleave(config.group, dim=0)
            answers = write_answers(policy, asked, config.room, end=end, seed=seed)
            with torch.no_grad():
                old = answer_log_probs(policy, answers)
                penalty = config.kl_weight * log_ratio_kl(old, answer_log_probs(reference, answers))
                rewards = reward(answers)
                if rewards.shape != penalty.shape or not rewards.isfinite().all():
                    given = f"shape {tuple(rewards.shape)} from {rewards.min()} to {rewards.max()}"
                    needed = f"{len(answers)} finite numbers, one for each answer"
                    raise ValueError(f"the reward must give {needed}; in iteration {iteration} it gave {given}")
                advantages = leave_one_out(rewards - penalty, config.group)
            for _ in range(config.epochs):
                loss = clipped_policy_loss(answer_log_probs(policy, answers), old, advantages, clip=config.clip)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if look is not None:
                look(iteration + 1)
