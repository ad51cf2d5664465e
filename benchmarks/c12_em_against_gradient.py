"""EM, L-BFGS and tuned Adam on the same mixtures of linear experts; and EM without step-halving.

Usage: python benchmarks/c12_em_against_gradient.py [SEED ...]  (0 to 19 if none is named; about 6 minutes on one core)

A seed determines the initialization: members and gate as torch initializes them. All seeds share the data:
`three_regimes` (400 points, three members, regimes without overlap) and `soft_gate` (600 points, two members, both
lines occur near 0). EM runs for at most 300 steps, with a linear gate; Adam for 2,000, with a cosine decay of the
learning rate to 0, with a linear gate and, on `three_regimes`, with one of eight hidden units. Adam's rate is tuned for
each data set and gate, by the mean log-likelihood at the end, on the points that both fit, from thirty other
initializations (seeds 100 to 129). L-BFGS has a line search and no learning rate; its steps are evaluations of the
gradient, at most 2,000, on the linear gate only.

Writes results/em_against_gradient.csv in the package, in three parts. `search`: every rate, by seed. `race`: `nats` is
the mean log P(y|x) over the training points at the end, `steps` the number of steps after which it stays within 0.001
of that value, `error` the mean squared error of the mixture's mean on 4,000 other points. `damping`: only EM on
`three_regimes`, 100 steps. There a `wild` initialization has a gate whose parameters are drawn with a standard
deviation of 5, and overconfident members, whose standard deviation is about 0.1 instead of 1. `falls` counts the steps
that lower the sum of log P(y|x) by more than 1e-9, `worst` is the largest decrease, in nats; it is -inf if the fit
ended in non-finite values. `newton_steps` is the number in each M-step.
"""

import copy
import math
import time

import common
import torch
from torch import Tensor, nn

from lecture21.data.mixtures import soft_gate, three_regimes
from lecture21.mixtures import LinearGate, LinearGaussian, Mixture, MLPGate, fit_em
from lecture21.training import TrainConfig, minimize

NAME = "em_against_gradient"
DATA = {"three_regimes": (three_regimes(400, 0), 3), "soft_gate": (soft_gate(600, 0), 2)}
FRESH = {"three_regimes": three_regimes(4000, 10_000), "soft_gate": soft_gate(4000, 10_000)}
STEPS = 2000
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
SEARCH_SEEDS = list(range(100, 130))
GATES = {"three_regimes": ("linear", "MLP"), "soft_gate": ("linear",)}
BLANK = dict.fromkeys(
    ("gate", "learning_rate", "start", "steps", "nats", "error", "newton_steps", "falls", "worst"), ""
)


def start(members: int, seed: int, gate: str = "linear", wild: bool = False) -> Mixture:
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


def fitted(data: str, method: str, gate: str, seeds: list[int], rate: float | None) -> list[dict[str, object]]:
    """Fit a mixture from each initialization and return the rows."""
    (x, y), members = DATA[data]
    mixtures = [start(members, seed, gate) for seed in seeds]
    if method == "EM":
        curves = [[value / len(x) for value in fit_em(mixture, x, y, steps=300)] for mixture in mixtures]
    elif method == "L-BFGS":
        curves = [fit_lbfgs(mixture, x, y) for mixture in mixtures]
    else:
        mixtures, curves = fit_adam(mixtures, x, y, rate)
    rows = []
    fresh_x, fresh_y = FRESH[data]
    for seed, mixture, nats in zip(seeds, mixtures, curves, strict=True):
        with torch.no_grad():
            error = (mixture.mean(fresh_x) - fresh_y).square().mean().item()
        row = {"data": data, "method": method, "members": members, "seed": seed}
        cells = {"steps": settled(nats), "nats": round(nats[-1], 5), "error": round(error, 5)}
        rows.append(row | BLANK | {"gate": gate, "learning_rate": "" if rate is None else rate} | cells)
    return rows


def race(data: str, gate: str, seeds: list[int]) -> list[dict[str, object]]:
    """Tune Adam for one data set and gate, run it and EM from every initialization, and return the rows."""
    rows, means = [], {}
    for rate in RATES:
        actual = fitted(data, "Adam", gate, SEARCH_SEEDS, rate)
        rows += [{"part": "search"} | row for row in actual]
        means[rate] = sum(row["nats"] for row in actual) / len(actual)
    best = max(means, key=means.__getitem__)
    print(f"{data}, {gate} gate: {means}", flush=True)
    arms = {"EM": None, "L-BFGS": None, "Adam": best} if gate == "linear" else {"Adam": best}
    for method, rate in arms.items():
        actual = fitted(data, method, gate, seeds, rate)
        rows += [{"part": "race"} | row for row in actual]
        nats, error = (torch.tensor([row[name] for row in actual]) for name in ("nats", "error"))
        print(f"{data}, {gate} gate, {method}: {nats.sort().values.tolist()}, error {error.median():.4f}", flush=True)
    print(f"{time.process_time():.0f} s", flush=True)
    return rows


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


def damping(name: str, members: int, damped: bool, newton_steps: int, seeds: list[int]) -> list[dict[str, object]]:
    """Run EM with and without step-halving from every initialization of one kind, and return the rows."""
    (x, y), _ = DATA["three_regimes"]
    rows = []
    for seed in seeds:
        steps = changes(start(members, seed, wild=name == "wild"), x, y, damped, newton_steps)
        falls, worst = sum(change < -1e-9 for change in steps), min(0.0, *steps)
        row = {"part": "damping", "data": "three_regimes", "method": "damped" if damped else "undamped"}
        cells = {"start": name, "newton_steps": newton_steps, "falls": falls, "worst": f"{worst:.3g}"}
        rows.append(row | {"members": members, "seed": seed} | BLANK | {"gate": "linear"} | cells)
    return rows


def main() -> None:
    """Run every initialization and write the table."""
    seeds = common.start(20)
    rows = []
    for data in DATA:
        for gate in GATES[data]:
            rows += race(data, gate, seeds)
    for name in ("plain", "wild"):
        for members in (3, 6):
            for damped in (True, False):
                for newton_steps in (1, 10):
                    rows += damping(name, members, damped, newton_steps, seeds)
    common.save(NAME, rows, arguments=False)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
