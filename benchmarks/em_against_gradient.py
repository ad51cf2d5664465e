"""EM and Adam on the same mixtures of linear experts, from the same starts; and EM with its step-halving taken away.

Usage: python benchmarks/em_against_gradient.py [SEED ...]      (0 to 19 if none is named; about 3 minutes on one core)

A seed draws the start: members and linear gate as torch draws them. The data are the same for all: `three_regimes` (400
points, three members, the regimes do not overlap) and `soft_gate` (600 points, two members, near 0 both lines occur).
EM runs for at most 300 steps; Adam for 2,000, from a learning rate of 0.03 along a cosine to 0, untuned.

Writes results/em_against_gradient.csv in the package, in two parts. `race`: `nats` is the mean log P(y|x) over the
training points at the end, `steps` the number of steps until it was within 0.001 of that for good. `damping`: EM alone
on `three_regimes`, 100 steps. There a `wild` start has a gate whose parameters are drawn with a standard deviation of
5, and members that are too sure of themselves: their standard deviation starts at 0.1 and not at 1. `falls` counts the
steps that lower the sum of log P(y|x) by more than 1e-9, `worst` is the greatest fall, in nats; it is -inf where the
fit ended in numbers that are not finite. `newton_steps` are those in each M-step.
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
    """Return an unfitted mixture of linear experts, as torch draws it or wild."""
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
    """Return after how many steps the curve stays within 0.001 of its end."""
    return max((i + 1 for i, value in enumerate(nats) if abs(value - nats[-1]) > 1e-3), default=0)


def changes(mixture: Mixture, x: Tensor, y: Tensor, damped: bool, newton_steps: int) -> list[float]:
    """Return what each of 100 steps of EM adds to the log-likelihood; it ends where that is no number."""
    found = []
    for _ in range(100):
        try:
            before, after = fit_em(mixture, x, y, steps=1, damped=damped, newton_steps=newton_steps)
        except ValueError:
            return [*found, -math.inf]
        found.append(after - before)
    return found


def main() -> None:
    """Run the starts and write the table."""
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
                print(f"{setting}: {fallen} of {len(seeds)} starts fall; {time.process_time():.0f} s", flush=True)
    common.save("em_against_gradient", rows, arguments=False)


if __name__ == "__main__":
    main()
