"""EM and Adam on the same mixtures of linear experts, from the same initializations; and EM without step-halving.

Usage: python benchmarks/em_against_gradient.py [SEED ...]      (0 to 19 if none is named; about 3 minutes on one core)

A seed determines the initialization: members and linear gate as torch initializes them. All seeds share the data:
`three_regimes` (400 points, three members, regimes without overlap) and `soft_gate` (600 points, two members, both
lines occur near 0). EM runs for at most 300 steps; Adam for 2,000, with a cosine decay from an untuned learning rate of
0.03 to 0.

Writes results/em_against_gradient.csv in the package, in two parts. `race`: `nats` is the mean log P(y|x) over the
training points at the end, `steps` the number of steps after which it stays within 0.001 of that value. `damping`: only
EM on `three_regimes`, 100 steps. There a `wild` initialization has a gate whose parameters are drawn with a standard
deviation of 5, and overconfident members, whose standard deviation is 0.1 instead of 1. `falls` counts the steps that
lower the sum of log P(y|x) by more than 1e-9, `worst` is the largest decrease, in nats; it is -inf if the fit ended in
non-finite values. `newton_steps` is the number in each M-step.
"""

import math
import time

import common
import torch
from torch import Tensor

from lecture21.data.mixtures import soft_gate, three_regimes
from lecture21.mixtures import LinearGate, LinearGaussian, Mixture, fit_em, fit_gradient

DATA = {"three_regimes": (three_regimes(400, 0), 3), "soft_gate": (soft_gate(600, 0), 2)}


def start(members: int, seed: int, wild: bool = False) -> Mixture:
    """Return an unfitted mixture of linear experts, with torch's initialization or the wild one."""
    torch.manual_seed(seed)
    mixture = Mixture([LinearGaussian(1) for _ in range(members)], LinearGate(1, members)).double()
    if wild:
        with torch.no_grad():
            for parameter in mixture.gate.parameters():
                parameter.normal_(std=5.0)
            for member in mixture.members:
                member.log_sd.fill_(math.log(0.1))
    return mixture


def settled(nats: list[float]) -> int:
    """Return the number of steps after which the curve stays within 0.001 of its last value."""
    return max((i + 1 for i, value in enumerate(nats) if abs(value - nats[-1]) > 1e-3), default=0)


def changes(mixture: Mixture, x: Tensor, y: Tensor, damped: bool, newton_steps: int) -> list[float]:
    """Return what each of 100 steps of EM adds to the log-likelihood; the list ends at the first non-finite value."""
    found = []
    for _ in range(100):
        try:
            before, after = fit_em(mixture, x, y, steps=1, damped=damped, newton_steps=newton_steps)
        except ValueError:
            return [*found, -math.inf]
        found.append(after - before)
    return found


def main() -> None:
    """Run every initialization and write the table."""
    seeds = common.start(20)
    blank = dict.fromkeys(("start", "steps", "nats", "newton_steps", "falls", "worst"), "")
    rows = []
    for data, ((x, y), members) in DATA.items():
        for seed in seeds:
            curves = {
                "EM": [value / len(x) for value in fit_em(start(members, seed), x, y, steps=300)],
                "Adam": [-value for value in fit_gradient(start(members, seed), x, y, steps=2000)],
            }
            for method, nats in curves.items():
                cells = {"steps": settled(nats), "nats": round(nats[-1], 5)}
                rows.append(
                    {"part": "race", "data": data, "method": method, "members": members, "seed": seed} | blank | cells
                )
        for method in ("EM", "Adam"):
            found = [r for r in rows if (r["data"], r["method"]) == (data, method)]
            ends, steps = (torch.tensor([float(r[name]) for r in found]) for name in ("nats", "steps"))
            print(f"{data}, {method}: {ends.sort().values.tolist()}, steps {steps.mean():.1f}", flush=True)

    (x, y), _ = DATA["three_regimes"]
    for name in ("plain", "wild"):
        for members in (3, 6):
            for method, damped, newton_steps in (
                ("damped", True, 1),
                ("damped", True, 10),
                ("undamped", False, 1),
                ("undamped", False, 10),
            ):
                fallen = 0
                for seed in seeds:
                    steps = changes(start(members, seed, name == "wild"), x, y, damped, newton_steps)
                    falls, worst = sum(change < -1e-9 for change in steps), min(0.0, *steps)
                    fallen += falls > 0
                    cells = {"start": name, "newton_steps": newton_steps, "falls": falls, "worst": f"{worst:.3g}"}
                    rows.append(
                        {"part": "damping", "data": "three_regimes", "method": method, "members": members, "seed": seed}
                        | blank
                        | cells
                    )
                setting = f"{name} start, {members} members, {method}, {newton_steps} Newton steps"
                print(f"{setting}: {fallen} of {len(seeds)} with a decrease; {time.process_time():.0f} s", flush=True)
    common.save("em_against_gradient", rows, arguments=False)


if __name__ == "__main__":
    main()
