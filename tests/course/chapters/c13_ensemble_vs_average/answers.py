"""Answers of chapter 13."""

import math
import warnings

import torch

from lecture21.course.chapters import results
from lecture21.mixtures import ambiguity_decomposition, best_penalty, majority_error


def terms(members, truth: float, weights):
    wide = (torch.tensor(each, dtype=torch.float64) for each in (members, truth, weights))
    return ambiguity_decomposition(*wide)


def ambiguities() -> list[float]:
    new, equal = terms((1, 5), 4, (0.75, 0.25)), terms((1, 5), 4, (0.5, 0.5))
    assert len({*map(float, new), 5}) == 4  # no other term has the value of the answer
    assert new.ensemble == equal.ambiguity  # as a hint says
    return [new.ambiguity, equal.ambiguity, new.average, (1 + 9) / 2, 1 + 9]


def against_a_member() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        actual = terms((0, 1), 0.3, (2, -1))
    holds = math.isclose(actual.ensemble, actual.average - actual.ambiguity)
    return "The identity holds, and the ambiguity is negative." if holds and actual.ambiguity < 0 else ""


def best_pair() -> str:
    pairs = {f"{a} and {b}": terms((a, b), 4, (0.5, 0.5)) for a in (3, 6, 9) for b in (3, 6, 9) if a <= b}
    assert min(pairs, key=lambda pair: pairs[pair].average) == "3 and 3"  # as the question says
    assert max(pairs, key=lambda pair: pairs[pair].ambiguity) == "3 and 9"  # as a hint says
    return min(pairs, key=lambda pair: pairs[pair].ensemble)


def error_of_the_mean(kappa: float, seed: int) -> list[float]:
    """Return the error on 16 noisy points and on the curve behind them, of the mean of ten members with four bumps."""
    generator = torch.Generator().manual_seed(seed)
    x, line = torch.linspace(-1, 1, 16, dtype=torch.float64), torch.linspace(-1, 1, 101, dtype=torch.float64)
    y = (3 * x).sin() + 0.3 * torch.randn(16, generator=generator, dtype=torch.float64)
    places = 2.2 * torch.rand(40, generator=generator, dtype=torch.float64) - 1.1
    a, new = ((-12.5 * (points[:, None] - places).square()).exp() for points in (x, line))
    alone = torch.block_diag(*[torch.ones(4, 4, dtype=torch.float64)] * 10) * (a.T @ a) / 10
    both = (1 - kappa) * alone + kappa * a.T @ a / 100 + 0.001 * torch.eye(40, dtype=torch.float64)
    weights = torch.linalg.solve(both, a.T @ y / 10)  # (1 - kappa) / 10 + kappa / 10 of each member's a^T y
    return [(b @ weights / 10 - t).square().mean().item() for b, t in ((a, y), (new, (3 * line).sin()))]


def best_kappa() -> str:
    by_draw = [[error_of_the_mean(kappa, seed) for kappa in (0, 0.5, 0.7, 0.9, 1)] for seed in range(20)]
    on_the_points = [[error for error, _ in errors] for errors in by_draw]
    assert all(errors == sorted(errors, reverse=True) for errors in on_the_points)
    inside = [min(new for _, new in errors[1:-1]) < min(errors[0][1], errors[-1][1]) for errors in by_draw]
    return "It falls first and rises at the end." if sum(inside) > 15 else ""


def penalty_of_thirty() -> str:
    assert math.isclose(best_penalty(1.0, 0.65, 0.2, 1), 0.2, rel_tol=1e-3)
    return "smaller than σ²" if best_penalty(1.0, 0.65, 0.2, 30) < 0.19 else ""


def votes() -> list[float]:
    wrong = majority_error(0.6, 3)
    return [wrong, 0.6, 1 - wrong, 0.6**3, 3 * 0.6**2 * 0.4, 0.6**2, 100 * wrong]


def of_the_bag() -> dict[str, float]:
    runs = results.load("bag_of_gpts").query("part == 'run' and arm == 'bag'")
    alone, six = runs.query("members == 1").average, runs.query("members == 6").iloc[0]
    return {
        "spread": alone.max() - alone.min(), "mean": six.average, "pool": six.probabilities,
        "gain": six.average - six.probabilities,
    }  # fmt: skip


def gain_of_six() -> str:
    bag = of_the_bag()
    choices = {f"about {gain} nats": gain for gain in (0.006, 0.06, 0.6)}
    assert f"within {bag['spread']:.3f} nats" in find_text("13.7")
    assert f"mean of {bag['mean']:.3f}" in find_text("13.7")
    assert 5 < bag["gain"] / bag["spread"] < 6  # "more than five times"
    return min(choices, key=lambda name: abs(math.log(bag["gain"] / choices[name])))


def find_text(id: str) -> str:
    from lecture21.course.chapters import questions

    return next(question["text"] for question in questions.load("13") if question["id"] == id)


def explained() -> dict[str, list[str]]:
    bag = of_the_bag()
    return {
        "13.5": [f"{best_penalty(1.0, 0.65, 0.2, 30):.3f}"],
        "13.7": [f"{bag['pool']:.3f}", f"{bag['gain']:.3f}"],
    }


NUMBERS = {"13.1": ambiguities, "13.6": votes}
CHOICES = {
    "13.2": against_a_member,
    "13.3": best_pair,
    "13.4": best_kappa,
    "13.5": penalty_of_thirty,
    "13.7": gain_of_six,
}
IN_CHAPTER = set()
