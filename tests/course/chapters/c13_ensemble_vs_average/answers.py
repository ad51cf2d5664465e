"""Answers of chapter 13."""

import torch

from lecture21.course.chapters import results
from lecture21.mixtures import ambiguity_decomposition


def terms(members, truth: float, weights):
    wide = (torch.tensor(each, dtype=torch.float64) for each in (members, truth, weights))
    return ambiguity_decomposition(*wide)


def ambiguities() -> list[float]:
    new, equal = terms((1, 5), 4, (0.75, 0.25)), terms((1, 5), 4, (0.5, 0.5))
    assert len({*map(float, new), 5}) == 4  # no other term has the value of the answer
    assert new.ensemble == equal.ambiguity  # as a hint says
    return [new.ambiguity, equal.ambiguity, new.average, (1 + 9) / 2, 1 + 9]


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


def fifty_draws(arm: str, points: int) -> tuple[dict[str, float], str]:
    """Return the mean errors of an arm at each penalty, and the penalty that other draws choose."""
    rows = results.load("bumps").query("arm == @arm and points == @points")
    reported, others = (part.filter(regex=r"^\d").mean() for part in (rows[rows.draw < 50], rows[rows.draw >= 50]))
    return reported.to_dict(), others.idxmin()


def thirty_or_one() -> str:
    one, best = fifty_draws("even", 24)
    thirty, _ = fifty_draws("thirty", 24)
    assert abs(one[best] / thirty["0.001"] - 1) > 0.2
    return "the one tuned model" if one[best] < thirty["0.001"] else "the mean of the thirty"


def pair_of_gpts() -> str:
    runs = results.load("two_gpts").query("part == 'run' and arm == 'pair'")
    names = {0.0: "κ = 0: each learns alone", 0.5: "κ = ½: half and half", 1.0: "κ = 1: trained on exactly this loss"}
    return names[runs.groupby("kappa").ensemble.mean().idxmin()]


def explained() -> dict[str, list[str]]:
    (one, best), (thirty, tuned) = fifty_draws("even", 24), fifty_draws("thirty", 24)
    nats = results.load("two_gpts").query("part == 'run' and arm == 'pair'").groupby("kappa").ensemble.mean()
    return {
        "13.2": [f"{error:.3f}" for error in (one[best], thirty["0.001"], thirty[tuned])],
        "13.5": [f"{nats[kappa]:.2f}" for kappa in (0.0, 0.5, 1.0)],
    }


NUMBERS = {"13.1": ambiguities}
CHOICES = {
    "13.2": thirty_or_one,
    "13.3": best_pair,
    "13.4": best_kappa,
    "13.5": pair_of_gpts,
}
IN_CHAPTER = set()
