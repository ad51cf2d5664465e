"""Exercises of chapter 11: training cost and power laws."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise, normal

# 11.2


def _training_cost(n_parameters, n_tokens, n_devices, peak, utilization):
    """Return the FLOPs of a training run by the rule 6 N D, and the days it takes, as two numbers.

    Each of the n_devices computes at most `peak` FLOPs per second, and the run reaches the
    fraction `utilization` of their joint peak.
    """
    flops = 6 * n_parameters * n_tokens
    seconds = flops / (n_devices * peak * utilization)
    return flops, seconds / (24 * 60 * 60)


def _cost_cases(rng: random.Random) -> list[Case]:
    cases = [Case((10**6, 10**7, 1, 1e9, 1.0), "1e6 parameters, 1e7 tokens, one device with a peak of 1e9")]
    for peak in (312e12, 989e12):
        n, d, devices = rng.randint(10**8, 10**9), rng.randint(10**9, 10**11), rng.randint(3, 64)
        share = rng.randint(20, 60) / 100
        about = f"{n:,} parameters, {d:,} tokens, {devices} devices at {share:.0%} of {peak:.3g} FLOPs per second"
        cases.append(Case((n, d, devices, peak, share), about))
    return cases


_COST = Exercise(
    number="11.2",
    name="training_cost",
    title="FLOPs and days of a training run",
    solution=_training_cost,
    cases=_cost_cases,
    properties=(
        (
            "the FLOPs must be 6 for each parameter and each token",
            lambda arguments, cost: abs(cost[0] / (arguments[0] * arguments[1]) - 6) < 1e-6,
        ),
        (
            "the peak of all devices over that many days, times the utilization, must give these FLOPs",
            lambda arguments, cost: (
                abs(cost[1] * 86400 * arguments[2] * arguments[3] * arguments[4] / cost[0] - 1) < 1e-3
            ),
        ),
    ),
)


@_COST.mistake(
    looks="The result is a third of the true cost, because only the forward pass is counted.",
    hint="2 FLOPs for each parameter and token are the forward pass. What does the backward pass add?",
)
def _forward_only(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 2 * n_parameters * n_tokens
    return flops, flops / (n_devices * peak * utilization) / 86400


@_COST.mistake(
    looks="Four days become 96.",
    hint="the FLOPs are right, but the time is in hours. How many seconds does a day have?",
)
def _in_hours(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    return flops, flops / (n_devices * peak * utilization) / 3600


@_COST.mistake(
    looks="A lower utilization makes the run faster.",
    hint="by your result, a run at half the utilization takes half the time. Should it?",
)
def _multiplied_by_the_utilization(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    return flops, flops / (n_devices * peak) * utilization / 86400


@_COST.mistake(
    looks="The days are those of a machine that runs at its peak, which no training run does.",
    hint="your days do not depend on the utilization. How many FLOPs per second does a device actually compute?",
)
def _at_the_peak(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    return flops, flops / (n_devices * peak) / 86400


@_COST.mistake(
    looks="Eight devices are as slow as one.",
    hint="your days do not depend on the number of devices, which share the work.",
)
def _one_device(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    return flops, flops / (peak * utilization) / 86400


@_COST.mistake(
    looks="The run needs 4 FLOPs and takes 2e20 days.",
    hint="your two numbers are in the wrong order: first the FLOPs, then the days.",
)
def _days_first(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    return flops / (n_devices * peak * utilization) / 86400, flops


# 11.3


def _fit_power_law(sizes, losses):
    """Return a and b of the power law losses = a * sizes ** -b, as two numbers.

    Fit a straight line to the logarithms by least squares: log loss = log a - b log size.
    `sizes` and `losses` are tensors of shape (S,).
    """
    x, y = sizes.log(), losses.log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    a = (y.mean() - slope * x.mean()).exp()
    return a.item(), -slope.item()


def _law_cases(rng: random.Random) -> list[Case]:
    cases = [Case((torch.tensor([1.0, 4.0]).double(), torch.tensor([8.0, 4.0]).double()), "sizes 1, 4; losses 8, 4")]
    for count, noise in ((3, 0.0), (5, 0.2), (7, 0.4)):
        sizes = 10 * torch.tensor([n + rng.random() / 2 for n in range(count)], dtype=torch.float64).exp()
        b, a = rng.uniform(0.1, 0.6), rng.uniform(3, 9)
        losses = a * sizes**-b * (noise * normal(rng, count, dtype=torch.float64)).exp()
        cases.append(Case((sizes, losses), f"{count} sizes, {'with noise' if noise else 'an exact law'}"))
    return cases


_LAW = Exercise(
    number="11.3",
    name="fit_power_law",
    title="fit a power law",
    solution=_fit_power_law,
    cases=_law_cases,
    properties=(
        (
            "b must be positive where the losses decrease",
            lambda arguments, law: arguments[1][-1] > arguments[1][0] or law[1] > 0,
        ),
        (
            "the residuals of the logarithms must have the mean 0",
            lambda arguments, law: (
                law[0] > 0
                and abs((arguments[1].log() + law[1] * arguments[0].log()).mean() - torch.tensor(law[0]).log()) < 1e-4
            ),
        ),
    ),
)


@_LAW.mistake(
    looks="b is negative, so the law predicts that larger models are worse.",
    hint="the slope of your line is right, and the law has the exponent -b. Which sign does b have?",
)
def _slope_as_exponent(sizes, losses):
    x, y = sizes.log(), losses.log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return (y.mean() - slope * x.mean()).exp().item(), slope.item()


@_LAW.mistake(
    looks="The exponent is right, but the curve is far too low.",
    hint="b is right. The intercept of your line is the logarithm of a.",
)
def _logarithm_of_a(sizes, losses):
    x, y = sizes.log(), losses.log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return (y.mean() - slope * x.mean()).item(), -slope.item()


@_LAW.mistake(
    looks="The fitted line is straight if only the size axis is logarithmic, where a power law is curved.",
    hint="you took the logarithm of the sizes only. A power law is a straight line if both axes are logarithmic.",
)
def _logarithm_of_sizes_only(sizes, losses):
    x, y = sizes.log(), losses
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return (y.mean() - slope * x.mean()).exp().item(), -slope.item()


@_LAW.mistake(
    looks="The line passes through the first and the last point and ignores all others.",
    hint="your line passes through the first and the last point. Least squares uses all points.",
)
def _through_the_ends(sizes, losses):
    x, y = sizes.log(), losses.log()
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    return (y[0] - slope * x[0]).exp().item(), -slope.item()


@_LAW.mistake(
    looks="b is right, but a is too small: a logarithm of base 10 is undone by a power of e.",
    hint="you mix two bases: the logarithm has the base 10, and the exponential function has the base e.",
)
def _two_bases(sizes, losses):
    x, y = sizes.log10(), losses.log10()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return (y.mean() - slope * x.mean()).exp().item(), -slope.item()


@_LAW.mistake(
    looks="The curve is flat, or nearly so.",
    hint="your two numbers are in the wrong order: first a, then b.",
)
def _exponent_first(sizes, losses):
    x, y = sizes.log(), losses.log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return -slope.item(), (y.mean() - slope * x.mean()).exp().item()
