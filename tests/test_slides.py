"""Claims of the slides that concern no single module."""

from dataclasses import replace

import torch
from variants import make

from lecture21 import GPTConfig
from lecture21.attention import basic_self_attention
from lecture21.layers import Block, MultiHeadAttention

ORDER = [3, 0, 4, 1, 2, 5]  # the last token stays the last


def test_without_positions_and_mask_reordering_the_input_reorders_the_output():
    """S16: an encoder of any depth without positions is permutation-equivariant."""
    torch.manual_seed(0)
    blocks = [Block(8, MultiHeadAttention(8, 2, causal=causal), torch.nn.Tanh()).double() for causal in (False, True)]
    x = torch.randn(1, 6, 8, dtype=torch.float64)
    for block, same in zip(blocks, (True, False), strict=True):
        twice, reordered = block(block(x)), block(block(x[:, ORDER]))
        assert torch.allclose(twice[:, ORDER], reordered, atol=1e-12) == same
    out, _ = basic_self_attention(x)
    torch.testing.assert_close(out[:, ORDER], basic_self_attention(x[:, ORDER])[0])


def test_without_positions_two_causal_layers_distinguish_the_order_of_a_prefix():
    """S19: one layer depends on the prefix as a set; inputs of the second layer depend on the tokens before them."""
    config = GPTConfig(vocab_size=11, block_size=12, n_head=2, d_model=8, position="none")
    ids = torch.arange(6)[None]
    for n_layer, blind in ((1, True), (2, False)):
        model = make(replace(config, n_layer=n_layer))
        difference = (model(ids)[0, -1] - model(ids[:, ORDER])[0, -1]).abs().max()
        assert (difference < 1e-12) == blind, n_layer
