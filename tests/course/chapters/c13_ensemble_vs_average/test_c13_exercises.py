"""Chapter 13: right answers in other words pass, and every counterexample is one."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from readers import printed

from lecture21.course.chapters.c13_ensemble_vs_average.exercises import PREDICTIONS, TARGET
from lecture21.course.exercises import Exercise
from lecture21.course.exercises.answers.running import call_once, draw
from lecture21.course.exercises.exercise import Case
from lecture21.course.exercises.judging import judge
from lecture21.course.exercises.registry import find
from lecture21.mixtures import ambiguity_decomposition, negative_correlation_loss


def loops(predictions, target, weights):
    rows = []
    for f, y, g in zip(predictions, target, weights, strict=True):
        pool = sum(g[m] * f[m] for m in range(len(f)))
        average = sum(g[m] * (y - f[m]) ** 2 for m in range(len(f)))
        rows.append(torch.stack([(y - pool) ** 2, average, sum(g[m] * (pool - f[m]) ** 2 for m in range(len(f)))]))
    return torch.stack(rows).unbind(1)


def einsum(predictions, target, weights):
    pool = torch.einsum("nm,nm->n", weights, predictions)
    average = torch.einsum("nm,nm->n", weights, (predictions - target.unsqueeze(1)) ** 2)
    return [(pool - target) ** 2, average, torch.einsum("nm,nm->n", weights, (predictions - pool[..., None]) ** 2)]


def matmul(predictions, target, weights):
    pool = (weights[:, None] @ predictions[:, :, None])[:, 0, 0]
    distances = predictions - pool.unsqueeze(-1)
    average = (weights[:, None] @ ((predictions - target[:, None]) ** 2)[:, :, None]).flatten()
    return (pool - target).pow(2), average, (weights * distances * distances).sum(1)


def pairs(predictions, target, weights):
    distances = (predictions[:, :, None] - predictions[:, None]).square()
    products = weights[:, :, None] * weights[:, None]
    pool = (weights * predictions).sum(-1)
    average = (weights * (predictions - target[:, None]).square()).sum(-1)
    return (target - pool).square(), average, (products * distances).sum(dim=(1, 2)) / 2


def in_double(predictions, target, weights):
    f, y, g = predictions.double(), target.double(), weights.double()
    pool = (g * f).sum(1)
    terms = (y - pool) ** 2, (g * (y[:, None] - f) ** 2).sum(1), (g * (pool[:, None] - f) ** 2).sum(1)
    return tuple(each.to(target.dtype) for each in terms)


def by_difference(predictions, target, weights):
    f, y, g = predictions.double(), target.double(), weights.double()
    ensemble, average = (y - (g * f).sum(1)) ** 2, (g * (y[:, None] - f) ** 2).sum(1)
    return tuple(each.to(target.dtype) for each in (ensemble, average, average - ensemble))


def einsum_and_difference(predictions, target, weights):
    ensemble, average, _ = einsum(predictions, target, weights)
    return ensemble, average, average - ensemble


def two_squares(predictions, target, weights):
    ensemble, average, _ = einsum(predictions, target, weights)
    pool = (weights * predictions).sum(1)
    return ensemble, average, (weights * predictions**2).sum(1) - pool**2


def by_forming_every_pool(errors, members):
    if members == math.inf:
        pairs = itertools.combinations(range(errors.shape[1]), 2)
        return torch.stack([(errors[:, k] * errors[:, m]).mean() for k, m in pairs]).mean()
    pools = itertools.combinations(range(errors.shape[1]), members)
    return torch.stack([errors[:, list(pool)].mean(dim=1).square().mean() for pool in pools]).mean()


def from_the_pool_of_all(errors, members):
    k = errors.shape[1]
    own, every = errors.square().mean(), errors.mean(dim=1).square().mean()
    shared = (every - own / k) / (1 - 1 / k)
    return shared + (own - shared) / members


def from_the_variance(errors, members):
    spread = errors.var(dim=1).mean()  # unbiased: E_kk - E_kl
    return errors.square().mean() - spread * (1 - 1 / members)


def by_autograd(inputs, y, kappa, penalty, steps, rate):
    members, _, size = inputs.shape
    weights = torch.zeros(members, size, dtype=y.dtype)
    for _ in range(steps):
        weights.requires_grad_()
        f = torch.einsum("mnb,mb->mn", inputs, weights)
        average, ensemble = (y - f).square().mean(dim=0), (y - f.mean(dim=0)).square()
        loss = members / 2 * ((1 - kappa) * average + kappa * ensemble).sum() + penalty / 2 * weights.square().sum()
        (gradient,) = torch.autograd.grad(loss, weights)
        weights = (weights - rate * gradient).detach()
    return weights


def member_by_member(inputs, y, kappa, penalty, steps, rate):
    weights = [torch.zeros(inputs.shape[2], dtype=y.dtype) for _ in inputs]
    for _ in range(steps):
        f = [x @ w for x, w in zip(inputs, weights, strict=True)]
        pool = sum(f) / len(f)
        steps_of = [x.T @ ((each - y) - kappa * (each - pool)) for x, each in zip(inputs, f, strict=True)]
        weights = [w - rate * (g + penalty * w) for w, g in zip(weights, steps_of, strict=True)]
    return torch.stack(weights)


def package(predictions, target, weights):
    return tuple(ambiguity_decomposition(predictions, target, weights))


@pytest.mark.filterwarnings("ignore:a weight is negative")
@pytest.mark.parametrize(
    ("number", "answer"),
    [
        *(("13.1", answer) for answer in (loops, einsum, matmul, pairs, in_double, package)),
        *(("13.2", answer) for answer in (by_forming_every_pool, from_the_pool_of_all, from_the_variance)),
        *(("13.3", answer) for answer in (by_autograd, member_by_member)),
    ],
)
def test_right_answers_in_other_words_pass(capsys, number, answer):
    for _ in range(10):
        assert printed(capsys, number, answer) == f"{number}: correct"


@pytest.mark.parametrize("kappa", [0.0, 0.9, 1.0])
def test_members_that_learn_together_arrive_where_the_package_s_loss_is_least(kappa):
    inputs = torch.randn(3, 6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y, third = torch.linspace(-1, 1, 6, dtype=torch.float64), torch.full((3,), 1 / 3, dtype=torch.float64)
    weights = find("13.3").solution(inputs, y, kappa, penalty=0.1, steps=3000, rate=0.05).requires_grad_()
    f = torch.einsum("mnb,mb->nm", inputs, weights)
    loss = 3 / 2 * negative_correlation_loss(f, y, third, kappa).sum() + 0.1 / 2 * weights.square().sum()
    (gradient,) = torch.autograd.grad(loss, weights)
    assert gradient.abs().max() < 1e-6


@pytest.mark.filterwarnings("ignore:a weight is negative")
@pytest.mark.parametrize("answer", [by_difference, einsum_and_difference, two_squares])
def test_an_ambiguity_without_digits_is_refused_for_that_reason(capsys, answer):
    for _ in range(10):
        text = printed(capsys, "13.1", answer)
        assert text.startswith("13.1: ")
        assert "digits" in text


VALID = [[0.8, 0.1, 0.1], (1, 0, 0), torch.tensor([0.75, 0.25, 0]), [0.7, 0, 0.3], torch.tensor([1, 0, 0]),
         torch.tensor([0.9, 0.1, 0.0], dtype=torch.float64), list(np.array([0.8, 0.1, 0.1])),
         [torch.tensor(0.8), torch.tensor(0.1), torch.tensor(0.1)], [2.4 / 3, 1 - 2.7 / 3, 0.3 / 3]]  # fmt: skip


@pytest.mark.parametrize("weights", VALID, ids=repr)
def test_any_valid_counterexample_is_correct(capsys, weights):
    assert printed(capsys, "13.4", weights) == "13.4: correct"


WRONG = {
    "three finite numbers": [[0.8, 0.2], 1.0, "0.8", {1, 2}, [math.nan, 0.5, 0.5], [math.inf, 0, 0], torch.ones(3, 1),
                             [True, False, False], [10**400, 0, 0], [[1, 0, 0]], torch.tensor([1 + 0j, 0, 0])],
    "no weight may be negative": [[1.5, -0.5, 0], torch.tensor([1.2, -0.2, 0.0])],
    "must sum to 1": [[0.5, 0, 0], (1, 0, 0.001), [0, 0, 0]],
    "not above the average expert error": [[0.6, 0.2, 0.2], [0, 1, 0], [0.5, 0.25, 0.25]],
}  # fmt: skip


@pytest.mark.parametrize(("part", "weights"), [(part, each) for part, rows in WRONG.items() for each in rows], ids=repr)
def test_what_is_no_counterexample_gets_the_reason(capsys, part, weights):
    text = printed(capsys, "13.4", weights)
    assert text.startswith("13.4: not right yet: ")
    assert part in text


@given(parts=st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda parts: sum(parts) > 0.01))
def test_weights_pass_exactly_if_the_ensemble_is_worse_than_the_average(parts):
    exercise = find("13.4")
    (case,) = draw(exercise, 0)
    weights = [part / sum(parts) for part in parts]
    terms = ambiguity_decomposition(
        *(torch.tensor(values, dtype=torch.float64) for values in (PREDICTIONS, TARGET, weights))
    )
    average = sum((TARGET - f) ** 2 for f in PREDICTIONS) / 3
    assert terms.ensemble <= terms.average + 1e-9  # with the same weights it never fails
    verdict = judge(exercise, [case], [call_once(exercise, weights, case)])
    assert verdict.correct == (terms.ensemble > average + 1e-6)


def test_the_average_expert_error_of_the_task():
    average = sum((TARGET - f) ** 2 for f in PREDICTIONS) / 3
    assert f"{average:.2f}" in find("13.4").task
    assert any(f"{average:.2f}" in sentence for sentence, _ in find("13.4").properties)


ANY_PERMUTATION = Exercise(
    number="99.1",
    name="shuffled",
    title="any order of a row",
    solution=lambda x: x.flip(0),
    cases=lambda rng: [Case((torch.arange(3),), "T = 3")],
    properties=(("it must hold the same entries", lambda arguments, x: torch.equal(x.sort().values, arguments[0])),),
    by_properties=True,
)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda x: x.flip(0), "correct"),
        (lambda x: x[torch.tensor([1, 0, 2])], "correct"),
        (lambda x: x + 1, "wrong for T = 3: it must hold the same entries"),
        (lambda x: None, "wrong for T = 3: it must hold the same entries"),
        (lambda x: x[3], "raises IndexError for T = 3: index 3 is out of bounds for dimension 0 with size 3"),
        (lambda x: x.copy_(x.flip(0)), "changes its input for T = 3. The caller still needs it"),
    ],
)
def test_functions_with_many_right_results_are_judged_by_properties(answer, text):
    cases = draw(ANY_PERMUTATION, 0)
    verdict = judge(ANY_PERMUTATION, cases, [call_once(ANY_PERMUTATION, answer, case) for case in cases])
    assert verdict.text.startswith(text)
    assert verdict.correct == (text == "correct")
