"""The run with planted mistakes: each one is in effect while its stack is open, and not after it."""

import math
from contextlib import ExitStack

import c07_mistakes
import pytest
import torch

from lecture21.course.exercises.registry import find
from lecture21.training import TrainConfig

CONFIG = TrainConfig(
    steps=5, batch_size=3, learning_rate=0.05, warmup=2, schedule="linear", clip=0.1, betas=(0.9, 0.95),
    weight_decay=0.3, eval_every=6, seed=0, device="cpu",
)  # fmt: skip


def losses(mistake: str) -> list[float]:
    tokens = torch.randint(5, (60,), generator=torch.Generator().manual_seed(1))
    with ExitStack() as stack:
        train = c07_mistakes.loop_with(mistake, stack)
        torch.manual_seed(0)
        model = find("7.8").solution(5, 4, 8, 2, 2)
        with torch.no_grad():
            for parameter in model.parameters():  # a norm in the wrong place is noticed where norms differ
                parameter += 0.3 * torch.randn_like(parameter)
        return train(model, tokens, tokens, 4, CONFIG)[0]


@pytest.mark.parametrize("mistake", [name for name in c07_mistakes.PLANTED if name != "none"])
def test_a_planted_mistake_is_in_effect_until_its_stack_closes(mistake):
    before = losses("none")
    assert losses(mistake) != pytest.approx(before, abs=1e-4)
    assert losses("none") == before


def test_the_floor_of_a_batch_is_the_least_loss_of_a_causal_model():
    """Three windows begin with 1: two go on with 2, one with 3. All else follows from what comes before."""
    ids, targets = torch.tensor([[1, 2], [1, 3], [1, 2], [0, 4]]), torch.tensor([[2, 0], [3, 4], [2, 0], [4, 1]])
    entropy = -(2 * math.log(2 / 3) + math.log(1 / 3)) / 8
    assert c07_mistakes.floor_of(ids, targets) == pytest.approx(entropy)
    assert c07_mistakes.floor_of(ids[1:2], targets[1:2]) == 0
