"""Align the small GPT of the shop with GRPO, at the budget of the PPO runs of `alignment_runs`.

Question: which learned reward and which judge's score does GRPO reach, and at what divergence?

Design: references, reward models, prompts, seeds and budget of `alignment_runs` (80 iterations of 4 responses to each
of 8 prompts, 2 updates each). GRPO divides the advantage by the standard deviation of its group, averages over the
tokens of a response, and has its penalty in the loss, so its beta is on another scale than PPO's KL weight. Therefore
it is tuned for what a run of PPO maximizes, the learned reward minus `weight` times the divergence, on seed 100 and
without the judge: for weight 0 the learning rate at beta 0, for weight 0.1 the learning rate at each beta, and then
beta. A grid is extended while its best value is at an edge.

Usage: python benchmarks/c17_alignment_grpo.py            (about 5 minutes on one core; the search is stored first)

Writes `alignment_grpo_search`, where a lower criterion is better, and `alignment_grpo`: what `ShopTask.measure_policy`
returns.
"""

import copy
import functools

import c17_alignment_runs
import common
import torch
from jaxtyping import Bool, Float
from table import Table, each, run, seeds
from torch import Tensor

from lecture21 import GPT
from lecture21.alignment import PolicyConfig, RewardModel, ShopTask, sample_responses

WEIGHTS = (0.0, 0.1)
BETAS, RATES = (0.03, 0.1, 0.3), (1e-3, 3e-3)  # to begin with
MEASURED = (2, 4, 6, 8, 10, 20, 40, 80)  # iterations after which a policy is measured
SEARCH = Table("alignment_grpo_search", key=("seed",))
RUNS = Table("alignment_grpo", key=("method", "weight", "beta", "learning_rate", "seed"))


def group_advantages(rewards: Float[Tensor, " B"], group: int) -> Float[Tensor, " B"]:
    """Return (r - mean) / std over the rewards of each group, 0 where they are equal."""
    grouped = rewards.view(-1, group)
    return ((grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)).flatten()


def grpo_loss(
    policy: Float[Tensor, "B N"],
    old: Float[Tensor, "B N"],
    reference: Float[Tensor, "B N"],
    advantages: Float[Tensor, " B"],
    mask: Bool[Tensor, "B N"],
    *,
    clip: float,
    beta: float,
) -> Float[Tensor, ""]:
    """Return the loss of GRPO for log-probabilities of tokens: mean over tokens of a response, then over responses.

    Source: Shao et al. 2024, equations 3 and 4.
    """
    ratio, apart = (policy - old).exp(), reference - policy
    gain = torch.minimum(ratio * advantages[:, None], ratio.clamp(1 - clip, 1 + clip) * advantages[:, None])
    each = (gain - beta * (apart.exp() - apart - 1)) * mask
    return -(each.sum(1) / mask.sum(1)).mean()


def train(
    policy: GPT, reference: GPT, reward: RewardModel, task: ShopTask, config: PolicyConfig, beta: float, on_evaluation
) -> None:
    """Train a policy in place with GRPO, with the prompts, samples and updates of `train_policy`."""
    optimizer = torch.optim.Adam(policy.parameters(), config.learning_rate)
    generator = torch.Generator().manual_seed(config.seed)
    prompts = task.prompts
    for iteration in range(config.iterations):
        rows = torch.randint(len(prompts), (config.prompts,), generator=generator)
        seed = int(torch.randint(2**62, (), generator=generator))
        batch = prompts[rows].repeat_interleave(config.group, dim=0)
        responses = sample_responses(policy, batch, config.n_new, end=task.end, seed=seed)
        with torch.no_grad():
            old, fixed = responses.log_probabilities(policy), responses.log_probabilities(reference)
            advantages = group_advantages(reward(responses), config.group)
        for _ in range(config.epochs):
            now = responses.log_probabilities(policy)
            loss = grpo_loss(now, old, fixed, advantages, responses.mask, clip=config.clip, beta=beta)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        on_evaluation(iteration + 1)


def trained(seed: int, beta: float, rate: float, measured=MEASURED) -> c17_alignment_runs.Rows:
    """Train with one seed, and return what the policy is measured to be after each of some iterations."""
    task, reference, reward, *_ = c17_alignment_runs.stages(seed)
    policy, rows = copy.deepcopy(reference), []
    config = PolicyConfig(c17_alignment_runs.ITERATIONS, learning_rate=rate, seed=seed)

    def on_evaluation(iteration: int) -> None:
        if iteration in measured:
            actual = task.measure_policy(policy, reference, reward, seed)
            rows.append({"step": iteration} | {name: round(value, 4) for name, value in actual.items()})

    train(policy, reference, reward, task, config, beta, on_evaluation)
    return rows


def search(seed: int) -> c17_alignment_runs.Rows:
    """Tune GRPO on the search seed for the objective of each weight."""
    actual = []
    for weight in WEIGHTS:
        tried: dict[float, dict[float, float]] = {}

        def criterion(rate: float, beta: float, weight: float = weight) -> float:
            last = trained(seed, beta, rate, (c17_alignment_runs.ITERATIONS,))[0]
            c17_alignment_runs.log(weight, beta, rate, last)
            return weight * last["kl"] - last["learned_reward"]

        def lowest(beta: float, criterion=criterion, tried: dict = tried) -> float:
            tried[beta] = common.tune(functools.partial(criterion, beta=beta), RATES, 3)
            return min(tried[beta].values())

        best = next(iter(common.tune(lowest, BETAS, 3) if weight else {0.0: lowest(0.0)}))
        for beta, scores in sorted(tried.items()):
            chosen = min(scores, key=scores.__getitem__) if beta == best else None
            row = {"weight": weight, "beta": beta}
            for rate, score in sorted(scores.items()):
                actual.append(row | {"learning_rate": rate, "criterion": round(score, 4), "chosen": rate == chosen})
    return actual


def measure(method: str, weight: float, beta: float, learning_rate: float, seed: int) -> c17_alignment_runs.Rows:
    """Train with one seed, and return its measurements."""
    return trained(seed, beta, learning_rate)


def main() -> None:
    """Tune, and run the seeds."""
    for chosen in SEARCH.rows(search, seed=c17_alignment_runs.SEARCH_SEED):
        if chosen["chosen"]:
            about = {"method": "grpo"} | {name: chosen[name] for name in ("weight", "beta", "learning_rate")}
            each(lambda seed: RUNS.rows(measure, **about, seed=seed), seeds(3))  # noqa: B023


if __name__ == "__main__":
    run(main)
