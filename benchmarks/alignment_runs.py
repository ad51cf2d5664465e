"""Align the small GPT of the plays in four ways, and measure what is gained and what is lost.

Usage: python benchmarks/alignment_runs.py [SEED ...]     (0 1 2 if none is named; about 6 minutes each on one core)

For each seed: supervised fine-tuning of the shipped base, which gives the reference; pairs of its answers, labelled by
the judge with 10 % of errors; a reward model; policy optimisation with four weights of the KL penalty, measured six
times on the way; direct preference optimisation with three beta. Learning rates, the lengths of the runs and the
weights were chosen after one or two trials with seed 0.

Writes three results. `alignment_runs`: method, weight (kl_weight of PPO, beta of DPO), seed, iteration, and what
`alignment.task.measure_policy` says. `alignment_reward`: seed, on how many pairs the reward model was fitted, its
share of right answers there (`train_label`), and on the held-out pairs what `measure_reward` says. `alignment_samples`:
for six held-out prompts and each method one line, whether it is a whole question, and what the reward model says of it.
"""

import copy
import dataclasses
import time

import common
import torch

from lecture21 import GPT
from lecture21.alignment import PolicyConfig, RewardModel, agreement, optimise, prefer, write_answers
from lecture21.alignment.task import (
    PREFER,
    ROOM,
    Task,
    fine_tuned,
    load_base,
    measure_policy,
    measure_reward,
    preferences,
    questions,
    rewarded,
)

KL_WEIGHTS = (0.0, 0.1, 0.3, 1.0)
BETAS = (0.1, 0.3, 1.0)
LOOKS = (10, 20, 40, 60, 80, 100)  # iterations after which a policy is measured
SHOWN = (1, 4, 100, 200, 300, 400)  # rows of the held-out prompts


def samples(policy: GPT, reward: RewardModel, task: Task, seed: int) -> list[dict[str, object]]:
    """Return one line for each prompt that is shown."""
    answers = write_answers(policy, task.held_out[list(SHOWN)], ROOM, end=task.end, seed=seed)
    with torch.no_grad():
        rewards = reward.eval()(answers).tolist()
    prompts = [task.tokenizer.decode(row)[1:] for row in task.held_out[list(SHOWN)]]
    return [
        {"prompt": prompt, "line": line, "judged": task.judge(line), "learned_reward": round(value, 2)}
        for prompt, line, value in zip(prompts, answers.lines(task.tokenizer), rewards, strict=True)
    ]


Rows = list[dict[str, object]]


def run(seed: int, base: GPT, task: Task) -> tuple[Rows, Rows, Rows]:
    """Align the base in all ways with one seed, and return the rows of the three tables."""
    began = time.process_time()
    reference = fine_tuned(base, task, seed)
    pairs, held_out = preferences(reference, task, seed)
    reward = rewarded(reference, task, pairs, seed)
    fitted = (agreement(reward, pairs) > 0).float().mean().item()
    found = {"train_label": fitted, **measure_reward(reward, held_out, task)}
    look = {"seed": seed, "pairs": len(pairs), "held_out": len(held_out)}
    look |= {name: round(value, 4) for name, value in found.items()}
    print(look, flush=True)

    runs, lines = [], []

    def note(method: str, weight: float | str, iteration: int, policy: GPT, last: bool = True) -> None:
        found = measure_policy(policy, reference, reward, task, seed)
        row = {"method": method, "weight": weight, "seed": seed, "iteration": iteration}
        runs.append(row | {name: round(value, 4) for name, value in found.items()})
        print(*runs[-1].values(), f"{time.process_time() - began:.0f} s", sep="  ", flush=True)
        if last:
            told = {"method": method, "weight": weight, "seed": seed}
            lines.extend(told | sample for sample in samples(policy, reward, task, seed))

    def ppo(weight: float) -> None:
        policy = copy.deepcopy(reference)
        config = PolicyConfig(kl_weight=weight, seed=seed)

        def look(iteration: int) -> None:
            if iteration in LOOKS:
                note("ppo", weight, iteration, policy, iteration == config.iterations)

        optimise(policy, reference, reward.eval(), task.prompts, config, end=task.end, look=look)

    note("base", "", 0, base)
    note("sft", "", 0, reference)
    for weight in KL_WEIGHTS:
        ppo(weight)
    for beta in BETAS:
        policy = copy.deepcopy(reference)
        prefer(policy, reference, pairs, dataclasses.replace(PREFER, seed=seed), beta=beta)
        note("dpo", beta, PREFER.steps, policy)
    return runs, [look], lines


def main() -> None:
    """Run the seeds and write the tables."""
    seeds = common.start(3)
    base, tokenizer = load_base()
    task = questions(tokenizer)
    tables: dict[str, Rows] = {"alignment_runs": [], "alignment_reward": [], "alignment_samples": []}
    for seed in seeds:
        for rows, more in zip(tables.values(), run(seed, base, task), strict=True):
            rows.extend(more)
    for name, rows in tables.items():
        common.save(name, rows)


if __name__ == "__main__":
    main()
