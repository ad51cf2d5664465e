"""Interpolating some planes of a head changes their angles and no others, and a limit changes far distances only."""

import pytest
import torch
from c16_beyond_the_block import FAST, LIMITED, LONG, PLANES, TRAINED, extended

from lecture21 import GPT, GPTConfig
from lecture21.layers.positions import Rotary


@pytest.mark.parametrize("change", PLANES)
def test_only_the_named_planes_are_interpolated(change):
    model = GPT(GPTConfig(vocab_size=5, block_size=TRAINED, n_layer=1, d_model=64, position="rotary"))
    tables = {}
    for name in (change, "as trained", "interpolation 8"):
        (rotary,) = (each for each in extended(model, name).modules() if isinstance(each, Rotary))
        tables[name] = torch.stack([rotary.cos, rotary.sin]).unflatten(-1, (2, -1))  # (cos and sin, T, halves, planes)
    planes = tables[change].shape[-1]
    for plane in range(planes):
        expected = "interpolation 8" if plane in range(planes)[PLANES[change]] else "as trained"
        assert torch.equal(tables[change][..., plane], tables[expected][..., plane]), plane


def test_the_fast_planes_are_those_that_turn_a_full_circle_within_the_trained_positions():
    rotary = Rotary(LONG, 16)
    angles = (
        torch.atan2(rotary.sin[1, 8:], rotary.cos[1, 8:]) * TRAINED
    )  # of each plane, at the end of the training text
    assert ((angles > 2 * torch.pi) == (torch.arange(8) < FAST)).all()


@torch.no_grad()
def test_a_limit_changes_no_distance_within_the_trained_ones_and_makes_all_others_equal():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab_size=5, block_size=TRAINED, n_layer=1, d_model=64, position="rotary")).double().eval()
    plain, limited = extended(model, "as trained"), extended(model, LIMITED)
    ids = torch.randint(5, (2, 200))
    torch.testing.assert_close(limited(ids[:, :TRAINED]), plain(ids[:, :TRAINED]))
    mixed = ids.clone()
    far = ids.shape[1] - TRAINED + 1  # keys at distance 63 or more from the last token
    mixed[:, :far] = ids[:, torch.randperm(far)]
    torch.testing.assert_close(limited(mixed)[:, -1], limited(ids)[:, -1])
    assert not torch.allclose(plain(mixed)[:, -1], plain(ids)[:, -1], atol=1e-3)
    mixed[:, far] = (ids[:, far] + 1) % 5  # a key at distance 62
    assert not torch.allclose(limited(mixed)[:, -1], limited(ids)[:, -1], atol=1e-3)
