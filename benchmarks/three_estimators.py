"""Mixture of experts, bagging and boosting side by side, on data with regimes and on data without.

Usage: python benchmarks/three_estimators.py [SEED ...]        (0 to 7 if none is named; about 7 minutes on one core)

Three tasks of `lecture21.data.mixtures`: `three_regimes` (regression, 300 points) and `three_bands` (classification,
400 points) are piecewise functions and so favour a mixture of experts; `smooth` (regression, 300 points) is one smooth
function. Each seed draws its own training points and its own 4,000 test points. All methods have the same members: 6
networks of 4 tanh units for regression, 8 of 2 for classification, fitted by the same Adam with the same number of
updates, all points at once (each boosted or bagged member has the number of updates of the mixture).

Writes results/three_estimators.csv in the package, one row for each task, method and seed, scored on the test points:

    error           mean squared error, or the fraction of wrong classes
    squared         mean squared error, or the Brier score of class 1
    nats            mean -log P(y|x)
    overconfidence  regression: 0.9 minus the fraction of y inside the central 90 % of its predicted distribution;
                    classification: mean probability of the predicted class minus the accuracy
    weighted_member, uniform_member, ambiguity
                    mean of the members' `squared` with the method's own weights g, with 1/M, and the spread
                    sum_m g_m (f_m - fbar)^2; squared = weighted_member - ambiguity. Empty for methods without
                    weights that sum to 1
    parameters      number of fitted parameters

`cooperative` is trained on the squared error. For regression, that does not determine the spread of y; for
`nats` and `overconfidence` the predicted distribution is normal with the standard deviation of the training residuals,
as for L2 boosting. `uniform gate` is the trained mixture with the MLP gate, its gate replaced by the weight 1/M for
every member.
"""

import math
import time
from collections.abc import Callable
from functools import partial

import common
import torch
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from torch import Tensor, nn

from lecture21.data.mixtures import smooth, three_bands, three_regimes
from lecture21.ensembles import ambiguity_decomposition
from lecture21.mixtures import (
    LinearGate,
    Mixture,
    MLPClassifier,
    MLPGate,
    MLPGaussian,
    UniformGate,
    adaboost,
    bag,
    fit_gradient,
    l2_boost,
    likelihood_learner,
)

N_TEST = 4000
GATE_UNITS = 8


def moe(members: int, make: Callable[[], nn.Module], d_in: int, gate: str) -> Mixture:
    """Return an untrained mixture with a learned gate."""
    experts = [make() for _ in range(members)]
    return Mixture(
        experts, LinearGate(d_in, members) if gate == "linear" else MLPGate(d_in, GATE_UNITS, members)
    ).double()


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


def regression(draw: Callable, seed: int) -> dict[str, dict[str, float]]:
    """Run every method once on a regression task."""
    members, steps, rate = 6, 1500, 0.03
    make = partial(MLPGaussian, 1, 4)
    learn = likelihood_learner(make, steps=steps, learning_rate=rate)
    x, y = draw(300, seed)
    test = draw(N_TEST, 10_000 + seed)
    found = {}

    def add(name: str, model: nn.Module, mixture: Mixture | None = None) -> None:
        found[name] = regression_scores(model, *test) | {"parameters": parameters(model)}
        found[name] |= split_error(mixture, *test) if mixture else {}

    torch.manual_seed(seed)
    single = learn(x, y, torch.ones(300))
    add("single", single, Mixture([single], UniformGate(1)))
    torch.manual_seed(seed)
    wide = partial(MLPGaussian, 1, 4 * members)
    add("single, wide", likelihood_learner(wide, steps=steps, learning_rate=rate)(x, y, torch.ones(300)))
    torch.manual_seed(seed)
    bagged = bag(learn, x, y, n_member=members, seed=seed)
    add("bagging", bagged, bagged)
    torch.manual_seed(seed)
    add("L2 boosting", l2_boost(learn, x, y, rounds=members))
    for gate in ("linear", "MLP"):
        torch.manual_seed(seed)
        mixture = moe(members, make, 1, gate)
        fit_gradient(mixture, x, y, steps=steps, learning_rate=rate)
        add(f"MoE, {gate} gate", mixture, mixture)
    uniform = Mixture(list(mixture.members), UniformGate(members))
    add("MoE, uniform gate", uniform, uniform)
    torch.manual_seed(seed)
    mixture = moe(members, make, 1, "MLP")
    fit_gradient(mixture, x, y, loss="cooperative", steps=steps, learning_rate=rate)
    add("MoE, cooperative", Around(mixture, x, y), mixture)
    forest = RandomForestRegressor(random_state=seed, min_samples_leaf=5).fit(x.numpy(), y.numpy())
    found["random forest"] = {"error": ((torch.tensor(forest.predict(test[0].numpy())) - test[1]) ** 2).mean().item()}
    return found


