"""Mixture of experts, bagging and boosting side by side, on data with regimes and on data without.

Usage: python benchmarks/c12_three_estimators.py [SEED ...]  (0 to 7 if none is named; about 15 minutes on one core)

Three tasks of `lecture21.data.mixtures`: `three_regimes` (regression, 300 points) and `three_bands` (classification,
400 points) are piecewise functions and so favor a mixture of experts; `smooth` (regression, 300 points) is one smooth
function. Each seed draws its own training points and its own 4,000 test points. All methods have the same members: 6
networks of 4 tanh units for regression, 8 of 2 for classification, fitted by the same Adam with the same number of
updates, all points at once (each boosted or bagged member has the number of updates of the mixture).

Two methods are one network: `single, wide` has the units of all members, `single, wider` the parameters of the mixture
with the MLP gate, to within one. `single` is one member.

The learning rate is tuned for each task, method and score (`nats` and `error`): the mean over two other draws (seeds
100 and 101) of that score on their test points, from 0.1 to the neighbors in `RATES` until both are worse.

Writes the result `three_estimators`, scored on the test points:

    tuned_on        of a run: the score for which its learning rate is the best, nats, error, or both
    error           mean squared error, or the fraction of wrong classes
    squared         mean squared error, or the Brier score of class 1
    nats            mean -log P(y|x)
    overconfidence  regression: 0.9 minus the fraction of y inside the central 90 % of its predicted distribution;
                    classification: mean probability of the predicted class minus the accuracy
    weighted_member, uniform_member, ambiguity
                    mean of the members' `squared` with the method's own weights g, with 1/M, and the spread
                    sum_m g_m (f_m - fbar)^2; squared = weighted_member - ambiguity. Empty for methods without
                    weights that sum to 1

`cooperative` is trained on the squared error. For regression, that does not determine the spread of y; for
`nats` and `overconfidence` the predicted distribution is normal with the standard deviation of the training residuals,
as for L2 boosting. `uniform gate` is the trained mixture with the MLP gate, its gate replaced by the weight 1/M for
every member, and `linear gate x 4` the one with the linear gate, its logits multiplied by 4.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from table import Table, each, run, seeds
from torch import Tensor, nn

from lecture21.data.mixtures import smooth, three_bands, three_regimes
from lecture21.mixtures import (
    LinearGate,
    Mixture,
    MLPClassifier,
    MLPGate,
    MLPGaussian,
    UniformGate,
    adaboost,
    ambiguity_decomposition,
    bag,
    fit_gradient,
    l2_boost,
    likelihood_learner,
)

N_TEST, GATE_UNITS, SEARCH_SEEDS = 4000, 8, (100, 101)
SCORES = ("nats", "error")
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Task:
    """A data set, and the shape of the members."""

    draw: Callable[[int, int], tuple[Tensor, Tensor]]
    n: int
    members: int
    steps: int
    make: Callable[[], nn.Module]
    make_wide: Callable[[], nn.Module]
    """One network with the units of all members."""
    make_wider: Callable[[], nn.Module]
    """One network with the parameters of the mixture with an MLP gate, to within one."""
    classes: bool = False

    @property
    def boosting(self) -> str:
        """The boosting method of this kind of task."""
        return "AdaBoost, sigmoid(2F)" if self.classes else "L2 boosting"


REGRESSION = [partial(MLPGaussian, 1, d_hidden) for d_hidden in (4, 24, 51)]
CLASSIFICATION = [partial(MLPClassifier, 2, d_hidden, 2) for d_hidden in (2, 16, 38)]
TASKS = {
    "three_regimes": Task(three_regimes, 300, 6, 1500, *REGRESSION),
    "three_bands": Task(three_bands, 400, 8, 600, *CLASSIFICATION, classes=True),
    "smooth": Task(smooth, 300, 6, 1500, *REGRESSION),
}


def parameters(model: nn.Module) -> int:
    """Return the number of fitted parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


@torch.no_grad()
def split_error(mixture: Mixture, x: Tensor, y: Tensor) -> dict[str, float]:
    """Return the members' errors and the ambiguity; of classes, of the probability of class 1."""
    predictions = mixture.member_means(x)
    if predictions.dim() == 3:
        predictions = predictions[..., 1]  # (N, M)
    target = y.to(x.dtype)
    _, average, ambiguity = ambiguity_decomposition(predictions, target, mixture.gate_probabilities(x))
    return {
        "weighted_member": average.mean().item(),
        "uniform_member": (predictions - target[:, None]).square().mean().item(),
        "ambiguity": ambiguity.mean().item(),
    }


@torch.no_grad()
def sharpened(mixture: Mixture, factor: float) -> Mixture:
    """Return a copy of a mixture with a linear gate, its logits multiplied by a factor."""
    sharp = copy.deepcopy(mixture)
    for parameter in sharp.gate.parameters():
        parameter.mul_(factor)
    return sharp


