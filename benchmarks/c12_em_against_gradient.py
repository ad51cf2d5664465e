"""EM, L-BFGS and tuned Adam on the same mixtures of linear experts; and EM without step-halving.

Usage: python benchmarks/c12_em_against_gradient.py        (about 6 minutes on one core)

A seed, 0 to 19, determines the initialization: members and gate as torch initializes them. All seeds share the data:
`three_regimes` (400 points, three members, regimes without overlap) and `soft_gate` (600 points, two members, both
lines occur near 0). EM runs for at most 300 steps, with a linear gate; Adam for 2,000, with a cosine decay of the
learning rate to 0, with a linear gate and, on `three_regimes`, with one of eight hidden units. Adam's rate is tuned for
each data set and gate, by the mean log-likelihood at the end, on the points that both fit, from thirty other
initializations (seeds 100 to 129). L-BFGS has a line search and no learning rate; its steps are evaluations of the
gradient, at most 2,000, on the linear gate only.

Writes the result `em_against_gradient` in three parts. `search`: every rate, by seed. `race`: `nats` is
the mean log P(y|x) over the training points at the end, `steps` the number of steps after which it stays within 0.001
of that value, `error` the mean squared error of the mixture's mean on 4,000 other points. `damping`: only EM on
`three_regimes`, 100 steps. There a `wild` initialization has a gate whose parameters are drawn with a standard
deviation of 5, and overconfident members, whose standard deviation is about 0.1 instead of 1. `falls` counts the steps
that lower the sum of log P(y|x) by more than 1e-9, `worst` is the largest decrease, in nats; it is -inf if the fit
ended in non-finite values. `newton_steps` is the number in each M-step.
"""

import copy
import math
from itertools import product

import torch
from table import Table, run
from torch import Tensor, nn

from lecture21.data.mixtures import soft_gate, three_regimes
from lecture21.mixtures import LinearGate, LinearGaussian, Mixture, MLPGate, fit_em
from lecture21.training import TrainConfig, minimize

DATA = {"three_regimes": (three_regimes(400, 0), 3), "soft_gate": (soft_gate(600, 0), 2)}
FRESH = {"three_regimes": three_regimes(4000, 10_000), "soft_gate": soft_gate(4000, 10_000)}
STEPS = 2000
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
SEARCH_SEEDS, SEEDS = list(range(100, 130)), list(range(20))
GATES = {"three_regimes": ("linear", "MLP"), "soft_gate": ("linear",)}
KEY = ("part", "data", "method", "members", "gate", "learning_rate", "start", "newton_steps")
RUNS = Table("em_against_gradient", KEY)


def untrained(members: int, seed: int, gate: str = "linear", wild: bool = False) -> Mixture:
    """Return an unfitted mixture of linear experts, with torch's initialization or the wild one."""
    torch.manual_seed(seed)
    experts = [LinearGaussian(1) for _ in range(members)]
    mixture = Mixture(experts, LinearGate(1, members) if gate == "linear" else MLPGate(1, 8, members)).double()
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


class Starts(nn.Module):
    """Mixtures of one shape that are trained together: Adam treats each parameter by itself, so they stay independent.

    Args:
        mixtures: the S mixtures, each with its own initialization.
    """

    def __init__(self, mixtures: list[Mixture]):
        super().__init__()
        stacked, _ = torch.func.stack_module_state([LogProb(mixture) for mixture in mixtures])
        self.names = list(stacked)
        self.stacked = nn.ParameterList(stacked.values())  # S x the shape of each parameter
        self.shape = [LogProb(mixtures[0])]  # in a list, so that its own parameters are not trained

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log P(y|x) of each mixture (S, N)."""

        def one(parameters: dict[str, Tensor]) -> Tensor:
            return torch.func.functional_call(self.shape[0], parameters, (x, y))

        return torch.func.vmap(one)(dict(zip(self.names, self.stacked, strict=True)))

    @torch.no_grad()
    def separate(self) -> list[Mixture]:
        """Return the S mixtures."""
        actual = []
        for parameters in zip(*self.stacked, strict=True):
            module = copy.deepcopy(self.shape[0])
            module.load_state_dict(dict(zip(self.names, parameters, strict=True)))
            actual.append(module.mixture)
        return actual


class LogProb(nn.Module):
    """A mixture as a module whose call is its log-likelihood."""

    def __init__(self, mixture: Mixture):
        super().__init__()
        self.mixture = mixture

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log P(y|x)."""
        return self.mixture.log_prob(x, y)


