"""Exercises of chapter 17: losses on preference pairs."""

import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise, normal


def _with_gradient(answer: Callable[..., Tensor], *arguments: Tensor | float) -> Tensor:
    """Return the loss of an answer if it passes a finite gradient back to the first two arguments.

    One pair is judged by its loss alone, so that a wrong value there is not reported as a missing gradient.

    Raises:
        ArithmeticError: if the loss of several pairs has no gradient with respect to one of the two.
        FloatingPointError: if their loss is finite and its gradient is not.
    """
    loss = answer(*arguments)
    if not isinstance(loss, Tensor) or len(arguments[0]) < 2 or not loss.isfinite().all():
        return loss
    leaves = [each.clone().requires_grad_() for each in arguments[:2]]
    again = answer(*(1 * leaf for leaf in leaves), *arguments[2:])
    if isinstance(again, Tensor) and again.requires_grad:
        again.sum().backward()
    if any(leaf.grad is None for leaf in leaves):
        raise ArithmeticError("the gradient of the loss does not reach both replies, so it cannot train a model")
    if not all(leaf.grad.isfinite().all() for leaf in leaves):
        raise FloatingPointError("the loss is finite, but its gradient is not")
    return loss


# 17.1


def _preference_loss(chosen, rejected):
    """Return the Bradley-Terry loss -log sigmoid(chosen - rejected), its mean over the pairs.

    `chosen` and `rejected` hold the rewards of the preferred and the other replies, shape (N,).
    The loss is a tensor without dimensions, of their dtype, finite for every difference, and
    passes a gradient to the rewards.
    """
    return -F.logsigmoid(chosen - rejected).mean()


def _pair_cases(rng: random.Random) -> list[Case]:
    n = rng.randint(4, 7)
    return [
        Case((torch.tensor([1.5]), torch.tensor([0.5])), "one pair, rewards 1.5 and 0.5"),
        Case((normal(rng, n), normal(rng, n)), f"{n} pairs"),
        Case((normal(rng, 3) - 1000, normal(rng, 3) + 1000), "three pairs, the chosen reward lower by about 2,000"),
        Case((normal(rng, 3) + 1000, normal(rng, 3) - 1000), "three pairs, the chosen reward higher by about 2,000"),
        Case((normal(rng, 5, dtype=torch.float64), normal(rng, 5, dtype=torch.float64)), "five pairs, float64"),
    ]


_PAIR = Exercise(
    number="17.1",
    name="preference_loss",
    title="the Bradley–Terry loss",
    solution=_preference_loss,
    cases=_pair_cases,
    call=_with_gradient,
    properties=(
        ("the loss must be a finite number", lambda arguments, loss: bool(loss.isfinite())),
        (
            "the loss is minus the logarithm of a probability, so it cannot be negative",
            lambda arguments, loss: loss >= 0,
        ),
    ),
)


@_PAIR.mistake(
    looks="The reward model learns to give the rejected replies the higher rewards.",
    hint="your loss decreases as the rejected reply's reward increases. Which difference must become large?",
)
def _the_other_way_round(chosen, rejected):
    return -F.logsigmoid(rejected - chosen).mean()


@_PAIR.mistake(
    looks="Training works until one pair is far on the wrong side. Then the loss is infinite, the gradients NaN.",
    hint="for a large negative difference the sigmoid rounds to 0, and its logarithm is infinite. PyTorch has one "
    "function for both.",
)
def _two_functions(chosen, rejected):
    return -torch.sigmoid(chosen - rejected).log().mean()


@_PAIR.mistake(
    looks="The loss depends on the level of the rewards, although a comparison says nothing about it.",
    hint="adding 1 to both rewards changes your loss. Take the difference first, then the sigmoid.",
)
def _a_sigmoid_each(chosen, rejected):
    return (F.logsigmoid(rejected) - F.logsigmoid(chosen)).mean()


@_PAIR.mistake(
    looks="The loss is negative and increases in magnitude during training: minimizing it makes the labels unlikely.",
    hint="the sign is wrong: a loss is the negative logarithm of the probability.",
)
def _without_the_minus(chosen, rejected):
    return F.logsigmoid(chosen - rejected).mean()


@_PAIR.mistake(
    looks="The loss is between -1 and 0, and a pair far on the wrong side has almost no gradient.",
    hint="you average the probabilities themselves. Where is the logarithm?",
)
def _without_the_logarithm(chosen, rejected):
    return -torch.sigmoid(chosen - rejected).mean()


@_PAIR.mistake(
    looks="One very good pair hides many wrong ones, because the differences cancel.",
    hint="you average the differences and then apply the loss. Each pair has a loss of its own: average these.",
)
def _mean_inside(chosen, rejected):
    return -F.logsigmoid((chosen - rejected).mean())


@_PAIR.mistake(
    looks="The loss and its gradients grow with the batch, and the learning rate no longer fits.",
    hint="your loss is the sum over the pairs. The task wants their mean.",
)
def _summed(chosen, rejected):
    return -F.logsigmoid(chosen - rejected).sum()


@_PAIR.mistake(
    looks="`backward()` raises an error, because the loss is not a single number.",
    hint="you return one loss for each pair. How do they become one number?",
)
def _one_for_each_pair(chosen, rejected):
    return -F.logsigmoid(chosen - rejected)