def classification(draw: Callable, seed: int) -> dict[str, dict[str, float]]:
    """Run every method once on a classification task."""
    members, steps, rate = 8, 600, 0.05
    make = partial(MLPClassifier, 2, 2, 2)
    learn = likelihood_learner(make, steps=steps, learning_rate=rate)
    x, y = draw(400, seed)
    test = draw(N_TEST, 10_000 + seed)
    found = {}

    def add(name: str, model: nn.Module, mixture: Mixture | None = None) -> None:
        found[name] = class_scores(model, *test) | {"parameters": parameters(model)}
        found[name] |= split_error(mixture, *test) if mixture else {}

    torch.manual_seed(seed)
    single = learn(x, y, torch.ones(400))
    add("single", single, Mixture([single], UniformGate(1)))
    torch.manual_seed(seed)
    wide = partial(MLPClassifier, 2, 2 * members, 2)
    add("single, wide", likelihood_learner(wide, steps=steps, learning_rate=rate)(x, y, torch.ones(400)))
    torch.manual_seed(seed)
    bagged = bag(learn, x, y, n_member=members, seed=seed)
    add("bagging", bagged, bagged)
    torch.manual_seed(seed)
    boosted = adaboost(learn, x, y, rounds=members)
    add("AdaBoost, shares", boosted.mixture(), boosted.mixture())
    add("AdaBoost, sigmoid(2F)", boosted)
    for gate in ("linear", "MLP"):
        torch.manual_seed(seed)
        mixture = moe(members, make, 2, gate)
        fit_gradient(mixture, x, y, steps=steps, learning_rate=rate)
        add(f"MoE, {gate} gate", mixture, mixture)
    uniform = Mixture(list(mixture.members), UniformGate(members))
    add("MoE, uniform gate", uniform, uniform)
    torch.manual_seed(seed)
    mixture = moe(members, make, 2, "MLP")
    fit_gradient(mixture, x, y, loss="cooperative", steps=steps, learning_rate=rate)
    add("MoE, cooperative", mixture, mixture)
    forest = RandomForestClassifier(random_state=seed, min_samples_leaf=5).fit(x.numpy(), y.numpy())
    found["random forest"] = {"error": 1 - forest.score(test[0].numpy(), test[1].numpy())}
    return found


COLUMNS = (
    "error", "squared", "nats", "overconfidence", "weighted_member", "uniform_member", "ambiguity", "parameters",
)  # fmt: skip


def main() -> None:
    """Run the seeds and write the table."""
    seeds = common.start(8)
    tasks = {
        "three_regimes": partial(regression, three_regimes),
        "three_bands": partial(classification, three_bands),
        "smooth": partial(regression, smooth),
    }
    rows = []
    for task, run in tasks.items():
        for seed in seeds:
            for method, scores in run(seed).items():
                cells = {name: f"{scores[name]:.6g}" if name in scores else "" for name in COLUMNS}
                rows.append({"task": task, "method": method, "seed": seed, **cells})
            print(f"{task}, seed {seed}: {time.process_time():.0f} s", flush=True)
        for method in dict.fromkeys(row["method"] for row in rows if row["task"] == task):
            errors = torch.tensor([float(r["error"]) for r in rows if (r["task"], r["method"]) == (task, method)])
            print(f"  {method:24} {errors.mean():.4f} ± {errors.std() / math.sqrt(len(errors)):.4f}", flush=True)
    common.save("three_estimators", rows, arguments=False)
    print(f"{time.process_time():.0f} s of one core")


if __name__ == "__main__":
    main()
