"""The policy gradient of `alignment_runs` without a KL penalty, at a tenth of its learning rate.

Question: does the KL penalty do more than stopping early? At the learning rate that is tuned for the end of a run, a
policy passes its best score within a few iterations. A smaller rate leaves more policies to choose from.

Design: the references, reward models, seeds and iterations of the runs with weight 0 in `alignment_runs`; only the
learning rate differs.

Usage: python benchmarks/c17_alignment_slow.py            (a minute on one core; a second start resumes)

Writes `alignment_slow`: seed, learning_rate, step, and what `ShopTask.measure_policy` returns.
"""

import copy

import c17_alignment_runs
import common

from lecture21 import GPT
from lecture21.alignment import PolicyConfig, ShopTask, train_policy
from lecture21.huggingface import pretrained

NAME = "alignment_slow"
SLOWER = 10
MEASURED = (20, 40, 60, 80)  # iterations after which a policy is measured


def slow(seed: int, base: GPT, task: ShopTask, rate: float) -> c17_alignment_runs.Rows:
    """Return the measurements of one policy that may be stopped at any of the iterations."""
    reference = task.fine_tuned(base, seed)
    pairs, _ = task.preferences(reference, seed)
    reward = task.reward_model(reference, pairs, seed).eval()
    policy, rows = copy.deepcopy(reference), []

    def on_evaluation(iteration: int) -> None:
        if iteration in MEASURED:
            measured = task.measure_policy(policy, reference, reward, seed)
            row = {"seed": seed, "learning_rate": rate, "step": iteration}
            rows.append(row | {name: round(x, 4) for name, x in measured.items()})
            c17_alignment_runs.log(rows[-1])

    config = PolicyConfig(c17_alignment_runs.ITERATIONS, kl_weight=0.0, learning_rate=rate, seed=seed)
    train_policy(policy, reference, reward, task.prompts, config, end=task.end, on_evaluation=on_evaluation)
    return rows


def main() -> None:
    """Make the run of every seed that is missing, and write the table after each."""
    rates = common.stored("alignment_search")
    task = c17_alignment_runs.with_rates(ShopTask.with_tokenizer(), rates)
    base, _ = pretrained.load("unaligned")
    rows = common.stored(NAME)
    for seed in common.start(3):
        if seed not in {row["seed"] for row in rows}:
            rows += slow(seed, base, task, c17_alignment_runs.tuned(rates, "ppo", 0.0) / SLOWER)
            common.save(NAME, rows)


if __name__ == "__main__":
    main()
