"""The policy gradient of `alignment_runs` without a KL penalty, with the judge itself as the reward.

Question: is the fall of the judge's score without a penalty the fault of the optimization or of the learned reward? If
it is the reward's, the same runs must not fall when the judge gives the reward.

Design: the references, learning rate, seeds and iterations of the runs with weight 0 in `alignment_runs`; only the
reward differs.

Usage: python benchmarks/c17_alignment_verified.py            (about a minute on one core)

Writes `alignment_verified`: seed, step, and what `ShopTask.measure_policy` returns; its learned_reward is that of the
reward model, which these policies never meet.
"""

import c17_alignment_runs
from table import Table, each, run, seeds

RESULT = Table("alignment_verified", key=("seed",))


def measure(seed: int) -> c17_alignment_runs.Rows:
    """Run one seed."""
    return c17_alignment_runs.unpenalized(seed, c17_alignment_runs.tuned("ppo", 0.0), judged=True)


def main() -> None:
    """Run every seed."""
    each(lambda seed: RESULT.rows(measure, seed=seed), seeds(3))


if __name__ == "__main__":
    run(main)
