"""Align the small GPT of the plays with four methods, and measure the benefit and the cost of each.

Usage: python benchmarks/alignment_runs.py [SEED ...]     (0 1 2 if none is named; about 6 minutes each on one core)

For each seed: supervised fine-tuning of the shipped base, which gives the reference; pairs of its answers, labelled by
the judge with 10 % of errors; a reward model; policy optimization with four weights of the KL penalty, measured six
times during training; direct preference optimization with three values of beta. Learning rates, run lengths and
penalty weights were chosen after one or two trials with seed 0.

Writes three results. `alignment_runs`: method, weight (kl_weight of PPO, beta of DPO), seed, iteration, and what
`QuestionTask.measure_policy` returns. `alignment_reward`: seed, number of training pairs of the reward model, its
agreement with their labels (`train_label`), and on the held-out pairs what `measure_reward` returns.
`alignment_samples`: one line for each of six held-out prompts and each method, the judge's verdict, and the learned
reward.
"""

import copy
import dataclasses
import time

import common
import torch

from lecture21 import GPT
from lecture21.alignment import (
    PolicyConfig,
    QuestionTask,
    RewardModel,
    load_base,
    sample_responses,
    train_dpo,
    train_policy,
)

KL_WEIGHTS = (0.0, 0.1, 0.3, 1.0)
BETAS = (0.1, 0.3, 1.0)
MEASURED = (10, 20, 40, 60, 80, 100)  # iterations after which a policy is measured
SHOWN = (1, 4, 100, 200, 300, 400)  # rows of the held-out prompts


def samples(policy: GPT, reward: RewardModel, task: QuestionTask, seed: int) -> list[dict[str, object]]:
    """Return one line for each prompt that is shown."""
    responses = sample_responses(policy, task.held_out[list(SHOWN)], task.n_new, end=task.end, seed=seed)
    with torch.no_grad():
        rewards = reward.eval()(responses).tolist()
    prompts = [task.tokenizer.decode(row)[1:] for row in task.held_out[list(SHOWN)]]
    return [
        {"prompt": prompt, "line": line, "judged": task.judge(line), "learned_reward": round(value, 2)}
        for prompt, line, value in zip(prompts, responses.lines(task.tokenizer), rewards, strict=True)
    ]


Rows = list[dict[str, object]]


def run(seed: int, base: GPT, task: QuestionTask) -> tuple[Rows, Rows, Rows]:
    """Align the base with every method and one seed, and return the rows of the three tables."""
    began = time.process_time()
    reference = task.fine_tuned(base, seed)
    pairs, held_out = task.preferences(reference, seed)
    reward = task.reward_model(reference, pairs, seed)
    fitted = (reward.margins(pairs) > 0).float().mean().item()
    found = {"train_label": fitted, **task.measure_reward(reward, held_out)}
    measured = {"seed": seed, "pairs": len(pairs), "held_out": len(held_out)}
    measured |= {name: round(value, 4) for name, value in found.items()}
    print(measured, flush=True)

    runs, lines = [], []

    def note(method: str, weight: float | str, iteration: int, policy: GPT, last: bool = True) -> None:
        found = task.measure_policy(policy, reference, reward, seed)
        row = {"method": method, "weight": weight, "seed": seed, "iteration": iteration}
        runs.append(row | {name: round(value, 4) for name, value in found.items()})
        print(*runs[-1].values(), f"{time.process_time() - began:.0f} s", sep="  ", flush=True)
        if last:
            settings = {"method": method, "weight": weight, "seed": seed}
            lines.extend(settings | sample for sample in samples(policy, reward, task, seed))

    def ppo(weight: float) -> None:
        policy = copy.deepcopy(reference)
        config = PolicyConfig(kl_weight=weight, seed=seed)

        def on_evaluation(iteration: int) -> None:
            if iteration in MEASURED:
                note("ppo", weight, iteration, policy, iteration == config.iterations)

        train_policy(policy, reference, reward.eval(), task.prompts, config, end=task.end, on_evaluation=on_evaluation)

    note("base", "", 0, base)
    note("sft", "", 0, reference)
    for weight in KL_WEIGHTS:
        ppo(weight)
    for beta in BETAS:
        policy = copy.deepcopy(reference)
        train_dpo(policy, reference, pairs, dataclasses.replace(task.dpo, seed=seed), beta=beta)
        note("dpo", beta, task.dpo.steps, policy)
    return runs, [measured], lines


def main() -> None:
    """Run the seeds and write the tables."""
    seeds = common.start(3)
    base, tokenizer = load_base()
    task = QuestionTask.from_plays(tokenizer)
    tables: dict[str, Rows] = {"alignment_runs": [], "alignment_reward": [], "alignment_samples": []}
    for seed in seeds:
        for rows, more in zip(tables.values(), run(seed, base, task), strict=True):
            rows.extend(more)
    for name, rows in tables.items():
        common.save(name, rows)


if __name__ == "__main__":
    main()
