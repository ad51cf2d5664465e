"""The policy gradient of `alignment_runs` without a KL penalty, at a tenth of its learning rate.

Question: does the KL penalty do more than stopping early? At the learning rate that is tuned for the end of a run, a
policy passes its best score within a few iterations. A smaller rate leaves more policies to choose from.

Design: the references, reward models, seeds and iterations of the runs with weight 0 in `alignment_runs`; only the
learning rate differs.

Usage: python benchmarks/c17_alignment_slow.py            (a minute on one core)

Writes `alignment_slow`: seed, learning_rate, step, and what `ShopTask.measure_policy` returns.
"""

import c17_alignment_runs
from table import Table, each, run, seeds

RESULT = Table("alignment_slow", key=("seed", "learning_rate"))
SLOWER = 10
MEASURED = (20, 40, 60, 80)  # iterations after which a policy is measured


def measure(seed: int, learning_rate: float) -> c17_alignment_runs.Rows:
    """Run one seed."""
    return c17_alignment_runs.unpenalized(seed, learning_rate, at=MEASURED)


def main() -> None:
    """Run every seed."""
    rate = c17_alignment_runs.tuned("ppo", 0.0) / SLOWER
    each(lambda seed: RESULT.rows(measure, seed=seed, learning_rate=rate), seeds(3))


if __name__ == "__main__":
    run(main)
