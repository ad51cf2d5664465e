"""The error of ensembles of ridge students against their penalty, by simulation: the points of Sollich & Krogh's curve.

Usage: python benchmarks/c13_ridge_ensembles.py        (about 20 seconds on one core)

60 weights, 60 examples, noise of variance 0.2, 30 students, 21 penalties. Each student has a fraction of the examples,
drawn without replacement (`subset`), or as many examples drawn with replacement (`bootstrap`). The fractions 1, 0.8 and
0.65 of 60 examples are whole numbers: 60, 48 and 39. 10 rounds of 40 seeds.

Writes the result `ridge_ensembles`. Each row is a mean over the seeds of one round: `mean_of_K` is the
error |w - w0|^2 / N of the mean of the first K students, for K = 1 averaged over all 30 students; `train` is the mean
squared error of the students on their own examples.
"""

from itertools import product

import torch
from table import Table, each, run

from lecture21.mixtures import simulate_ridge_ensemble

SAMPLINGS = (("subset", 1.0), ("subset", 0.8), ("subset", 0.65), ("bootstrap", 1.0))
PENALTIES = torch.logspace(-3, 0.5, 21, dtype=torch.float64)
SETTING = {"alpha": 1.0, "noise": 0.2, "members": 30, "width": 60}
MEMBERS = (1, 2, 5, 10, 30)
ROUNDS, SEEDS = 10, 40


RESULT = Table("ridge_ensembles", key=("sampling", "subset", "round"))


def measure(sampling: str, subset: float, round: int) -> list[dict[str, object]]:
    """Simulate the seeds of one round, and return a row for each penalty."""
    runs = [
        simulate_ridge_ensemble(
            subset=subset, bootstrap=sampling == "bootstrap", penalty=PENALTIES, seed=seed, **SETTING
        )
        for seed in range(round * SEEDS, (round + 1) * SEEDS)
    ]
    cross = torch.stack([run.cross for run in runs]).mean(0)  # (L, M, M)
    train = torch.stack([run.train for run in runs]).mean(dim=(0, 2))
    alone = cross.diagonal(dim1=1, dim2=2).mean(1)
    errors = {f"mean_of_{k}": alone if k == 1 else cross[:, :k, :k].mean(dim=(1, 2)) for k in MEMBERS}
    return [
        {"penalty": f"{penalty:.6g}"}
        | {name: float(f"{error[n]:.6f}") for name, error in (errors | {"train": train}).items()}
        for n, penalty in enumerate(PENALTIES.tolist())
    ]


def main() -> None:
    """Simulate every kind of sampling."""
    keys = [{"sampling": s, "subset": f, "round": n} for (s, f), n in product(SAMPLINGS, range(ROUNDS))]
    each(lambda key: RESULT.rows(measure, **key), keys)


if __name__ == "__main__":
    run(main)
