"""Answers of chapter 12."""

import torch

from lecture21.course.chapters import results
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


def reason() -> str:
    table = results.load("em_against_gradient").query("data == 'three_regimes' and gate == 'linear'")
    runs = table.query("part == 'search' and learning_rate == 0.03")
    assert (runs["nats"] > runs["nats"].max() - 0.05).sum() == 25  # as a hint says
    assert runs["error"].median() > 1.9 * table.query("part == 'search' and learning_rate == 0.3")["error"].median()
    em = table.query("part == 'race' and method == 'EM'")["error"].median()
    best = runs.sort_values("nats").iloc[-1]
    assert f"{best['error']:.2f}" == "0.10"  # as the same hint says
    return "At this learning rate, 2,000 steps are too few" if em < 0.026 else ""


NUMBERS = {"12.1": rain, "12.4": lambda: [constant_gate(), 2, 0.5, 1]}
CHOICES = {"12.2": cooperative_step, "12.5": reason}
IN_CHAPTER = {"12.3"}
