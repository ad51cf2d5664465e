"""Answers of chapter 12."""

import torch

from lecture21.mixtures import ConstantGate, LinearClassifier, Mixture


def rain() -> list[float]:
    """The responsibility of expert 2, its prior, product and normalized likelihood, P(rain), and expert 1's."""
    members = []
    for probability in (0.2, 0.8):
        member = LinearClassifier(1, 2).double().requires_grad_(False)
        member.network.weight.zero_()
        member.network.bias.copy_(torch.tensor([1 - probability, probability]).double().log())
        members.append(member)
    mixture = Mixture(members, ConstantGate([0.75, 0.25]))
    x, y = torch.zeros(1, 1).double(), torch.tensor([1])
    r = mixture.responsibilities(x, y)[0]
    gate, likelihood = mixture.gate_probabilities(x)[0], mixture.member_log_prob(x, y)[0].exp()
    return [r[1], gate[1], gate[1] * likelihood[1], likelihood[1] / likelihood.sum(), (gate * likelihood).sum(), r[0]]


def cooperative_step() -> str:
    means = torch.tensor([1.0, 3.0], requires_grad=True)
    loss = (1.5 - torch.tensor([0.5, 0.5]) @ means) ** 2
    loss.backward()
    return {1: "down, away from y", -1: "up, toward y", 0: "nowhere"}[int(means.grad[0].sign())]


def constant_gate() -> float:
    """Maximize sum r ln g over a grid."""
    r = torch.tensor([0.5, 1.0, 0.5])
    grid = torch.linspace(0.001, 0.999, 999)
    objective = r.sum() * grid.log() + (1 - r).sum() * (1 - grid).log()
    return grid[objective.argmax()].item()


def twins() -> str:
    """Train two equal experts on random points by plain gradient ascent, and compare them."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 50, generator=generator, dtype=torch.float64)
    lines, gate = torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    lines, gate = lines.requires_grad_(), gate.requires_grad_()  # slopes and offsets
    inputs = torch.stack([x, torch.ones_like(x)], dim=1)
    for _ in range(50):
        log_members = torch.distributions.Normal(inputs @ lines, 1.0).log_prob(y[:, None])
        nats = ((inputs @ gate).log_softmax(dim=1) + log_members).logsumexp(dim=1).mean()
        steps = torch.autograd.grad(nats, (lines, gate))
        with torch.no_grad():
            for each, step in zip((lines, gate), steps, strict=True):
                each += 0.1 * step
    moved, alike = lines.abs().max() > 0.01, torch.allclose(lines[:, 0], lines[:, 1])
    return "They stay alike" if moved and alike and not gate.any() else ""


NUMBERS = {"12.1": rain, "12.4": lambda: [constant_gate(), 2, 0.5, 1]}
CHOICES = {"12.2": cooperative_step, "12.3": twins}
IN_CHAPTER = {"12.5"}