@_PAIR.mistake(
    looks="`backward()` raises an error, because no operation of the loss was recorded.",
    hint="the value is right, but its gradient does not reach both rewards. Does `detach`, `item`, `torch.tensor` or "
    "NumPy separate it from them?",
)
def _without_a_gradient(chosen, rejected):
    return -F.logsigmoid(chosen - rejected).mean().detach()


# 17.4


def _dpo(chosen, rejected, reference_chosen, reference_rejected, beta):
    """Return the DPO loss, its mean over the pairs.

    The first four arguments hold log-probabilities of complete replies, shape (N,): of the
    preferred and the other replies under the policy, then of the same under the reference.
    The loss is a tensor without dimensions, of their dtype, and passes a gradient to the policy.
    `beta` is a positive number.
    """
    implicit_chosen = beta * (chosen - reference_chosen)
    implicit_rejected = beta * (rejected - reference_rejected)
    return -F.logsigmoid(implicit_chosen - implicit_rejected).mean()


def _dpo_cases(rng: random.Random) -> list[Case]:
    n = rng.randint(4, 6)

    def logs(count: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, ...]:
        return tuple(3 * normal(rng, count, dtype=dtype) - 12 for _ in range(4))

    alike = logs(3)[:2]
    far = (torch.tensor([-900.0, -20.0]), torch.tensor([-10.0, -21.0]))
    return [
        Case((*(torch.tensor([x]) for x in (-3.0, -2.0, -4.0, -2.5)), 0.5), "one pair, beta = 0.5"),
        Case((*alike, *alike, 0.3), "three pairs, a policy that equals the reference"),
        Case((*logs(n), 0.1), f"{n} pairs, beta = 0.1"),
        Case((*logs(5, torch.float64), 2.0), "five pairs, float64, beta = 2"),
        Case((*far, *(torch.tensor([-15.0, -15.0]) for _ in range(2)), 1.0), "one log-probability of -900"),
    ]


_DPO = Exercise(
    number="17.4",
    name="dpo",
    title="the DPO loss",
    solution=_dpo,
    cases=_dpo_cases,
    call=_with_gradient,
    properties=(
        ("the loss must be a finite number", lambda arguments, loss: bool(loss.isfinite())),
        (
            "a policy that equals the reference has no preference, so its loss must be ln 2",
            lambda arguments, loss: (
                not (torch.equal(arguments[0], arguments[2]) and torch.equal(arguments[1], arguments[3]))
                or abs(loss.item() - 0.6931) < 1e-3
            ),
        ),
    ),
)


@_DPO.mistake(
    looks="Long replies count as bad from the start, because their probability is small under every model.",
    hint="your loss ignores the reference. The implicit reward is beta times the ratio of two probabilities, in "
    "logarithms.",
)
def _without_the_reference(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


@_DPO.mistake(
    looks="The policy moves toward the rejected replies, and the loss still decreases.",
    hint="your loss decreases as the rejected reply becomes more likely. Which of the two implicit rewards must "
    "be higher?",
)
def _prefers_the_rejected(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -F.logsigmoid(beta * ((rejected - reference_rejected) - (chosen - reference_chosen))).mean()


@_DPO.mistake(
    looks="The same run for every beta.",
    hint="your loss does not depend on beta.",
)
def _without_beta(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -F.logsigmoid((chosen - reference_chosen) - (rejected - reference_rejected)).mean()


@_DPO.mistake(
    looks="beta changes only the size of the gradient, so the policy does not move further for a smaller beta.",
    hint="you multiply the loss by beta. It belongs inside the sigmoid, where it scales the implicit rewards.",
)
def _beta_outside(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -beta * F.logsigmoid((chosen - reference_chosen) - (rejected - reference_rejected)).mean()


@_DPO.mistake(
    looks="The loss is not ln 2 at the start, and rewards replies that the reference preferred already.",
    hint="the reference's preference is added where it must be subtracted. Start with one reply: log policy minus log "
    "reference.",
)
def _reference_added(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -F.logsigmoid(beta * ((chosen - rejected) + (reference_chosen - reference_rejected))).mean()


@_DPO.mistake(
    looks="The loss is nearly ln 2 for every pair, because probabilities of complete replies are tiny numbers.",
    hint="you use probabilities where the formula has their logarithms, which are already given.",
)
def _probabilities(chosen, rejected, reference_chosen, reference_rejected, beta):
    better, worse = chosen.exp() - reference_chosen.exp(), rejected.exp() - reference_rejected.exp()
    return -F.logsigmoid(beta * (better - worse)).mean()


@_DPO.mistake(
    looks="One pair far on the wrong side makes the loss infinite.",
    hint="for a large negative difference the sigmoid rounds to 0, and its logarithm is infinite. Exercise 17.1 "
    "has the same remedy.",
)
def _sigmoid_then_logarithm(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -torch.sigmoid(beta * ((chosen - reference_chosen) - (rejected - reference_rejected))).log().mean()


@_DPO.mistake(
    looks="The loss and its gradients grow with the batch.",
    hint="your loss is the sum over the pairs. The task wants their mean.",
)
def _dpo_summed(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -F.logsigmoid(beta * ((chosen - reference_chosen) - (rejected - reference_rejected))).sum()


@_DPO.mistake(
    looks="`backward()` raises an error, because no operation of the loss was recorded.",
    hint="the value is right, but its gradient does not reach both log-probabilities of the policy.",
)
def _dpo_without_a_gradient(chosen, rejected, reference_chosen, reference_rejected, beta):
    return -F.logsigmoid(beta * ((chosen - reference_chosen) - (rejected - reference_rejected))).mean().detach()
