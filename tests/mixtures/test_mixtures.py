"""The formula P(Y|X) = sum_m g_m(X) P_m(Y|X), its members and gates, and fitting it by gradient."""

import copy
import math

import pytest
import torch
from torch import nn

from lecture21.data.mixtures import (
    _smooth_mean,
    _three_regimes_mean,
    smooth,
    soft_gate,
    three_bands,
    three_regimes,
)
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
    fit_gradient,
)
from lecture21.mixtures.gradient import _competitive_loss, _cooperative_loss


def shaken(model: nn.Module, seed: int = 0, size: float = 1.0) -> nn.Module:
    """Draw every parameter from N(0, size^2), so that nothing depends on what was drawn before."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.double().parameters():
            parameter.copy_(size * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


GATES = {
    "linear": lambda m: LinearGate(2, m),
    "mlp": lambda m: MLPGate(2, 4, m),
    "uniform": UniformGate,
    "constant": lambda m: ConstantGate([2 * (k + 1) / (m * (m + 1)) for k in range(m)]),
}


def regression(gate: str = "linear", seed: int = 0) -> Mixture:
    return shaken(Mixture([LinearGaussian(2), MLPGaussian(2, 3), LinearGaussian(2)], GATES[gate](3)), seed)


def hierarchy(seed: int = 0) -> Mixture:
    halves = [Mixture([LinearGaussian(2), LinearGaussian(2)], LinearGate(2, 2)) for _ in range(2)]
    return shaken(Mixture([*halves, MLPGaussian(2, 3)], MLPGate(2, 4, 3)), seed)


def classification(gate: str = "linear", seed: int = 0) -> Mixture:
    return shaken(Mixture([LinearClassifier(2, 3), MLPClassifier(2, 4, 3)], GATES[gate](2)), seed)


def points(n: int = 7, seed: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return x, numbers y, and classes y."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 2, generator=generator, dtype=torch.float64)
    y = torch.randn(n, generator=generator, dtype=torch.float64)
    return x, y, torch.randint(3, (n,), generator=generator)


every_gate = pytest.mark.parametrize("gate", GATES)


@every_gate
def test_the_mixture_is_the_weighted_sum_by_hand(gate):
    x, y, classes = points()
    for mixture, target in ((regression(gate), y), (classification(gate), classes)):
        g = mixture.gate_probabilities(x)
        members = [member.log_prob(x, target).exp() for member in mixture.members]
        by_hand = sum(g[:, m] * p for m, p in enumerate(members))
        torch.testing.assert_close(mixture.log_prob(x, target).exp(), by_hand, rtol=1e-12, atol=0)
        torch.testing.assert_close(mixture.member_log_prob(x, target).exp(), torch.stack(members, dim=1))
        for m, p in enumerate(members):
            share = mixture.responsibilities(x, target)[:, m]
            torch.testing.assert_close(share, g[:, m] * p / by_hand, rtol=1e-10, atol=1e-15)


@every_gate
def test_the_mean_is_the_weighted_mean_of_the_members(gate):
    x = points()[0]
    for mixture, shape in ((regression(gate), (7,)), (classification(gate), (7, 3))):
        g, means = mixture.gate_probabilities(x), mixture.member_means(x)
        assert mixture.mean(x).shape == shape
        assert means.shape == (7, len(mixture.members), *shape[1:])
        by_hand = sum(g[:, m].reshape(-1, *[1] * (len(shape) - 1)) * means[:, m] for m in range(g.shape[1]))
        torch.testing.assert_close(mixture.mean(x), by_hand, rtol=1e-12, atol=1e-12)


def test_the_log_density_is_finite_far_from_every_member():
    x, y, _ = points()
    mixture = regression()
    far = mixture.log_prob(x, y + 1e4)
    assert far.isfinite().all()
    assert (far < -1e5).all()  # exp of that is 0
    torch.testing.assert_close(mixture.responsibilities(x, y + 1e4).sum(dim=1), torch.ones(7, dtype=torch.float64))


class Product(nn.Module):
    """The gate of the flat mixture that a hierarchy is: outer times inner."""

    def __init__(self, mixture: Mixture):
        super().__init__()
        self.mixture = mixture
        self.n_member = sum(len(member.members) for member in mixture.members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outer = self.mixture.gate(x)
        return torch.cat([outer[:, [m]] + member.gate(x) for m, member in enumerate(self.mixture.members)], dim=1)


def test_a_hierarchy_is_the_flat_mixture_with_the_products_of_its_gates():
    x, y, _ = points()
    branches = [Mixture([LinearGaussian(2), MLPGaussian(2, 3)], LinearGate(2, 2)) for _ in range(3)]
    two = shaken(Mixture(branches, MLPGate(2, 4, 3)))
    flat = Mixture([leaf for branch in branches for leaf in branch.members], Product(two))
    torch.testing.assert_close(two.log_prob(x, y), flat.log_prob(x, y), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(two.mean(x), flat.mean(x), rtol=1e-12, atol=1e-12)
    sums = flat.responsibilities(x, y).unflatten(1, (3, 2)).sum(dim=2)
    torch.testing.assert_close(two.responsibilities(x, y), sums, rtol=1e-12, atol=1e-12)


def test_a_member_of_weight_zero_contributes_nothing():
    x, y, _ = points()
    mixture = regression()
    without = Mixture(list(mixture.members), ConstantGate([0.0, 1.0, 0.0]))
    torch.testing.assert_close(without.log_prob(x, y), mixture.members[1].log_prob(x, y))
    torch.testing.assert_close(without.mean(x), mixture.members[1].mean(x))
    without.log_prob(x, y).sum().backward()
    assert not mixture.members[0].network.weight.grad.any()
    assert mixture.members[1].log_sd.grad.isfinite()


def test_members_are_the_distributions_of_torch():
    x, y, classes = points()
    gaussian = shaken(MLPGaussian(2, 3, least_sd=0.3))
    sd = (0.3**2 + gaussian.log_sd.exp() ** 2).sqrt()
    torch.testing.assert_close(
        gaussian.log_prob(x, y), torch.distributions.Normal(gaussian.network(x)[:, 0], sd).log_prob(y)
    )
    classifier = shaken(MLPClassifier(2, 4, 3))
    wanted = torch.distributions.Categorical(logits=classifier.network(x)).log_prob(classes)
    torch.testing.assert_close(classifier.log_prob(x, classes), wanted)


def test_standard_deviations_stay_above_their_floor_and_can_grow_from_it():
    member = LinearGaussian(1, least_sd=0.1)
    with torch.no_grad():
        member.log_sd.fill_(-6.0)
    assert member.variance.item() >= 0.01
    member.log_prob(torch.zeros(1, 1), torch.full((1,), 5.0)).sum().backward()
    assert member.log_sd.grad.item() > 0


# Fitting by gradient.


@pytest.mark.parametrize("mixture", [regression(), classification(), hierarchy()], ids=["numbers", "classes", "two"])
def test_the_gate_logit_gradient_equals_that_of_autograd(mixture):
    x, y, classes = points(40)
    y = y if mixture.mean(x).dim() == 1 else classes
    logits = mixture.gate.network(x).detach().requires_grad_()
    joint = logits.log_softmax(dim=1) + mixture.member_log_prob(x, y).detach()
    (wanted,) = torch.autograd.grad(joint.logsumexp(dim=1).sum(), logits)
    torch.testing.assert_close(mixture.gate_logit_gradient(x, y), wanted, rtol=1e-9, atol=1e-12)


def test_the_gradient_of_a_linear_gate_is_responsibilities_less_gate_times_inputs():
    x, y, _ = points(40)
    mixture = regression()
    mixture.log_prob(x, y).sum().backward()
    by_hand = mixture.gate_logit_gradient(x, y)
    torch.testing.assert_close(mixture.gate.network.weight.grad, by_hand.T @ x)
    torch.testing.assert_close(mixture.gate.network.bias.grad, by_hand.sum(dim=0))


def test_the_two_losses_by_hand():
    x, y, classes = points()
    mixture = regression()
    assert _competitive_loss(mixture, x, y).item() == pytest.approx(-mixture.log_prob(x, y).mean().item())
    assert _cooperative_loss(mixture, x, y).item() == pytest.approx(((y - mixture.mean(x)) ** 2).mean().item())
    mixture = classification()
    brier = sum((mixture.mean(x)[n] - torch.eye(3)[k]).square().sum() for n, k in enumerate(classes)) / 7
    assert _cooperative_loss(mixture, x, classes).item() == pytest.approx(brier.item())


def test_one_member_is_plain_regression():
    x, y = smooth(200, 0)
    inputs = torch.cat([x, torch.ones_like(x)], dim=1)
    solution = torch.linalg.lstsq(inputs, y[:, None]).solution[:, 0]
    sd = (y - inputs @ solution).square().mean().sqrt()
    for gate in (UniformGate(1), LinearGate(1, 1), MLPGate(1, 2, 1)):
        mixture = shaken(Mixture([LinearGaussian(1)], gate))
        losses = fit_gradient(mixture, x, y, steps=400, learning_rate=0.1)
        member = mixture.members[0]
        assert member.network.weight.item() == pytest.approx(solution[0].item(), abs=1e-4)
        assert member.network.bias.item() == pytest.approx(solution[1].item(), abs=1e-4)
        assert member.variance.sqrt().item() == pytest.approx(sd.item(), abs=1e-4)
        assert losses[-1] == pytest.approx(0.5 * math.log(2 * math.pi * math.e * sd.item() ** 2), abs=1e-6)


@pytest.mark.parametrize("loss", ["competitive", "cooperative"])
def test_a_fit_is_adam_on_all_points_at_a_rate_that_falls_along_half_a_cosine(loss):
    x, y = three_regimes(80, 0)
    first = shaken(Mixture([MLPGaussian(1, 2) for _ in range(2)], MLPGate(1, 3, 2)))
    second = copy.deepcopy(first)
    before = torch.get_rng_state()
    losses = fit_gradient(first, x, y, loss=loss, steps=30)
    assert torch.equal(before, torch.get_rng_state())
    value = {"competitive": _competitive_loss, "cooperative": _cooperative_loss}[loss]
    optimizer, by_hand = torch.optim.Adam(second.parameters()), []
    for step in range(31):  # the last is no update: its rate is 0
        optimizer.param_groups[0]["lr"] = 0.03 * (1 + math.cos(math.pi * step / 30)) / 2
        by_hand.append(value(second, x, y))
        optimizer.zero_grad()
        by_hand[-1].backward()
        optimizer.step()
    assert losses == pytest.approx([before.item() for before in by_hand], rel=1e-9)
    assert losses[-1] < losses[0]


# The data.

DATA = {"three_regimes": three_regimes, "smooth": smooth, "soft_gate": soft_gate, "three_bands": three_bands}


@pytest.mark.parametrize("draw", DATA.values(), ids=DATA)
def test_the_data_depend_only_on_the_seed(draw):
    before = torch.get_rng_state()
    x, y = draw(50, 3)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(1)
    again = draw(50, 3)
    assert torch.equal(x, again[0])
    assert torch.equal(y, again[1])
    assert not torch.equal(x, draw(50, 4)[0])
    assert x.shape == (50, 2 if draw is three_bands else 1)
    assert y.shape == (50,)
    assert x.dtype == torch.float64
    assert -1 <= x.min() < -0.8
    assert 0.8 < x.max() <= 1


@pytest.mark.parametrize(("draw", "truth"), [(three_regimes, _three_regimes_mean), (smooth, _smooth_mean)])
def test_the_error_of_the_true_function_is_the_noise_variance(draw, truth):
    x, y = draw(200_000, 0)
    assert (y - truth(x)).square().mean().item() == pytest.approx(0.0225, rel=0.02)


def test_the_soft_gate_is_the_logistic_of_eight_x():
    x, y = soft_gate(200_000, 0)
    t = x[:, 0]
    near = (t - 0.1).abs() < 0.02
    second = (y - (-t / 2)).abs() < (y - (1 + t / 2)).abs()
    assert second[near].double().mean().item() == pytest.approx(1 / (1 + math.exp(-0.8)), abs=0.02)


def test_one_label_in_twenty_of_the_bands_is_flipped():
    x, y = three_bands(200_000, 0)
    t, u = x.unbind(1)
    rule = torch.where(t < -0.4, u + t > -0.7, torch.where(t < 0.3, u < 2 * t, u > 0))
    assert (rule.long() == y).double().mean().item() == pytest.approx(0.95, abs=0.002)
    assert 0.3 < y.double().mean().item() < 0.7


# What is refused.


def test_what_has_no_parameters_or_diverges_is_refused():
    x, y, _ = points()
    frozen = regression().requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        fit_gradient(frozen, x, y)
    with pytest.raises(ValueError, match=r"the loss at step \d+ is .*try a smaller learning_rate"):
        fit_gradient(regression(), x, y, learning_rate=1e200, steps=5)
