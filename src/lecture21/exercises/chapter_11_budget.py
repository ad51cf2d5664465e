"""Exercise of chapter 11: the best size for a budget of compute."""

import math
import random

from lecture21.exercises._exercise import Case, Exercise

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
    looks="With ten times the budget the model is ten times larger, so 6 N D far exceeds the budget.",
    hint="multiply your N and D and compare with the budget. Both grow with it. How does their product grow?",
)
def _without_the_root(flops, tokens_per_parameter=20):
    n_parameters = flops / (6 * tokens_per_parameter)
    return n_parameters, tokens_per_parameter * n_parameters


@_BUDGET.mistake(
    looks="The model is 2.4 times too large for its budget.",
    hint="your N times D equals the budget. How many FLOPs does one parameter need for one token?",
)
def _without_the_six(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / tokens_per_parameter)
    return n_parameters, tokens_per_parameter * n_parameters


@_BUDGET.mistake(
    looks="The two numbers are right but in the wrong order, with more parameters than tokens.",
    hint="your first number is the larger one. Which of the two is the number of parameters?",
)
def _swapped(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / (6 * tokens_per_parameter))
    return tokens_per_parameter * n_parameters, n_parameters


@_BUDGET.mistake(
    looks="The result is right for 20 tokens per parameter but does not change with the ratio.",
    hint="your result does not depend on tokens_per_parameter, which is 20 only by default.",
)
def _always_twenty(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / 120)
    return n_parameters, 20 * n_parameters


@_BUDGET.mistake(
    looks="The result has as many parameters as tokens, whatever the ratio.",
    hint="your D equals your N, so the budget is split evenly. How many tokens does each parameter get?",
)
def _split_evenly(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / 6)
    return n_parameters, n_parameters


@_BUDGET.mistake(
    looks="The model is 20 times too large, and its tokens are too.",
    hint="N times D is more than a sixth of your budget. Python divides and multiplies from left to right: does "
    "your ratio divide or multiply?",
)
def _without_parentheses(flops, tokens_per_parameter=20):
    n_parameters = math.sqrt(flops / 6 * tokens_per_parameter)
    return n_parameters, tokens_per_parameter * n_parameters
