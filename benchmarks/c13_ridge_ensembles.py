"""The error of ensembles of ridge students against their penalty, by simulation: the points of Sollich & Krogh's curve.

Usage: python benchmarks/c13_ridge_ensembles.py        (about 20 seconds on one core)

60 weights, 60 examples, noise of variance 0.2, 30 students, 21 penalties. Each student has a fraction of the examples,
drawn without replacement (`subset`), or as many examples drawn with replacement (`bootstrap`). The fractions 1, 0.8 and
0.65 of 60 examples are whole numbers: 60, 48 and 39. 10 rounds of 40 seeds.

Writes results/ridge_ensembles.csv in the package. Each row is a mean over the seeds of one round: `mean_of_K` is the
error |w - w0|^2 / N of the mean of the first K students, for K = 1 averaged over all 30 students; `train` is the mean
squared error of the students on their own examples.
"""

import time

import common
import torch

from lecture21.mixtures import simulate_ridge_ensemble

SAMPLINGS = (("subset", 1.0), ("subset", 0.8), ("subset", 0.65), ("bootstrap", 1.0))
PENALTIES = torch.logspace(-3, 0.5, 21, dtype=torch.float64)
SETTING = {"alpha": 1.0, "noise": 0.2, "members": 30, "width": 60}
MEMBERS = (1, 2, 5, 10, 30)
ROUNDS, SEEDS = 10, 40


def main() -> None:
    """Simulate and write the table."""
    torch.set_num_threads(1)
    rows = []
    for sampling, subset in SAMPLINGS:
        for number in range(ROUNDS):
            runs = [
                simulate_ridge_ensemble(
                    subset=subset, bootstrap=sampling == "bootstrap", penalty=PENALTIES, seed=seed, **SETTING
                )
                for seed in range(number * SEEDS, (number + 1) * SEEDS)
            ]
            cross = torch.stack([run.cross for run in runs]).mean(0)  # (L, M, M)
            train = torch.stack([run.train for run in runs]).mean(dim=(0, 2))
            alone = cross.diagonal(dim1=1, dim2=2).mean(1)
            errors = {k: alone if k == 1 else cross[:, :k, :k].mean(dim=(1, 2)) for k in MEMBERS}
            for n, penalty in enumerate(PENALTIES.tolist()):
                named = {"sampling": sampling, "subset": subset, "round": number, "penalty": f"{penalty:.6g}"}
                actual = {f"mean_of_{k}": round(error[n].item(), 6) for k, error in errors.items()}
                rows.append({**named, **actual, "train": round(train[n].item(), 6)})
        print(f"{sampling} {subset}: {time.process_time():.0f} s", flush=True)
    common.save("ridge_ensembles", rows, arguments=False)


if __name__ == "__main__":
    main()