def fit_adam(mixtures: list[Mixture], x: Tensor, y: Tensor, rate: float) -> tuple[list[Mixture], list[list[float]]]:
    """Fit mixtures by Adam as `fit_gradient` does, all at once; return them, and each one's curve in nats per point."""
    starts, curves = Starts(mixtures), []

    def loss(_: torch.Generator | None = None) -> Tensor:
        nats = starts.log_prob(x, y).mean(1)  # (S)
        curves.append(nats.detach())
        return -nats.sum()

    minimize(starts, loss, TrainConfig(STEPS, learning_rate=rate, schedule="cosine"))
    with torch.no_grad():
        loss()
    return starts.separate(), torch.stack(curves, dim=1).tolist()


def fit_lbfgs(mixture: Mixture, x: Tensor, y: Tensor) -> list[float]:
    """Fit a mixture in place by L-BFGS with a line search, and return the curve, in nats per point."""
    curve = []
    optimizer = torch.optim.LBFGS(
        mixture.parameters(),
        max_iter=STEPS,
        max_eval=STEPS,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -mixture.log_prob(x, y).mean()
        loss.backward()
        curve.append(-loss.item())
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        curve.append(mixture.log_prob(x, y).mean().item())
    return curve


def fitted(
    part: str, data: str, method: str, members: int, gate: str, learning_rate: float | None = None
) -> list[dict[str, object]]:
    """Fit a mixture from each initialization, all at once with Adam, and return a row for each."""
    x, y = DATA[data][0]
    seeds = SEARCH_SEEDS if part == "search" else SEEDS
    mixtures = [untrained(members, seed, gate) for seed in seeds]
    if method == "EM":
        curves = [[value / len(x) for value in fit_em(mixture, x, y, steps=300)] for mixture in mixtures]
    elif method == "L-BFGS":
        curves = [fit_lbfgs(mixture, x, y) for mixture in mixtures]
    else:
        mixtures, curves = fit_adam(mixtures, x, y, learning_rate)
    rows = []
    fresh_x, fresh_y = FRESH[data]
    for seed, mixture, nats in zip(seeds, mixtures, curves, strict=True):
        with torch.no_grad():
            error = (mixture.mean(fresh_x) - fresh_y).square().mean().item()
        rows.append({"seed": seed, "steps": settled(nats), "nats": round(nats[-1], 5), "error": round(error, 5)})
    return rows


def race(data: str, gate: str) -> None:
    """Tune Adam for one data set and gate, and run it and the others from every initialization."""
    where = {"data": data, "members": DATA[data][1], "gate": gate}

    def nats(rate: float) -> float:
        rows = RUNS.rows(fitted, part="search", method="Adam", **where, learning_rate=rate)
        return sum(row["nats"] for row in rows) / len(rows)

    if gate == "linear":
        RUNS.rows(fitted, part="race", method="EM", **where)
        RUNS.rows(fitted, part="race", method="L-BFGS", **where)
    RUNS.rows(fitted, part="race", method="Adam", **where, learning_rate=max(RATES, key=nats))


def changes(mixture: Mixture, x: Tensor, y: Tensor, damped: bool, newton_steps: int) -> list[float]:
    """Return what each of 100 steps of EM adds to the log-likelihood; the list ends at the first non-finite value."""
    actual = []
    for _ in range(100):
        try:
            before, after = fit_em(mixture, x, y, steps=1, damped=damped, newton_steps=newton_steps)
        except ValueError:
            return [*actual, -math.inf]
        actual.append(after - before)
    return actual


def damping(
    part: str, data: str, method: str, members: int, gate: str, start: str, newton_steps: int
) -> list[dict[str, object]]:
    """Run EM with or without step-halving from every initialization of one kind, and return a row for each."""
    x, y = DATA[data][0]
    rows = []
    for seed in SEEDS:
        mixture = untrained(members, seed, gate, wild=start == "wild")
        steps = changes(mixture, x, y, method == "damped", newton_steps)
        falls, worst = sum(change < -1e-9 for change in steps), min(0.0, *steps)
        rows.append({"seed": seed, "falls": falls, "worst": f"{worst:.3g}"})
    return rows


def main() -> None:
    """Let the methods race, and then run EM with and without step-halving."""
    for data in DATA:
        for gate in GATES[data]:
            race(data, gate)
    where = {"part": "damping", "data": "three_regimes", "gate": "linear"}
    for start, members, method, newton_steps in product(("plain", "wild"), (3, 6), ("damped", "undamped"), (1, 10)):
        RUNS.rows(damping, **where, start=start, members=members, method=method, newton_steps=newton_steps)


if __name__ == "__main__":
    run(main)
