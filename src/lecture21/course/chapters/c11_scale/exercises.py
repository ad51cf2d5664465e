"""Exercises 11.1 to 11.4: parameters of GPT-2, training cost, power laws, and the best size for a budget."""

import math
import random

import torch

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 11.1


def _gpt2_parameters(vocab_size, block_size, n_layer, d_model):
    """Return the number of parameters of a GPT-2, an integer.

    Count the token table (vocab_size, d_model) and the position table (block_size, d_model).
    Each of the n_layer blocks has an attention layer with four matrices (d_model, d_model), a
    feed-forward layer d_model -> 4 d_model -> d_model, and two layer norms. One more norm follows
    the last block. Every matrix of a block has a bias, and every norm has a gain and a shift. The
    output layer is the transposed token table.
    """
    tables = (vocab_size + block_size) * d_model
    attention = 4 * (d_model * d_model + d_model)
    up = d_model * (4 * d_model) + 4 * d_model
    down = (4 * d_model) * d_model + d_model
    norm = 2 * d_model
    return tables + n_layer * (attention + up + down + 2 * norm) + norm


def _missing(sizes: tuple[int, ...], count: int | float) -> int | float:
    return _gpt2_parameters(*sizes) - count


def _size_cases(rng: random.Random) -> list[Case]:
    sizes = [(3, 2, 2, 3), (rng.randint(8, 12), rng.randint(4, 7), 3, 4)]
    sizes.append((rng.randint(20, 40), rng.randint(8, 16), rng.randint(3, 6), 8))
    names = ("vocab_size", "block_size", "n_layer", "d_model")
    return [Case(s, ", ".join(f"{k}={v}" for k, v in zip(names, s, strict=True))) for s in sizes]


_SIZE = Exercise(
    number="11.1",
    name="gpt2_parameters",
    title="count the parameters of GPT-2",
    solution=_gpt2_parameters,
    cases=_size_cases,
    properties=(
        (
            "the number of norms is not right. How many sublayers does a block have?",
            lambda sizes, count: _missing(sizes, count) != sizes[2] * 2 * sizes[3],
        ),
        (
            "each norm has a gain and a shift",
            lambda sizes, count: _missing(sizes, count) != (2 * sizes[2] + 1) * sizes[3],
        ),
        (
            "the attention has a fourth matrix. Which one follows the heads?",
            lambda sizes, count: _missing(sizes, count) != sizes[2] * (sizes[3] ** 2 + sizes[3]),
        ),
        (
            "the two biases of the feed-forward layer differ in length",
            lambda sizes, count: _missing(sizes, count) not in (3 * sizes[2] * sizes[3], -3 * sizes[2] * sizes[3]),
        ),
        (
            "the matrices are right, but biases and norms are missing",
            lambda sizes, count: _missing(sizes, count) != (13 * sizes[2] + 2) * sizes[3],
        ),
        (
            "at least one part is not counted right. Compare tables, attention and feed-forward, both with their "
            "biases, and norms with Hint 3",
            lambda sizes, count: _missing(sizes, count) == 0,
        ),
    ),
)

_SIZE.wrong_lines(
    "with a head of its own",
    """
    - tables = (vocab_size + block_size) * d_model
    + tables = (2 * vocab_size + block_size) * d_model
    """,
    hint="you count one vocabulary-sized matrix too many. Which matrix does the output layer use?",
)

_SIZE.wrong_lines(
    "without biases",
    """
    - attention = 4 * (d_model * d_model + d_model)
    + attention = 4 * (d_model * d_model)
    - up = d_model * (4 * d_model) + 4 * d_model
    + up = d_model * (4 * d_model)
    - down = (4 * d_model) * d_model + d_model
    + down = (4 * d_model) * d_model
    """,
    hint="the matrices are right, but something small is missing in every block. What is added after each product?",
)

_SIZE.wrong_lines(
    "without the last norm",
    """
    - return tables + n_layer * (attention + up + down + 2 * norm) + norm
    + return tables + n_layer * (attention + up + down + 2 * norm)
    """,
    hint="the blocks are right. What happens between the last block and the output layer?",
)

_SIZE.wrong_lines(
    "without positions",
    """
    - tables = (vocab_size + block_size) * d_model
    + tables = vocab_size * d_model
    """,
    hint="your count does not depend on block_size. How does GPT-2 know the order of its tokens?",
)

_SIZE.wrong_lines(
    "without the down projection",
    """
    - return tables + n_layer * (attention + up + down + 2 * norm) + norm
    + return tables + n_layer * (attention + up + 2 * norm) + norm
    """,
    hint="the feed-forward layer maps to 4 d_model and back. How many matrices does that take, and of which shapes?",
)


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
    cases = [Case((1e6, 1e7, 1, 1e9, 1.0), "1e6 parameters, 1e7 tokens, one device with a peak of 1e9")]
    for peak in (312e12, 989e12):
        n, d, devices = rng.randint(10**8, 10**9), rng.randint(10**9, 10**11), rng.randint(3, 64)
        share = rng.randint(20, 60) / 100
        about = f"{n:,} parameters, {d:,} tokens, {devices} devices at {share:.0%} of {peak:.3g} FLOPs per second"
        cases.append(Case((float(n), float(d), devices, peak, share), about))
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


