"""The figures' small mathematics equals torch's."""

import math

import pytest
import torch


@pytest.fixture
def run(load_module):
    """A function that evaluates an expression of `module`, given one argument as `x`."""
    page = load_module("kit/numbers.js")
    return lambda expression, x=None: page.evaluate(f"(x) => {expression}", x)


def test_products_and_softmax_equal_torch(run):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(size, generator=generator, dtype=torch.float64) for size in ((3, 4), (4, 2)))
    given = {"a": a.tolist(), "b": b.tolist()}
    assert torch.allclose(torch.tensor(run("module.matmul(x.a, x.b)", given), dtype=torch.float64), a @ b)
    assert run("module.transpose(x)", a.tolist()) == a.T.tolist()
    assert math.isclose(run("module.dot(x[0], x[1])", a.tolist()), float(a[0] @ a[1]))
    assert run("module.identity(3)") == torch.eye(3).tolist()
    for scores in ([1.0, 2.0, 5.0], [1000.0, -1000.0, 999.0], [0.0, -math.inf, 1.0]):
        shares = torch.tensor(run("module.softmax(x)", scores), dtype=torch.float64)
        assert torch.allclose(shares, torch.tensor(scores, dtype=torch.float64).softmax(0))


def test_a_row_without_a_finite_score_gives_nan(run):
    assert all(math.isnan(share) for share in run("module.softmax(x)", [-math.inf, -math.inf]))
    assert run("module.softmax([])") == []


def test_the_greatest_is_the_first_of_equals(run):
    assert run("module.argmax(x)", [1, 5, 5, 2]) == 1
    assert run("module.argmax([])") == -1


def test_random_numbers_repeat_and_have_the_right_moments(run):
    draw = "const random = module.seededRandom(x); return Array.from({ length: 4000 }, () => "
    first, second, other = (run(f"{{ {draw}random()); }}", seed) for seed in (7, 7, 8))
    assert first == second != other
    assert 0 <= min(first) < 0.01 < 0.99 < max(first) < 1
    assert abs(sum(first) / 4000 - 0.5) < 0.02
    bells = torch.tensor(run(f"{{ {draw}module.normal(random)); }}", 1))
    assert abs(bells.mean()) < 0.05
    assert abs(bells.std() - 1) < 0.05


@pytest.mark.parametrize(
    ("value", "text"),
    [(2, "2"), (-1, "−1"), (0.5, "0.50"), (-0.001, "0.00"), (-0.346, "−0.35"), (-0.0, "0"), (2.9999, "3.00")],
)
def test_numbers_are_written_for_readers(run, value, text):
    assert run("module.written(x)", value) == text


def test_numbers_that_are_not_finite_are_written(run):
    assert run("[NaN, Infinity, -Infinity].map((each) => module.written(each))") == ["NaN", "∞", "−∞"]
