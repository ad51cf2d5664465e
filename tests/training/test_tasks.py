import math

import pytest
import torch
from torch import nn

from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize


def regression(seed: int, steps: int = 200, **options) -> tuple[nn.Linear, torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Linear(3, 1, bias=False).eval()
    planted = torch.tensor([[1.0, -2.0, 0.5]])

    def loss(generator: torch.Generator) -> torch.Tensor:
        assert model.training
        x = torch.randn(16, 3, generator=generator)
        return (model(x) - x @ planted.T).square().mean()

    return model, minimize(model, loss, TrainConfig(steps=steps, learning_rate=0.05, seed=seed, **options))


def test_a_planted_map_is_found_and_the_model_keeps_its_mode():
    model, losses = regression(0)
    assert losses.shape == (200,)
    assert losses[-1] < 1e-3 * losses[0]
    torch.testing.assert_close(model.weight, torch.tensor([[1.0, -2.0, 0.5]]), rtol=0, atol=0.02)
    assert not model.training


def test_the_seed_decides_dropout_and_the_caller_s_random_state_is_left_alone():
    model = nn.Linear(1, 1)
    drawn = []

    def loss(_: torch.Generator) -> torch.Tensor:
        drawn.append(torch.rand(()))  # what dropout draws from
        return model.weight.sum()

    state = torch.random.get_rng_state()
    for seed in (3, 3, 4):
        minimize(model, loss, TrainConfig(steps=1, seed=seed))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert drawn[0] == drawn[1] != drawn[2]


def test_each_update_is_adam_s_on_accumulated_clipped_gradients_at_its_rate():
    trained, losses = regression(1, 6, accumulate=3, clip=0.5, warmup=2, schedule="linear")
    torch.manual_seed(0)
    reference, planted = nn.Linear(3, 1, bias=False), torch.tensor([[1.0, -2.0, 0.5]])
    optimizer, batches = torch.optim.Adam(reference.parameters()), torch.Generator().manual_seed(1)
    for step, rate in enumerate((0.025, 0.05, 0.05, 0.0375, 0.025, 0.0125)):
        x = torch.cat([torch.randn(16, 3, generator=batches) for _ in range(3)])
        loss = (reference(x) - x @ planted.T).square().mean()
        assert losses[step].item() == pytest.approx(loss.item(), rel=1e-5)
        optimizer.zero_grad()
        loss.backward()
        assert nn.utils.clip_grad_norm_(reference.parameters(), 0.5) > 1
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    torch.testing.assert_close(trained.weight, reference.weight)


def test_no_step_changes_nothing():
    _, losses = regression(0, steps=0)
    assert losses.shape == (0,)


def test_what_cannot_be_trained_is_refused():
    frozen = nn.Linear(1, 1).requires_grad_(False)
    with pytest.raises(ValueError, match="Linear has no parameter that requires a gradient"):
        minimize(frozen, lambda _: frozen.weight.sum(), TrainConfig(steps=1))
    model = nn.Linear(2, 1)
    with pytest.raises(ValueError, match=r"one number, got a tensor of shape \(2,\)"):
        minimize(model, lambda _: model.weight[0], TrainConfig(steps=1))


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_step():
    model = nn.Linear(1, 1)
    values = iter([1.0, math.nan])
    with pytest.raises(ValueError, match="diverged: the loss at step 1 is nan"):
        minimize(model, lambda _: model.weight.sum() * next(values), TrainConfig(steps=3))
