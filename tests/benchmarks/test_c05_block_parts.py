"""What stands in for the final norm, and that the stored rates are tuned."""

import c05_block_parts as benchmark
import pytest
import torch
from torch import Generator, nn


def test_one_scale_divides_all_tokens_by_the_same_number():
    x = torch.randn(2, 8, benchmark.WIDTH, generator=Generator().manual_seed(0)) * torch.arange(1.0, 9)[:, None]
    ratio = benchmark.OneScale()(x) / x
    assert ratio.min().item() == pytest.approx(ratio.max().item()) == pytest.approx(x.square().mean().item() ** -0.5)


@pytest.mark.parametrize(
    ("arm", "kind", "gain"),
    [("final gain of 4", nn.LayerNorm, 4), ("one final scale", benchmark.OneScale, 1)],
)
def test_an_arm_changes_the_final_norm_and_no_other_weight(arm, kind, gain):
    model, complete = (benchmark.build(name, 4, 0, 20) for name in (arm, "complete"))
    assert type(model.norm) is kind
    assert model.norm.weight.tolist() == [gain] * benchmark.WIDTH
    weights, expected = model.state_dict(), complete.state_dict()
    assert weights.keys() == expected.keys()
    assert {name for name, w in weights.items() if not torch.equal(w, expected[name])} <= {"norm.weight"}
