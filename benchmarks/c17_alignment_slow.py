"""The policy gradient of `alignment_runs` without a KL penalty, at a tenth of its learning rate.

Question: does the KL penalty do more than stopping early? At the learning rate that is tuned for the end of a run, a
policy passes its best score within a few iterations. A smaller rate leaves more policies to choose from.

Design: the references, reward models, seeds and iterations of the runs with weight 0 in `alignment_runs`; only the
learning rate differs.

Usage: python benchmarks/c17_alignment_slow.py            (a minute on one core; a second start resumes)

Writes `alignment_slow`: seed, learning_rate, step, and what `ShopTask.measure_policy` returns.
"""

import c17_alignment_runs
import common

from lecture21.alignment import ShopTask
from lecture21.huggingface import pretrained

NAME = "alignment_slow"
SLOWER = 10
MEASURED = (20, 40, 60, 80)  # iterations after which a policy is measured


def main() -> None:
    """Make the run of every seed that is missing, and write the table after each."""
    rates = common.stored("alignment_search")
    task = c17_alignment_runs.with_rates(ShopTask.with_tokenizer(), rates)
    rate = c17_alignment_runs.tuned(rates, "ppo", 0.0) / SLOWER
    base, _ = pretrained.load("unaligned")
    rows = common.stored(NAME)
    for seed in common.start(3):
        if seed not in {row["seed"] for row in rows}:
            runs = c17_alignment_runs.unpenalized(seed, base, task, rate, at=MEASURED)
            rows += [{"seed": seed, "learning_rate": rate} | row for row in runs]
            common.save(NAME, rows)


if __name__ == "__main__":
    main()
