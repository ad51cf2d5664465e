"""GRPO as in its paper, trained at the budget of the stored PPO runs."""

import copy
from types import SimpleNamespace

import c17_alignment_grpo
import pytest
import torch
from common import tune

from lecture21 import GPT, GPTConfig
from lecture21.alignment import PolicyConfig, sample_responses
from lecture21.course.chapters import results

MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]]).bool()


def test_the_advantages_of_a_group_have_mean_0_and_standard_deviation_1():
    actual = c17_alignment_grpo.group_advantages(torch.tensor([0.0, 1.0, 1.0, 2.0, 5.0, 5.0, 5.0, 5.0]), 4)
    expected = 1.5**0.5
    torch.testing.assert_close(actual, torch.tensor([-expected, 0, 0, expected, 0, 0, 0, 0]), rtol=0, atol=1e-3)


def test_each_response_has_the_same_weight_whatever_its_length():
    old = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)) * MASK
    policy = old.clone().requires_grad_()
    advantages = torch.tensor([1.0, -2.0, 0.5])
    c17_alignment_grpo.grpo_loss(policy, old, old, advantages, MASK, clip=0.2, beta=0.7).backward()
    expected = -(advantages[:, None] / MASK.sum(1, keepdim=True)) * MASK / 3  # no penalty at the reference
    torch.testing.assert_close(policy.grad, expected)


def test_the_penalty_is_an_estimate_of_the_divergence_and_the_ratio_is_clipped():
    p, q = (torch.randn(1, 6, generator=torch.Generator().manual_seed(s)).log_softmax(-1) for s in (1, 2))
    one = torch.ones(1, 1).bool()
    each = [
        c17_alignment_grpo.grpo_loss(
            p[:, i : i + 1], p[:, i : i + 1], q[:, i : i + 1], torch.zeros(1), one, clip=0.2, beta=1
        )
        for i in range(6)
    ]
    torch.testing.assert_close((p.exp()[0] * torch.stack(each)).sum(), (p.exp() * (p - q)).sum())
    grown, old = torch.tensor([[1.3]]).log(), torch.zeros(1, 1)
    gain = [
        -c17_alignment_grpo.grpo_loss(grown, old, old, torch.tensor([a]), one, clip=0.2, beta=0) for a in (1.0, -1.0)
    ]
    torch.testing.assert_close(torch.stack(gain), torch.tensor([1.2, -1.3]))


@pytest.mark.parametrize(("beta", "least", "most"), [(0.0, 2.0, 3.0), (50.0, 0.0, 1.2)])
@pytest.mark.usefixtures("untyped")  # checked elsewhere; here they take most of the time
def test_training_increases_the_reward_unless_the_penalty_is_large(beta: float, least: float, most: float):
    torch.manual_seed(0)
    reference = GPT(GPTConfig(vocab_size=5, block_size=8, n_layer=1, n_head=2, d_model=16)).eval()
    policy, seen, prompts = copy.deepcopy(reference), [], torch.tensor([[0, 2]])

    def threes(responses):
        return (responses.targets == 3).float().sum(1)

    config = PolicyConfig(40, prompts=8, group=4, learning_rate=1e-2, n_new=3)
    task = SimpleNamespace(prompts=prompts, end=0)
    c17_alignment_grpo.train(policy, reference, threes, task, config, beta, seen.append)
    assert seen == list(range(1, 41))
    assert least <= threes(sample_responses(policy, prompts.repeat(300, 1), 3, end=0, seed=1)).mean() <= most


def test_the_stored_search_is_found_again():
    table = results.load("alignment_grpo_search")
    for weight in c17_alignment_grpo.WEIGHTS:
        rows = table[table["weight"] == weight]
        scores = {
            (b, round(r, 8)): s for b, r, s in zip(rows["beta"], rows["learning_rate"], rows["criterion"], strict=True)
        }
        visited = set()

        def lowest(beta: float, scores=scores, visited=visited) -> float:
            tried = tune(lambda rate: scores[beta, round(rate, 8)], c17_alignment_grpo.RATES, 3)
            visited |= {(beta, round(rate, 8)) for rate in tried}
            return min(tried.values())

        best = next(iter(tune(lowest, c17_alignment_grpo.BETAS, 3) if weight else {0.0: lowest(0.0)}))
        assert visited == scores.keys()
        (chosen,) = rows[rows["chosen"]].itertuples()
        assert (chosen.beta, chosen.criterion) == (best, min(s for (b, _), s in scores.items() if b == best))