@torch.no_grad()
def below(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return P(Y <= y | x) (N): of normal members, the mixture's own distribution function."""
    if isinstance(model, Mixture):
        each = torch.stack([below(member, x, y) for member in model.members], dim=1)
        return (model.gate_probabilities(x) * each).sum(dim=1)
    sd = model.sd if hasattr(model, "sd") else model.variance.sqrt()
    return torch.distributions.Normal(model.mean(x), sd).cdf(y)


class Around(nn.Module):
    """Normal distribution around a model's mean, with the standard deviation of its training residuals."""

    def __init__(self, model: nn.Module, x: Tensor, y: Tensor):
        super().__init__()
        self.model = model
        with torch.no_grad():
            self.sd = (y - model.mean(x)).square().mean().sqrt()

    def mean(self, x: Tensor) -> Tensor:
        return self.model.mean(x)

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.distributions.Normal(self.mean(x), self.sd).log_prob(y)


@torch.no_grad()
def regression_scores(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, float]:
    """Return error, likelihood and coverage on the test points."""
    squared = (model.mean(x) - y).square().mean().item()
    place = below(model, x, y)
    inside = ((place >= 0.05) & (place <= 0.95)).double().mean().item()
    return {
        "error": squared,
        "squared": squared,
        "nats": -model.log_prob(x, y).mean().item(),
        "overconfidence": 0.9 - inside,
    }


@torch.no_grad()
def class_scores(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, float]:
    """Return error rate, Brier score, likelihood and confidence on the test points."""
    p = model.mean(x)
    confidence, label = p.max(dim=1)
    wrong = (label != y).double().mean().item()
    return {
        "error": wrong,
        "squared": (p[:, 1] - y).square().mean().item(),
        "nats": -model.log_prob(x, y).mean().item(),
        "overconfidence": confidence.mean().item() - (1 - wrong),
    }


def fit(task: Task, method: str, x: Tensor, y: Tensor, seed: int, rate: float) -> nn.Module:
    """Fit one method and return the model."""
    torch.manual_seed(seed)
    learn = likelihood_learner(task.make, steps=task.steps, learning_rate=rate)
    if method == "single":
        return Mixture([learn(x, y, torch.ones(task.n))], UniformGate(1))
    if method in ("single, wide", "single, wider"):
        make = task.make_wide if method == "single, wide" else task.make_wider
        return likelihood_learner(make, steps=task.steps, learning_rate=rate)(x, y, torch.ones(task.n))
    if method == "bagging":
        return bag(learn, x, y, n_member=task.members, seed=seed)
    if method == task.boosting:
        return (adaboost if task.classes else l2_boost)(learn, x, y, rounds=task.members)
    members, d_in = [task.make() for _ in range(task.members)], x.shape[1]
    linear = method == "MoE, linear gate"
    gate = LinearGate(d_in, task.members) if linear else MLPGate(d_in, GATE_UNITS, task.members)
    mixture = Mixture(members, gate).double()
    loss = "cooperative" if method == "MoE, cooperative" else "competitive"
    fit_gradient(mixture, x, y, loss=loss, steps=task.steps, learning_rate=rate)
    return mixture


def scored(task: Task, method: str, model: nn.Module, train: tuple[Tensor, Tensor], seed: int) -> dict[str, float]:
    """Return the scores of a fitted model on the test points of its draw."""
    test = task.draw(N_TEST, 10_000 + seed)
    around = method == "MoE, cooperative" and not task.classes
    actual = (class_scores if task.classes else regression_scores)(Around(model, *train) if around else model, *test)
    actual["parameters"] = parameters(model)
    return actual | (split_error(model, *test) if isinstance(model, Mixture) else {})


DERIVED = {
    "MoE, uniform gate": "MoE, MLP gate",
    "MoE, linear gate x 4": "MoE, linear gate",
    "AdaBoost, shares": "AdaBoost, sigmoid(2F)",
}
"""What is scored with the fitted model of another method."""
COLUMNS = (
    "error", "squared", "nats", "overconfidence", "weighted_member", "uniform_member", "ambiguity", "parameters",
)  # fmt: skip
RUNS = Table("three_estimators", key=("part", "task", "method", "seed", "learning_rate"))


@lru_cache(maxsize=1)
def fitted(name: str, method: str, seed: int, rate: float) -> nn.Module:
    """Return the fitted model of a method, which a method that is derived from it uses again."""
    return fit(TASKS[name], method, *TASKS[name].draw(TASKS[name].n, seed), seed, rate)


def measure(part: str, task: str, method: str, seed: int, learning_rate: float) -> dict[str, float]:
    """Fit a method, and return its scores; infinite ones if the fit diverged, and none without weights."""
    base = DERIVED.get(method, method)
    try:
        model = fitted(task, base, seed, learning_rate)
    except ValueError:
        scores = {"error": math.inf, "squared": math.inf, "nats": math.inf}
    else:
        if method == "MoE, uniform gate":
            model = Mixture(list(model.members), UniformGate(TASKS[task].members))
        elif method == "MoE, linear gate x 4":
            model = sharpened(model, 4)
        elif method == "AdaBoost, shares":
            model = model.mixture()
        scores = scored(TASKS[task], base, model, TASKS[task].draw(TASKS[task].n, seed), seed)
    return {"tuned_on": None} | {name: float(f"{scores[name]:.6g}") if name in scores else None for name in COLUMNS}


def compare(key: tuple[str, str]) -> None:
    """Tune a method on a task for each score, and run it and what is derived from it with every seed."""
    task, method = key
    where = {"task": task, "method": method}
    search = {"seeds": SEARCH_SEEDS, "reported": seeds(8), "part": "search"}
    best = {score: RUNS.tune(measure, "learning_rate", (0.1,), RATES, by=score, **search, **where) for score in SCORES}
    for rate in sorted(set(best.values())):
        for seed in seeds(8):
            for each_method in (method, *(name for name, base in DERIVED.items() if base == method)):
                RUNS.row(measure, part="run", task=task, method=each_method, seed=seed, learning_rate=rate)
                RUNS.label(
                    "tuned_on",
                    lambda row: " and ".join(score for score in SCORES if best[score] == row["learning_rate"]),
                    part="run", task=task, method=each_method,
                )  # fmt: skip


def main() -> None:
    """Compare all methods on every task."""
    mixtures = ("MoE, linear gate", "MoE, MLP gate", "MoE, cooperative")
    methods = ("single", "single, wide", "single, wider", "bagging")
    each(compare, [(name, method) for name, task in TASKS.items() for method in (*methods, task.boosting, *mixtures)])


if __name__ == "__main__":
    run(main)
