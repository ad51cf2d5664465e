"""The policy gradient of `alignment_runs` without a KL penalty, with the judge itself as the reward.

Question: is the fall of the judge's score without a penalty the fault of the optimization or of the learned reward? If
it is the reward's, the same runs must not fall when the judge gives the reward.

Design: the references, learning rate, seeds and iterations of the runs with weight 0 in `alignment_runs`; only the
reward differs.

Usage: python benchmarks/c17_alignment_verified.py            (about a minute on one core; a second start resumes)

Writes `alignment_verified`: seed, step, and what `ShopTask.measure_policy` returns; its learned_reward is that of the
reward model, which these policies never meet.
"""

import c17_alignment_runs
import common

from lecture21.alignment import ShopTask
from lecture21.huggingface import pretrained

NAME = "alignment_verified"


def main() -> None:
    """Make the run of every seed that is missing, and write the table after each."""
    rates = common.stored("alignment_search")
    task = c17_alignment_runs.with_rates(ShopTask.with_tokenizer(), rates)
    rate = c17_alignment_runs.tuned(rates, "ppo", 0.0)
    base, _ = pretrained.load("unaligned")
    rows = common.stored(NAME)
    for seed in common.start(3):
        if seed not in {row["seed"] for row in rows}:
            rows += c17_alignment_runs.unpenalized(seed, base, task, rate, judged=True)
            common.save(NAME, rows)


if __name__ == "__main__":
    main()
