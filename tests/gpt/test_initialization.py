import math

import pytest
import torch

from lecture21 import GPT, GPTConfig
from lecture21.gpt.initialization import RESIDUAL

SHAPE = {"vocab_size": 300, "block_size": 200, "n_layer": 8, "n_head": 4, "d_model": 96, "qkv_bias": True}


def model(initialization: str, **changes: object) -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(**SHAPE, initialization=initialization, **changes))


def spread(weight: torch.Tensor) -> tuple[float, float]:
    """Return the standard deviation, and three standard errors of it."""
    return weight.std().item(), 3 * weight.std().item() / math.sqrt(2 * weight.numel())


@pytest.mark.parametrize("initialization", ["gpt1", "gpt2"])
def test_every_weight_is_drawn_from_the_papers_normal(initialization):
    for name, parameter in model(initialization).named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name
        else:
            residual = initialization == "gpt2" and name.removesuffix(".weight").endswith(RESIDUAL)
            expected = 0.02 / math.sqrt(2 * 8) if residual else 0.02
            std, error = spread(parameter)
            assert abs(std - expected) < error, name
            # A normal, not a uniform distribution: 4.6 % lie beyond two standard deviations, where a uniform has none.
            assert 0.02 < (parameter.abs() > 2 * expected).float().mean() < 0.08, name


def test_gpt2_scales_down_exactly_the_two_residual_projections_of_each_block():
    names = [name for name, _ in model("gpt2").named_modules() if name.endswith(RESIDUAL)]
    assert len(names) == 2 * 8


def test_torch_keeps_the_default_except_for_the_tables_of_a_tied_head():
    assert model("torch").token.weight.std().item() == pytest.approx(1, abs=0.05)
    tied = model("torch", tied_head=True)
    for table in (tied.token.weight, tied.position.table.weight):  # a large one would dominate their sum
        assert table.std().item() == pytest.approx(0.02, abs=0.001)
    bound = 1 / math.sqrt(96)
    weight = model("torch").blocks[0].attention.query.weight
    assert weight.abs().max() <= bound
    assert weight.abs().max() > 0.95 * bound


def test_experts_start_as_the_linear_maps_that_they_stack():
    experts = model("torch", moe={}, d_ff=600).blocks[0].feed_forward.experts
    for maps, width in ((experts.up, 96), (experts.down, 600)):
        for tensor in (maps.weight, maps.bias):
            assert 0.95 < tensor.abs().max() * math.sqrt(width) <= 1


@pytest.mark.parametrize("changes", [{}, {"moe": {"n_shared": 1}, "d_ff": 10}])
def test_zero_makes_every_block_the_identity_and_the_first_prediction_uniform(changes):
    made = model("zero", **changes)
    ids = torch.randint(300, (2, 50))
    x = made.token(ids) + made.position(0, 50)
    for block in made.blocks:
        torch.testing.assert_close(block(x), x)
    assert not made(ids).any()


def test_zero_trains_every_parameter_within_three_steps():
    made = model("zero")
    before = {name: p.detach().clone() for name, p in made.named_parameters()}
    optimizer, ids = torch.optim.AdamW(made.parameters(), weight_decay=0.0), torch.randint(300, (2, 200))
    for _ in range(3):
        optimizer.zero_grad()
        made.loss(ids, ids).backward()
        optimizer.step()
    for name, p in made.named_parameters():
        assert not torch.equal(p, before[name]), name
