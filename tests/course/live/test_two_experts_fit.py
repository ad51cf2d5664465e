"""The mathematics of the two experts in the page equals that of the package."""

import itertools

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lecture21.mixtures import LinearGate, LinearGaussian, Mixture, fit_em
from lecture21.mixtures.gradient import _LOSSES


def mixture_of(parameters: list[float]) -> Mixture:
    """Return the package's mixture with these parameters of the page."""
    mixture = Mixture([LinearGaussian(1), LinearGaussian(1)], LinearGate(1, 2)).double()
    slope, offset = parameters[6] / 2, parameters[7] / 2
    with torch.no_grad():
        for member, (w, b, log_sd) in zip(mixture.members, (parameters[:3], parameters[3:6]), strict=True):
            member.network.weight.fill_(w)
            member.network.bias.fill_(b)
            member.log_sd.fill_(log_sd)
        mixture.gate.network.weight.copy_(torch.tensor([[-slope], [slope]], dtype=torch.float64))
        mixture.gate.network.bias.copy_(torch.tensor([-offset, offset], dtype=torch.float64))
    return mixture


def parameters_of(mixture: Mixture) -> list[float]:
    """Return the page's parameters of a mixture of the package."""
    actual = [value.item() for m in mixture.members for value in (m.network.weight, m.network.bias, m.log_sd)]
    gate = mixture.gate.network
    return [*actual, (gate.weight[1] - gate.weight[0]).item(), (gate.bias[1] - gate.bias[0]).item()]


def data(seed: int, count: int = 24) -> tuple[torch.Tensor, torch.Tensor, list[list[float]], list[float]]:
    """Return inputs, targets, both as the page's points, and the page's parameters of a random start."""
    generator = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(count, 1, generator=generator, dtype=torch.float64) - 1
    y = 3 * torch.rand(count, generator=generator, dtype=torch.float64) - 1.5
    start = torch.randn(8, generator=generator, dtype=torch.float64)
    return x, y, torch.cat([x, y[:, None]], 1).tolist(), start.tolist()


@pytest.fixture
def fit(load_module):
    """The module of the mathematics on a page, with a function that makes steps."""
    page = load_module("two_experts/fit.js")
    page.evaluate(
        """() => {
            globalThis.walk = (start, points, steps, method, rate) => {
                let fit = module.newFit(start);
                const found = [fit];
                for (let i = 0; i < steps; i++) {
                    fit = method === "em" ? module.emStep(fit, points) : module.adamStep(fit, points, method, rate);
                    found.push(fit);
                }
                return found.map(({ parameters }) => ({ parameters, ...module.score(parameters, points) }));
            };
        }"""
    )
    return page


def walk(page, start, points, steps, method="em", rate=0.03):
    return page.evaluate("(given) => walk(...given)", [start, points, steps, method, rate])


@pytest.mark.parametrize("seed", range(4))
def test_the_e_step_equals_the_package(fit, seed):
    x, y, points, start = data(seed)
    mixture = mixture_of(start).requires_grad_(False)
    actual = fit.evaluate("([p, points]) => module.explain(p, points)", [start, points])
    for name, expected in {
        "responsible": mixture.responsibilities(x, y),
        "gate": mixture.gate_probabilities(x),
        "means": mixture.member_means(x),
        "mean": mixture.mean(x),
        "logProb": mixture.log_prob(x, y),
    }.items():
        values = torch.tensor([each[name] for each in actual], dtype=torch.float64)
        torch.testing.assert_close(values, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_steps_of_em_equal_the_package(fit, seed):
    x, y, points, start = data(seed)
    mixture = mixture_of(start)
    values = fit_em(mixture, x, y, steps=5, tolerance=0.0)
    actual = walk(fit, start, points, 5)
    assert [24 * each["nats"] for each in actual] == pytest.approx(values, abs=1e-8)
    assert actual[-1]["parameters"] == pytest.approx(parameters_of(mixture), abs=1e-8)


@pytest.mark.parametrize("loss", ["competitive", "cooperative"])
@pytest.mark.parametrize("seed", range(3))
def test_steps_of_the_gradient_equal_adam_on_the_losses_of_the_package(fit, seed, loss):
    x, y, points, start = data(seed)
    mixture = mixture_of(start)
    optimizer = torch.optim.Adam(mixture.parameters(), lr=0.05)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        value = _LOSSES[loss](mixture, x, y)
        value.backward()
        losses.append(value.item())
        optimizer.step()
    actual = walk(fit, start, points, 12, loss, 0.05)
    shown = [-each["nats"] if loss == "competitive" else each["error"] for each in actual[:-1]]
    assert shown == pytest.approx(losses, abs=1e-8)
    assert actual[-1]["parameters"] == pytest.approx(parameters_of(mixture), abs=1e-8)


number = st.floats(-1, 1, allow_subnormal=False)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])  # the page keeps no state
@given(
    points=st.lists(st.tuples(number, number.map(lambda y: 2 * y)), min_size=4, max_size=40),
    start=st.lists(st.floats(-8, 3), min_size=8, max_size=8),
    slope=st.floats(-300, 300),
)
def test_em_never_decreases_the_log_likelihood(points, start, slope, fit):
    actual = walk(fit, [*start[:6], slope, start[7]], points, 30)
    nats = [len(points) * each["nats"] for each in actual]
    assert all(after >= before - 1e-9 * max(1, abs(before)) for before, after in itertools.pairwise(nats))
