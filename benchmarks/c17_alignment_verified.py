"""The policy gradient of `alignment_runs` without a KL penalty, with the judge itself as the reward.

Question: is the fall of the judge's score without a penalty the fault of the optimization or of the learned reward? If
it is the reward's, the same runs must not fall when the judge gives the reward.

Design: the references, learning rate, seeds and iterations of the runs with weight 0 in `alignment_runs`; only the
reward differs.

Usage: python benchmarks/c17_alignment_verified.py            (about a minute on one core; a second start resumes)

Writes `alignment_verified`: seed, step, and what `ShopTask.measure_policy` returns; its learned_reward is that of the
reward model, which these policies never meet.
"""

import copy

import c17_alignment_runs
import common

from lecture21 import GPT
from lecture21.alignment import PolicyConfig, ShopTask, train_policy
from lecture21.huggingface import pretrained

NAME = "alignment_verified"


def verified(seed: int, base: GPT, task: ShopTask, rate: float) -> c17_alignment_runs.Rows:
    """Return the measurements of one policy whose reward is the judge's score."""
    reference = task.fine_tuned(base, seed)
    pairs, _ = task.preferences(reference, seed)
    reward = task.reward_model(reference, pairs, seed).eval()
    policy, rows = copy.deepcopy(reference), []

    def on_evaluation(iteration: int) -> None:
        if iteration in c17_alignment_runs.MEASURED:
            measured = task.measure_policy(policy, reference, reward, seed)
            rows.append({"seed": seed, "step": iteration} | {name: round(x, 4) for name, x in measured.items()})
            c17_alignment_runs.log(rows[-1])

    config = PolicyConfig(c17_alignment_runs.ITERATIONS, kl_weight=0.0, learning_rate=rate, seed=seed)
    train_policy(policy, reference, task.score, task.prompts, config, end=task.end, on_evaluation=on_evaluation)
    return rows


def main() -> None:
    """Make the run of every seed that is missing, and write the table after each."""
    rates = common.stored("alignment_search")
    task = c17_alignment_runs.with_rates(ShopTask.with_tokenizer(), rates)
    base, _ = pretrained.load("unaligned")
    rows = common.stored(NAME)
    for seed in common.start(3):
        if seed not in {row["seed"] for row in rows}:
            rows += verified(seed, base, task, c17_alignment_runs.tuned(rates, "ppo", 0.0))
            common.save(NAME, rows)


if __name__ == "__main__":
    main()
