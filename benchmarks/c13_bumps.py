"""Sums of bumps on noisy points: thirty curves beside one tuned model, and the slider kappa against the penalty lambda.

Usage: python benchmarks/c13_bumps.py        (about a minute on one core)

Points around sin 3x with normal noise of standard deviation 0.3, near even places from -1 to 1. A model is a sum of
bumps, of width 0.2 unless something else is said, and each is fitted exactly, by ridge regression with each of the
penalties. Draws 0 to 49 are reported, 50 to 99 choose the penalty. The arms are

- `even`: one model with eight bumps at even places, on all points;
- `thirty`, `member`: thirty models with eight bumps at random places, each on a random half of 24 points: the error of
  their mean, and their mean error; `all`: the same thirty as one model, on all points, with the
  loss below at kappa = 1;
- `ten`: ten models with four bumps at random places on 16 points, trained together with the factor kappa on

      sum_n [ average error - kappa ambiguity ] + lambda / 10 sum_m |w_m|^2;

- `wide`: the same ten with bumps of width 0.5, alone and as one.

Writes the result `bumps`: in the column of each penalty the mean squared error against sin 3x, without noise.
"""

import torch
from table import Table, each, run
from torch import Tensor

WIDTH, WIDE, NOISE, EVEN, DRAWS = 0.2, 0.5, 0.3, 8, 100
PENALTIES = (1e-5, 1e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 1.0, 3.0)
KAPPAS, ENDS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0), (0.0, 1.0)
LINE = torch.linspace(-1, 1, 201, dtype=torch.float64)

RESULT = Table("bumps", key=("points", "draw"))


def sample(points: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return inputs near even places, and noisy targets, as in the chapter."""
    place = torch.arange(points) + 0.2 + 0.6 * torch.rand(points, generator=generator)
    x = -1 + 2 * place.double() / points
    return x, torch.sin(3 * x) + NOISE * torch.randn(points, generator=generator, dtype=torch.float64)


def bumps(x: Tensor, places: Tensor, width: float = WIDTH) -> Tensor:
    """Return the bumps at these inputs, (N, B), or (M, N, B) for the places of several members."""
    return (-0.5 * ((x[:, None] - places[..., None, :]) / width) ** 2).exp()


def alone(inputs: Tensor, y: Tensor, penalty: float) -> Tensor:
    """Return the ridge regression of each member, (M, B)."""
    gram = inputs.mT @ inputs + penalty * torch.eye(inputs.shape[-1], dtype=y.dtype)
    return torch.linalg.solve(gram, (inputs.mT @ y[..., None])[..., 0])


def together(inputs: Tensor, y: Tensor, kappa: float, penalty: float) -> Tensor:
    """Return the weights of all members, (M, B), that minimize the loss: one linear system."""
    members, points, size = inputs.shape
    pool = inputs.transpose(0, 1).reshape(points, members * size) / members
    gram = kappa * pool.T @ pool + (1 - kappa) / members * torch.block_diag(*(inputs.mT @ inputs))
    gram += penalty / members * torch.eye(members * size, dtype=y.dtype)
    pull = kappa * pool.T @ y + (1 - kappa) / members * (inputs.mT @ y).flatten()
    return torch.linalg.solve(gram, pull).view(members, size)


def error(curves: Tensor) -> float:
    """Return the mean squared error against the curve behind the points."""
    return (curves - torch.sin(3 * LINE)).square().mean().item()


def predict(inputs: Tensor, weights: Tensor) -> Tensor:
    """Return each member's predictions, (M, N)."""
    return (inputs @ weights[..., None])[..., 0]


def row(errors: dict[float, float], arm: str, kappa: float | str = "") -> dict[str, object]:
    """Return a row of the table."""
    return {"arm": arm, "kappa": kappa} | {f"{penalty:g}": round(value, 5) for penalty, value in errors.items()}


def measure(points: int, draw: int) -> list[dict[str, object]]:
    """Fit every arm to one draw, at every penalty."""
    generator = torch.Generator().manual_seed(draw)
    x, y = sample(points, generator)
    even = torch.linspace(-1.1, 1.1, EVEN, dtype=torch.float64)[None]
    one = {p: error(predict(bumps(LINE, even), alone(bumps(x, even), y, p))) for p in PENALTIES}
    rows = [row(one, "even")]
    if points == 24:
        places, seen = [], []
        for _ in range(30):
            places.append(2.2 * torch.rand(8, generator=generator, dtype=torch.float64) - 1.1)
            seen.append(torch.randperm(24, generator=generator)[:12])
        inputs = torch.stack([bumps(x[half], own) for half, own in zip(seen, places, strict=True)])
        fresh = bumps(LINE, torch.stack(places))
        curves = {p: predict(fresh, alone(inputs, y[torch.stack(seen)], p)) for p in PENALTIES}
        rows.append(row({p: error(found.mean(dim=0)) for p, found in curves.items()}, "thirty"))
        as_one = {p: together(bumps(x, torch.stack(places)), y, 1.0, p) for p in PENALTIES}
        rows.append(row({p: error(predict(fresh, w).mean(dim=0)) for p, w in as_one.items()}, "all"))
        return [*rows, row({p: error(found) for p, found in curves.items()}, "member")]
    places = 2.2 * torch.rand(10, 4, generator=generator, dtype=torch.float64) - 1.1
    for arm, width, kappas in (("ten", WIDTH, KAPPAS), ("wide", WIDE, ENDS)):
        inputs, fresh = bumps(x, places, width), bumps(LINE, places, width)
        for kappa in kappas:
            weights = {p: together(inputs, y, kappa, p) for p in PENALTIES}
            rows.append(row({p: error(predict(fresh, w).mean(dim=0)) for p, w in weights.items()}, arm, kappa))
    return rows


def main() -> None:
    """Fit all draws."""
    each(lambda key: RESULT.rows(measure, **key), [{"points": n, "draw": d} for n in (24, 16) for d in range(DRAWS)])


if __name__ == "__main__":
    run(main)
