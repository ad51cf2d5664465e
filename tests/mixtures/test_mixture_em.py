"""Expectation-maximization: the likelihood never decreases, and each M-step reaches its optimum."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from lecture21.data.mixtures import soft_gate, three_bands, three_regimes
from lecture21.mixtures import (
    ConstantGate,
    LinearClassifier,
    LinearGate,
    LinearGaussian,
    Mixture,
    MLPClassifier,
    MLPGate,
    MLPGaussian,
    UniformGate,
    fit_em,
    fit_gradient,
)
from lecture21.mixtures.em import _fit_linear_gaussian
from lecture21.mixtures.gradient import _competitive_loss


def experts(n_member: int, d_in: int = 1) -> Mixture:
    members = [LinearGaussian(d_in, least_sd=0.02) for _ in range(n_member)]
    return Mixture(members, LinearGate(d_in, n_member))


SHAPES = {
    "three": lambda: experts(3),
    "six": lambda: experts(6),
    "two levels": lambda: Mixture([experts(2), experts(3), LinearGaussian(1)], LinearGate(1, 3)),
}


def start(mixture: Mixture, gate_sd: float, seed: int) -> Mixture:
    """Draw lines from N(0, 1) with standard deviations of 0.3, and every gate from N(0, gate_sd^2); in float64."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in mixture.double().modules():
            if isinstance(module, nn.Linear):
                size = 1.0 if module.out_features == 1 else gate_sd
                for parameter in module.parameters():
                    parameter.copy_(size * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
            elif isinstance(module, LinearGaussian):
                module.log_sd.fill_(math.log(0.3))
    return mixture


@pytest.mark.parametrize("gate_sd", [5.0, 20.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_likelihood_never_decreases_from_any_initialization(shape, gate_sd):
    for seed in range(3):
        x, y = three_regimes(150, seed)
        values = fit_em(start(SHAPES[shape](), gate_sd, seed), x, y, steps=20, newton_steps=1 + seed)
        assert np.diff(values).min() >= -1e-9, seed
        assert values[-1] > values[0]


def test_without_step_halving_the_likelihood_decreases_from_some_initializations():
    fell = 0
    for seed in range(6):
        x, y = three_regimes(150, seed)
        fell += np.diff(fit_em(start(experts(6), 5.0, seed), x, y, steps=8, damped=False)).min() < -1
    assert fell >= 2


def test_em_fits_classes_on_one_level_and_on_two():
    x, y = three_bands(150, 0)
    for shape in (1, 2):
        for seed in range(3):
            torch.manual_seed(seed)
            mixture = Mixture([LinearClassifier(2, 2) for _ in range(3)], LinearGate(2, 3))
            if shape == 2:
                mixture = Mixture([mixture, LinearClassifier(2, 2)], LinearGate(2, 2))
            values = fit_em(start(mixture, 5.0, seed), x, y, steps=20)
            assert np.diff(values).min() >= -1e-9
            assert values[-1] > values[0] + 10


def test_the_values_are_the_log_likelihood_of_all_points():
    x, y = soft_gate(100, 0)
    mixture = start(experts(2), 1.0, 0)
    before = mixture.log_prob(x, y).sum().item()
    values = fit_em(mixture, x, y, steps=3, tolerance=0.0)
    assert len(values) == 4
    assert values[0] == pytest.approx(before, abs=1e-12)
    assert values[-1] == pytest.approx(mixture.log_prob(x, y).sum().item(), abs=1e-12)
    values += fit_em(mixture, x, y, tolerance=0.5)[1:]
    assert abs(values[-1] - values[-2]) < 0.5 <= abs(values[-2] - values[-3])


def test_em_and_gradient_descent_reach_the_same_optimum_from_the_same_initialization():
    x, y = soft_gate(600, 0)
    by_em = start(experts(2), 1.0, 0)
    by_gradient = copy.deepcopy(by_em)
    values = fit_em(by_em, x, y, steps=200, tolerance=1e-9)
    losses = fit_gradient(by_gradient, x, y, steps=1000)
    assert len(values) < 100
    assert values[-1] / 600 == pytest.approx(-losses[-1], abs=1e-4)
    # The two may give the same line to different members; the mixture is the same.
    actual = [by_slope(by_em), by_slope(by_gradient)]
    for a, b in zip(*actual, strict=True):
        assert a == pytest.approx(b, abs=0.01)
    # The truth: lines -x / 2 and 1 + x / 2 with sd 0.15, and log odds of 8 x.
    assert actual[0][0] == pytest.approx((-0.5, 0.0, 0.15, 8), abs=0.1, rel=0.25)
    assert actual[0][1] == pytest.approx((0.5, 1.0, 0.15, -8), abs=0.1, rel=0.25)


def by_slope(mixture: Mixture) -> list[tuple[float, float, float, float]]:
    """Return slope, intercept, sd and relative gate slope of each of two members, the falling line first."""
    gate = mixture.gate.network.weight[:, 0]
    return sorted(
        (member.network.weight.item(), member.network.bias.item(), member.variance.sqrt().item(), (own - other).item())
        for member, own, other in zip(mixture.members, gate, gate.flip(0), strict=True)
    )


def test_em_converges_to_a_zero_gradient_of_the_likelihood():
    x, y = soft_gate(300, 1)
    flat, two = start(experts(2), 1.0, 1), start(Mixture([experts(2), experts(1)], LinearGate(1, 2)), 1.0, 1)
    for mixture in (flat, two):
        before = gradient_size(mixture, x, y)
        fit_em(mixture, x, y, steps=150, tolerance=1e-10)
        assert gradient_size(mixture, x, y) < 1e-3 < 0.1 < before
    assert gradient_size(flat, x, y) < 1e-5


def gradient_size(mixture: Mixture, x: torch.Tensor, y: torch.Tensor) -> float:
    gradients = torch.autograd.grad(_competitive_loss(mixture, x, y), list(mixture.parameters()))
    return max(g.abs().max().item() for g in gradients)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_member_with_almost_no_weight_stays_finite_and_above_its_floor(kept):
    x, y = three_regimes(20, 0)
    weight = torch.zeros(20, dtype=torch.float64)
    weight[:kept] = torch.tensor([1.0, 1e-9, 1e-200], dtype=torch.float64)[:kept]
    member = LinearGaussian(1, least_sd=0.1).double()
    _fit_linear_gaussian(member, x, y, weight)
    assert member.mean(x).isfinite().all()
    assert member.mean(x)[0].item() == pytest.approx(y[0].item(), abs=1e-6)
    assert member.variance.item() == pytest.approx(0.01, rel=1e-6)


def test_a_member_without_weight_keeps_its_parameters():
    x, y = three_regimes(60, 0)
    mixture = Mixture([LinearGaussian(1), LinearGaussian(1)], ConstantGate([1.0, 0.0])).double()
    before = copy.deepcopy(mixture.members[1].state_dict())
    values = fit_em(mixture, x, y)
    assert np.diff(values).min() >= -1e-9
    assert all(torch.equal(before[name], now) for name, now in mixture.members[1].state_dict().items())
    assert len(values) <= 4  # the other one is plain regression, done in one step


def test_one_member_is_plain_regression_in_one_step():
    x, y = three_regimes(150, 0)
    mixture = start(experts(1), 1.0, 0)
    values = fit_em(mixture, x, y)
    slope, intercept = np.polyfit(x[:, 0].numpy(), y.numpy(), 1)
    assert mixture.members[0].network.weight.item() == pytest.approx(slope, abs=1e-9)
    assert mixture.members[0].network.bias.item() == pytest.approx(intercept, abs=1e-9)
    assert len(values) == 3
    sd = np.std(y.numpy() - slope * x[:, 0].numpy() - intercept)
    assert values[-1] / 150 == pytest.approx(-0.5 * math.log(2 * math.pi * math.e * sd**2), abs=1e-9)


def test_a_uniform_gate_stays_uniform():
    x, y = soft_gate(150, 0)
    mixture = start(Mixture([LinearGaussian(1), LinearGaussian(1)], UniformGate(2)), 1.0, 0)
    assert np.diff(fit_em(mixture, x, y, steps=30)).min() >= -1e-9
    assert torch.equal(mixture.gate_probabilities(x), torch.full((150, 2), 0.5, dtype=torch.float64))


def test_em_uses_no_random_numbers():
    x, y = three_regimes(100, 0)
    mixture = start(experts(3), 1.0, 0)
    again = copy.deepcopy(mixture)
    before = torch.get_rng_state()
    values = fit_em(mixture, x, y, steps=5)
    assert torch.equal(before, torch.get_rng_state())
    assert values == fit_em(again, x, y, steps=5)


@pytest.mark.parametrize(
    ("mixture", "match"),
    [
        (
            Mixture([MLPGaussian(1, 2)], UniformGate(1)),
            r"EM here fits LinearGaussian.*not MLPGaussian: use fit_gradient",
        ),
        (Mixture([MLPClassifier(1, 2, 2)], UniformGate(1)), r"EM here fits LinearGaussian.*not MLPClassifier"),
        (Mixture([LinearGaussian(1)], MLPGate(1, 2, 1)), r"EM here fits LinearGate.*not MLPGate"),
        (Mixture([LinearGaussian(1), Mixture([MLPGaussian(1, 2)], LinearGate(1, 1))], LinearGate(1, 2)), "MLPGaussian"),
    ],
)
def test_members_without_a_closed_form_are_refused_before_any_parameter_changes(mixture, match):
    x, y = three_regimes(20, 0)
    mixture = mixture.double()
    before = copy.deepcopy(mixture.state_dict())
    with pytest.raises(ValueError, match=match):
        fit_em(mixture, x, y)
    assert all(torch.equal(before[name], now) for name, now in mixture.state_dict().items())


def test_parameters_that_are_not_finite_are_refused():
    x, y = three_regimes(20, 0)
    mixture = experts(2).double()
    with torch.no_grad():
        mixture.members[0].log_sd.fill_(math.nan)
    with pytest.raises(ValueError, match="the log-likelihood of the initial parameters must be finite, got nan"):
        fit_em(mixture, x, y)
    with pytest.raises(ValueError, match="the loss at step 0 is nan"):
        fit_gradient(mixture, x, y)


UNITS = {"years": (1.0, 1e4, 1.0, 0.0), "nanoseconds": (1e9, 0.0, 1.0, 0.0), "prices": (1e-6, 3.0, 1e5, 7e6)}


@pytest.mark.parametrize("unit", UNITS)
def test_a_fit_in_other_units_is_the_same_fit(unit):
    x_scale, x_shift, y_scale, y_shift = UNITS[unit]
    x, y = three_regimes(200, 0)

    def fitted(x, y, least_sd):
        torch.manual_seed(0)
        members = [LinearGaussian(1, least_sd=least_sd) for _ in range(3)]
        mixture = Mixture(members, LinearGate(1, 3)).double()
        return mixture, fit_em(mixture, x, y, steps=60)

    _, values = fitted(x, y, 0.05)
    x2, y2 = x * x_scale + x_shift, y * y_scale + y_shift
    other, others = fitted(x2, y2, 0.05 * y_scale)
    likelihoods = np.array(others) + len(x) * math.log(y_scale)
    if y_scale == 1:  # another scale starts the standard deviations elsewhere
        np.testing.assert_allclose(likelihoods, values, rtol=1e-5)
    assert likelihoods[-1] == pytest.approx(values[-1], abs=0.1)
    again = fit_em(other, x2, y2, steps=2)  # goes on from the parameters that it finds
    assert again[0] == pytest.approx(others[-1])
    assert [member.least_sd for member in other.members] == [0.05 * y_scale] * 3


def test_a_fit_by_gradient_does_not_depend_on_the_units():
    x, y = three_regimes(100, 0)
    losses = []
    for scale, shift in ((1.0, 0.0), (1e6, 5e7)):
        torch.manual_seed(0)
        mixture = Mixture([LinearGaussian(1), LinearGaussian(1)], LinearGate(1, 2)).double()
        losses.append(fit_gradient(mixture, x * scale + shift, y, steps=50))
        torch.testing.assert_close(
            mixture.log_prob(x * scale + shift, y).mean(), torch.tensor(-losses[-1][-1]).double()
        )
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


def test_a_fit_says_how_it_ended():
    x, y = three_regimes(200, 0)
    torch.manual_seed(0)
    mixture = Mixture([LinearGaussian(1), LinearGaussian(1)], LinearGate(1, 2)).double()
    assert fit_em(mixture, x, y, steps=3).ended.startswith("stopped after 3 steps, with a change of ")
    assert fit_em(mixture, x, y, steps=500).ended == "converged"
    with torch.no_grad():
        mixture.gate.network.weight.zero_()
        mixture.gate.network.bias.copy_(torch.tensor([0.0, -800.0]))
    assert fit_em(mixture, x, y, steps=500).ended.endswith("; member 1 is responsible for no point")
    with torch.no_grad():
        mixture.gate.network.bias.zero_()
    assert fit_em(mixture, x, y, tolerance=1e9).ended.startswith("stalled where the slope is ")
