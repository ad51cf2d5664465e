"""The functions of two arms that test why GELU is better: one rises left of 0, the other is a GELU that does not."""

import c10_modern_ablation
import pytest
import torch
import torch.nn.functional as F

from lecture21 import GPT, presets


def hidden(arm: str, x: torch.Tensor) -> torch.Tensor:
    model = GPT(presets.get("modern-gpt0", n_layer=2))
    c10_modern_ablation.AFTER[arm](model)
    first, second = (block.feed_forward.activation.function(x) for block in model.blocks)
    assert torch.equal(first, second)
    return first


def test_the_v_is_relu_on_the_right_and_rises_on_the_left():
    x = torch.tensor([-4.0, -1.0, 0.0, 2.0])
    assert hidden("V", x).tolist() == [1.0, 0.25, 0.0, 2.0]


def test_the_flat_gelu_never_falls_and_is_gelu_right_of_its_minimum():
    x = torch.linspace(-5, 3, 2001)
    gelu = F.gelu(x, approximate="tanh")
    flat = hidden("GELU, flat on the left", x)
    assert (flat.diff() >= 0).all()
    assert flat[0].item() == 0
    right = x > -0.74
    assert (flat - gelu)[right].std().item() < 1e-6
    assert (flat - gelu)[right].mean().item() == pytest.approx(-gelu.min().item(), abs=1e-5)
