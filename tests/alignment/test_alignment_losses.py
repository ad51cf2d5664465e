"""The formulas of chapter 17 against enumeration, closed forms, autograd and finite differences."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from lecture21 import GPT, GPTConfig
from lecture21.alignment import (
    Responses,
    best_policy,
    bradley_terry_loss,
    clipped_policy_loss,
    dpo_loss,
    leave_one_out,
    log_ratio_kl,
    token_kl,
)

V, N, END = 3, 3, 0


def toy(seed: int, sharp: float = 3.0) -> GPT:
    """A GPT small enough to enumerate all of its responses, in float64 and far from uniform."""
    torch.manual_seed(seed)
    model = GPT(GPTConfig(vocab_size=V, block_size=1 + N, n_layer=1, n_head=1, d_model=8)).double().eval()
    with torch.no_grad():
        model.head.weight.mul_(sharp)
    return model


def everything() -> Responses:
    """Every response of at most three tokens to the prompt [1]: cut at the end token, padded with more of it."""
    actual = set()
    for tokens in itertools.product(range(V), repeat=N):
        stop = tokens.index(END) + 1 if END in tokens else N
        actual.add((1, *tokens[:stop], *[END] * (N - stop)))
    return Responses(torch.tensor(sorted(actual)), 1, END)


def flat_gradient(value: Tensor, model: GPT) -> Tensor:
    gradients = torch.autograd.grad(
        value, list(model.parameters()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return torch.cat([gradient.flatten() for gradient in gradients])


ALL = everything()
REWARDS = torch.linspace(-1, 2, len(ALL), dtype=torch.float64).sin()


def test_the_probabilities_of_all_responses_sum_to_one():
    assert len(ALL) == 1 + 2 + 4 + 8  # ends at once, after one token, after two, or not at all
    total = ALL.log_probabilities(toy(0)).sum(-1).exp().sum()
    torch.testing.assert_close(total, torch.tensor(1.0, dtype=torch.float64))


def test_the_log_probability_of_each_token_is_read_at_its_position():
    model = toy(0)
    response = Responses(torch.tensor([[1, 2, 0, 0]]), 1, END)
    logits = model(torch.tensor([[1, 2, 0]]))[0].log_softmax(-1)
    expected = torch.stack([logits[0, 2], logits[1, 0], torch.zeros(()).double()])
    torch.testing.assert_close(response.log_probabilities(model)[0], expected)


def test_padding_changes_nothing():
    model = toy(0)
    padded, other = (Responses(torch.tensor([[1, 2, 0, last]]), 1, END) for last in (0, 2))
    assert torch.equal(padded.log_probabilities(model), other.log_probabilities(model))
    assert padded.lengths.tolist() == other.lengths.tolist() == [2]


@pytest.mark.parametrize("kl_weight", [0.0, 0.7])
def test_the_policy_gradient_in_expectation_is_the_exact_one(kl_weight: float):
    model, reference = toy(0), toy(1)
    with torch.no_grad():
        fixed = ALL.log_probabilities(reference).sum(-1)
    logs = ALL.log_probabilities(model)
    probabilities = logs.sum(-1).exp()
    # The objective, a sum over all responses: E[r] - beta KL.
    divergence = (probabilities * (logs.sum(-1) - fixed)).sum()
    exact = flat_gradient((probabilities * REWARDS).sum() - kl_weight * divergence, model)

    logs = ALL.log_probabilities(model)
    old = logs.detach()
    advantages = REWARDS - kl_weight * log_ratio_kl(old, ALL.log_probabilities(reference).detach())
    # The loss is a mean over samples; here each response occurs once, weighted by its probability.
    weighed = len(ALL) * old.sum(-1).exp() * (advantages - 0.3)  # any constant is a baseline
    sampled = -flat_gradient(clipped_policy_loss(logs, old, weighed, clip=0.2), model)
    assert exact.norm() > 0.05
    torch.testing.assert_close(sampled, exact)


def test_the_clip_removes_the_gradient_of_tokens_that_have_moved_far_enough():
    old = torch.zeros(4, 1, dtype=torch.float64, requires_grad=True)
    ratio = torch.tensor([[1.3], [1.3], [0.7], [0.7]], dtype=torch.float64)
    policy = ratio.log().requires_grad_()
    advantages = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    loss = clipped_policy_loss(policy, old, advantages, clip=0.2)
    # min(1.3, 1.2), min(-1.3, -1.2), min(0.7, 0.8), min(-0.7, -0.8)
    assert loss.item() == pytest.approx(-(1.2 - 1.3 + 0.7 - 0.8) / 4)
    loss.backward()
    assert (policy.grad.flatten() != 0).tolist() == [False, True, True, False]
    assert old.grad is None  # the policy that sampled the responses is fixed


def test_the_baseline_of_a_group_is_the_mean_of_the_other_members():
    actual = leave_one_out(torch.tensor([1.0, 2.0, 6.0, 5.0, 5.0, 5.0]), 3)
    torch.testing.assert_close(actual, torch.tensor([-3.0, -1.5, 4.5, 0.0, 0.0, 0.0]))


def test_the_divergence_estimators_are_unbiased():
    policy, reference = toy(0), toy(1)
    with torch.no_grad():
        p, q = (ALL.log_probabilities(model) for model in (policy, reference))
        logits = [ALL.logits(model) for model in (policy, reference)]
    weight = p.sum(-1).exp()
    exact = (weight * (p - q).sum(-1)).sum()
    by_ratio, by_token = log_ratio_kl(p, q), token_kl(*logits, ALL.mask)
    torch.testing.assert_close((weight * by_ratio).sum(), exact)
    torch.testing.assert_close((weight * by_token).sum(), exact)
    assert by_ratio.min() < 0 <= by_token.min()
    spread = [(weight * (estimate - exact) ** 2).sum() for estimate in (by_ratio, by_token)]
    assert spread[1] < spread[0]


def test_the_sample_mean_is_near_the_exact_divergence():
    p = torch.tensor([[[0.7, 0.2, 0.1]]]).log()
    q = torch.tensor([[[0.2, 0.2, 0.6]]]).log()
    exact = 0.7 * math.log(3.5) + 0.1 * math.log(1 / 6)
    drawn = torch.multinomial(p[0].exp(), 20_000, replacement=True, generator=torch.Generator().manual_seed(0)).T
    every = torch.ones_like(drawn, dtype=torch.bool)
    first, second = (x[0, 0, drawn] for x in (p, q))  # (B, 1), log-probabilities of the samples
    assert log_ratio_kl(first, second).mean().item() == pytest.approx(exact, abs=0.03)
    assert token_kl(p, q, every[:1]).item() == pytest.approx(exact, abs=1e-6)


def test_bradley_terry_by_hand():
    # Rewards that differ by ln 3: the better one wins in 3 of 4 comparisons.
    loss = bradley_terry_loss(torch.tensor([math.log(3)]), torch.tensor([0.0]))
    assert loss.item() == pytest.approx(math.log(4 / 3))
    shifted = bradley_terry_loss(torch.tensor([5 + math.log(3)]), torch.tensor([5.0]))
    assert shifted.item() == pytest.approx(loss.item(), abs=1e-6)


def test_dpo_s_gradient_is_its_formula():
    # Rafailov et al. 2023, section 4: -beta sigmoid(r_l - r_w) [grad log pi(y_w) - grad log pi(y_l)].
    policy, reference, beta = toy(0), toy(1), 0.4
    chosen, rejected = ALL[torch.tensor([3, 7, 1])], ALL[torch.tensor([5, 2, 9])]
    with torch.no_grad():
        fixed = [side.log_probabilities(reference).sum(-1) for side in (chosen, rejected)]
    w, l = (side.log_probabilities(policy).sum(-1) for side in (chosen, rejected))  # noqa: E741
    actual = flat_gradient(dpo_loss(w, l, *fixed, beta=beta), policy)

    w, l = (side.log_probabilities(policy).sum(-1) for side in (chosen, rejected))  # noqa: E741
    weight = torch.sigmoid(beta * ((l - fixed[1]) - (w - fixed[0]))).detach()
    formula = sum(-beta * weight[i] * (flat_gradient(w[i], policy) - flat_gradient(l[i], policy)) / 3 for i in range(3))
    torch.testing.assert_close(actual, formula)
    torch.autograd.gradcheck(
        lambda *sides: dpo_loss(*sides, beta=beta), (w.detach().requires_grad_(), l.detach().requires_grad_(), *fixed)
    )


def test_dpo_s_optimum_is_the_reference_times_the_exponential_of_the_reward():
    reference = torch.tensor([0.5, 0.25, 0.15, 0.1], dtype=torch.float64)
    rewards = torch.tensor([0.0, 1.0, -1.0, 0.5], dtype=torch.float64)
    beta = 0.5
    first, second = torch.tensor(list(itertools.permutations(range(4), 2))).T
    wins = torch.sigmoid(rewards[first] - rewards[second])  # Bradley-Terry: the first is preferred
    scores = reference.log().clone().requires_grad_()
    optimizer = torch.optim.LBFGS([scores], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-14)

    def expected_loss() -> Tensor:
        optimizer.zero_grad()
        logs = scores.log_softmax(-1)
        each = [
            share
            * dpo_loss(logs[i][None], logs[j][None], reference[i].log()[None], reference[j].log()[None], beta=beta)
            for i, j, share in zip(first, second, wins, strict=True)
        ]
        loss = torch.stack(each).sum()
        loss.backward()
        return loss

    optimizer.step(expected_loss)
    torch.testing.assert_close(scores.softmax(-1), best_policy(reference, rewards, beta), rtol=1e-4, atol=1e-6)


def test_the_best_policy_by_hand_and_by_search():
    reference = torch.tensor([1 / 2, 1 / 4, 1 / 4], dtype=torch.float64)
    rewards = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).log()
    best = best_policy(reference, rewards, 1.0)
    torch.testing.assert_close(best, torch.tensor([1 / 4, 1 / 4, 1 / 2], dtype=torch.float64))

    def value(p: Tensor) -> Tensor:
        return (p * rewards).sum(-1) - (p * (p / reference).log()).sum(-1)

    assert value(best).item() == pytest.approx(math.log(2))  # ln Z
    others = torch.distributions.Dirichlet(torch.ones(3, dtype=torch.float64)).sample((500,))
    assert (value(others) <= value(best)).all()


PAIR, SINGLE = torch.zeros(2), torch.zeros(1)


def test_a_token_of_probability_zero_under_both_adds_nothing_to_the_divergence():
    logits = torch.tensor([[[0.0, 1.0, -math.inf]]])
    other = torch.tensor([[[1.0, 0.0, -math.inf]]])
    mask = torch.ones(1, 1, dtype=torch.bool)
    torch.testing.assert_close(token_kl(logits, other, mask), token_kl(logits[..., :2], other[..., :2], mask))
