"""A limit changes far distances only."""

import torch
from c16_beyond_the_block import LIMITED, TRAINED, extended

from lecture21 import GPT, GPTConfig


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