@_COST.mistake(hint="2 FLOPs for each parameter and token are the forward pass. What does the backward pass add?")
def _forward_only(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 2 * n_parameters * n_tokens
    seconds = flops / (n_devices * peak * utilization)
    return flops, seconds / (24 * 60 * 60)


@_COST.mistake(hint="the FLOPs are right, but the time is in hours. How many seconds does a day have?")
def _in_hours(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    seconds = flops / (n_devices * peak * utilization)
    return flops, seconds / (60 * 60)


@_COST.mistake(hint="by your result, a run at half the utilization takes half the time. Should it?")
def _multiplied_by_the_utilization(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    seconds = flops / (n_devices * peak) * utilization
    return flops, seconds / (24 * 60 * 60)


@_COST.mistake(
    hint="your days do not depend on the utilization. How many FLOPs per second does a device actually compute?"
)
def _at_the_peak(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    seconds = flops / (n_devices * peak)
    return flops, seconds / (24 * 60 * 60)


@_COST.mistake(hint="your days do not depend on the number of devices, which share the work.")
def _one_device(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    seconds = flops / (peak * utilization)
    return flops, seconds / (24 * 60 * 60)


@_COST.mistake(hint="your two numbers are in the wrong order: first the FLOPs, then the days.")
def _days_first(n_parameters, n_tokens, n_devices, peak, utilization):
    flops = 6 * n_parameters * n_tokens
    seconds = flops / (n_devices * peak * utilization)
    return seconds / (24 * 60 * 60), flops


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

_LAW.wrong_lines(
    "slope as exponent",
    """
    - return a.item(), -slope.item()
    + return a.item(), slope.item()
    """,
    hint="the slope of your line is right, and the law has the exponent -b. Which sign does b have?",
)

_LAW.wrong_lines(
    "logarithm of a",
    """
    - a = (y.mean() - slope * x.mean()).exp()
    + a = y.mean() - slope * x.mean()
    """,
    hint="b is right. The intercept of your line is the logarithm of a.",
)

_LAW.wrong_lines(
    "logarithm of sizes only",
    """
    - x, y = sizes.log(), losses.log()
    + x, y = sizes.log(), losses
    """,
    hint="you took the logarithm of the sizes only. A power law is a straight line if both axes are logarithmic.",
)

_LAW.wrong_lines(
    "through the ends",
    """
    - slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    + slope = (y[-1] - y[0]) / (x[-1] - x[0])
    - a = (y.mean() - slope * x.mean()).exp()
    + a = (y[0] - slope * x[0]).exp()
    """,
    hint="your line passes through the first and the last point. Least squares uses all points.",
)

_LAW.wrong_lines(
    "two bases",
    """
    - x, y = sizes.log(), losses.log()
    + x, y = sizes.log10(), losses.log10()
    """,
    hint="you mix two bases: the logarithm has the base 10, and the exponential function has the base e.",
)

_LAW.wrong_lines(
    "exponent first",
    """
    - return a.item(), -slope.item()
    + return -slope.item(), a.item()
    """,
    hint="your two numbers are in the wrong order: first a, then b.",
)


# 11.4


def _compute_optimal(flops, tokens_per_parameter=20):
    """Return the parameters N and the tokens D for a budget of training FLOPs, as two numbers.

    Use flops = 6 N D and D = tokens_per_parameter * N.
    """
    n_parameters = math.sqrt(flops / (6 * tokens_per_parameter))
    return n_parameters, tokens_per_parameter * n_parameters


def _budget_cases(rng: random.Random) -> list[Case]:
    cases = [Case((120.0, 20), "120 FLOPs, 20 tokens per parameter")]
    for ratio in (20, rng.randint(2, 9), rng.randint(30, 90)):
        flops = 10.0 ** rng.randint(15, 25) * rng.randint(1, 9)
        cases.append(Case((flops, ratio), f"{flops:.0e} FLOPs, {ratio} tokens per parameter"))
    return cases


_BUDGET = Exercise(
    number="11.4",
    name="compute_optimal",
    title="the best size for a budget",
    solution=_compute_optimal,
    cases=_budget_cases,
    properties=(
        (
            "6 N D must be the budget",
            lambda arguments, sizes: abs(6 * sizes[0] * sizes[1] / arguments[0] - 1) < 1e-3,
        ),
        (
            "D must be tokens_per_parameter times N",
            lambda arguments, sizes: abs(sizes[1] / (arguments[1] * sizes[0]) - 1) < 1e-3,
        ),
    ),
)


@_BUDGET.mistake(
    hint="multiply your N and D and compare with the budget. Both grow with it. How does their product grow?"
)
def _without_the_root(flops, tokens_per_parameter=20):
    n_parameters = flops / (6 * tokens_per_parameter)
    return n_parameters, tokens_per_parameter * n_parameters


@_BUDGET.mistake(hint="your N times D equals the budget. How many FLOPs does one parameter need for one token?")
def _without_the_six(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / tokens_per_parameter)
    return n_parameters, tokens_per_parameter * n_parameters


@_BUDGET.mistake(hint="your first number is the larger one. Which of the two is the number of parameters?")
def _swapped(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / (6 * tokens_per_parameter))
    return tokens_per_parameter * n_parameters, n_parameters


@_BUDGET.mistake(hint="your result does not depend on tokens_per_parameter, which is 20 only by default.")
def _always_twenty(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / 120)
    return n_parameters, 20 * n_parameters


@_BUDGET.mistake(hint="your D equals your N, so the budget is split evenly. How many tokens does each parameter get?")
def _split_evenly(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / 6)
    return n_parameters, n_parameters


@_BUDGET.mistake(
    hint="N times D is more than a sixth of your budget. Python divides and multiplies from left to right: does "
    "your ratio divide or multiply?",
)
def _without_parentheses(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / 6 * tokens_per_parameter)
    return n_parameters, tokens_per_parameter * n_parameters
