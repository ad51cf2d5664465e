"""Exercise of chapter 12: the M-step of one expert."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 12.4


def _m_step(x, y, r):
    """Return slope, offset and standard deviation of one linear expert after an M-step.

    `x`, `y` and `r` have shape (N,): inputs, targets and the expert's responsibilities, which are
    >= 0. The line minimizes the squared error weighted by `r`; the variance is the mean of the
    squared residuals weighted by `r`, without a correction. Return three numbers.
    """
    total = r.sum()
    x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    offset = y_mean - slope * x_mean
    variance = (r * (y - slope * x - offset) ** 2).sum() / total
    return slope.item(), offset.item(), variance.sqrt().item()


def _m_step_cases(rng: random.Random) -> list[Case]:
    def case(n: int, about: str, dtype: torch.dtype = torch.float64, share: float = 1.0) -> Case:
        x = torch.linspace(-1, 2, n, dtype=dtype) + 0.1 * normal(rng, n, dtype=dtype)
        y = 1.5 * x + 0.7 + normal(rng, n, dtype=dtype)
        r = share * torch.linspace(0.1, 1, n, dtype=dtype)[torch.randperm(n, generator=_generator(rng))]
        return Case((x, y, r), about)

    def without_three() -> Case:
        x, y, r = case(rng.randint(8, 10), "").arguments
        r[[0, 3, 5]] = 0
        return Case((x, y, r), "an expert that is not responsible for three of the points")

    example = (torch.tensor([-1.0, 0, 1]), torch.tensor([0.0, 1, 4]), torch.tensor([0.5, 1, 0.5]))
    return [
        Case(tuple(each.double() for each in example), "the worked example"),
        case(6, "six points"),
        case(rng.randint(7, 12), "more points in float32", torch.float32),
        case(7, "an expert that shares every point", share=0.2),
        without_three(),
    ]


def _generator(rng: random.Random) -> torch.Generator:
    return torch.Generator().manual_seed(rng.getrandbits(60))


_M_STEP = Exercise(
    number="12.4",
    name="m_step",
    title="the M-step of one expert",
    solution=_m_step,
    cases=_m_step_cases,
    returns=("the slope", "the offset", "the standard deviation"),
    in_order=True,
)


@_M_STEP.mistake(
    looks="All experts become the same line, which is the regression on all points.",
    hint="your line is the same for every `r`. Each point counts as often as the expert is responsible for it.",
)
def _unweighted(x, y, r):
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    offset = y.mean() - slope * x.mean()
    return slope.item(), offset.item(), (y - slope * x - offset).square().mean().sqrt().item()


@_M_STEP.mistake(
    looks="The line is close to the right one, but the likelihood decreases in some steps of EM.",
    hint="your points are weighted by r squared. `lstsq` squares what you give it, so by what must you multiply the "
    "rows?",
)
def _rows_times_r(x, y, r):
    inputs = torch.stack([x, torch.ones_like(x)], dim=1)
    slope, offset = torch.linalg.lstsq(inputs * r[:, None], (y * r)[:, None]).solution[:, 0]
    variance = (r * (y - slope * x - offset) ** 2).sum() / r.sum()
    return slope.item(), offset.item(), variance.sqrt().item()


@_M_STEP.mistake(
    looks="The line does not pass through the weighted mean of its points.",
    hint="the means of x and y must be weighted too: the line passes through the center of the points as the expert "
    "sees them.",
)
def _plain_means(x, y, r):
    x_mean, y_mean = x.mean(), y.mean()
    slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    offset = y_mean - slope * x_mean
    variance = (r * (y - slope * x - offset) ** 2).sum() / r.sum()
    return slope.item(), offset.item(), variance.sqrt().item()


@_M_STEP.mistake(
    looks="The line does not pass through its points, and the standard deviation is wrong, unless all r are 1.",
    hint="means and variance are divided by N. How many points does the expert have, each counted with its "
    "responsibility?",
)
def _everything_over_n(x, y, r):
    x_mean, y_mean = (r * x).mean(), (r * y).mean()
    slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    offset = y_mean - slope * x_mean
    variance = (r * (y - slope * x - offset) ** 2).mean()
    return slope.item(), offset.item(), variance.sqrt().item()


@_M_STEP.mistake(
    looks="Standard deviations are too small, most of all for an expert that shares its points with others.",
    hint="the line is right, but the squared residuals are divided by N. How many points does the expert have, each "
    "counted with its responsibility?",
)
def _variance_over_n(x, y, r):
    total = r.sum()
    x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    offset = y_mean - slope * x_mean
    variance = (r * (y - slope * x - offset) ** 2).mean()
    return slope.item(), offset.item(), variance.sqrt().item()


@_M_STEP.mistake(
    looks="The line is right, and 0.25 is returned for the example instead of 0.5.",
    hint="the line is right, but your third number is a variance.",
)
def _variance(x, y, r):
    total = r.sum()
    x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    offset = y_mean - slope * x_mean
    variance = (r * (y - slope * x - offset) ** 2).sum() / total
    return slope.item(), offset.item(), variance.item()


@_M_STEP.mistake(
    looks="The line is right, and the standard deviation does not depend on who is responsible for a point.",
    hint="the line is right, but residuals of points that belong to other experts count in full.",
)
def _unweighted_residuals(x, y, r):
    total = r.sum()
    x_mean, y_mean = (r * x).sum() / total, (r * y).sum() / total
    slope = (r * (x - x_mean) * (y - y_mean)).sum() / (r * (x - x_mean) ** 2).sum()
    offset = y_mean - slope * x_mean
    variance = (y - slope * x - offset).square().mean()
    return slope.item(), offset.item(), variance.sqrt().item()


@_M_STEP.mistake(
    looks="The line passes through the origin, so an expert far above it fits badly.",
    hint="your line has no offset of its own. Subtract weighted means from x and y first, or add a column of ones.",
)
def _through_the_origin(x, y, r):
    slope = (r * x * y).sum() / (r * x * x).sum()
    variance = (r * (y - slope * x) ** 2).sum() / r.sum()
    return slope.item(), 0.0, variance.sqrt().item()


@_M_STEP.mistake(
    looks="The fit is that of hard assignments, as in k-means: a point counts in full or not at all.",
    hint="you drop or fully count each point. A point of responsibility 0.3 counts 0.3 times.",
)
def _hard(x, y, r):
    x, y = x[r >= 0.5 * r.max()], y[r >= 0.5 * r.max()]
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    offset = y.mean() - slope * x.mean()
    return slope.item(), offset.item(), (y - slope * x - offset).square().mean().sqrt().item()
