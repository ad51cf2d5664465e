"""Claims of the slides that concern no single module; book/notes_on_slides.md names these tests."""

from dataclasses import replace

import pytest
import torch
from variants import make

from lecture21 import GPT, GPTConfig
from lecture21.attention import basic_self_attention
from lecture21.layers import Block, MultiHeadAttention

ORDER = [3, 0, 4, 1, 2, 5]  # the last token stays the last


def test_the_variance_of_a_score_is_the_width_of_a_key():
    """S8: of queries and keys of independent standard normals; 1/sqrt(d_k) brings it back to 1."""
    generator = torch.Generator().manual_seed(0)
    for width in (4, 64, 256):
        q, k = torch.randn(2, 20_000, width, generator=generator, dtype=torch.float64)
        scores = (q * k).sum(dim=-1)
        error = width * (2 / 20_000) ** 0.5  # standard error of a variance, a little more for tails wider than normal's
        assert abs(scores.var() - width) < 5 * error


def test_a_softmax_that_is_not_scaled_saturates():
    """S8: the entropy of the weights falls with the width of the key, unless the scores are scaled."""
    generator = torch.Generator().manual_seed(0)

    def entropy(width: int, scale: float) -> float:
        q, k = torch.randn(2, 200, width, generator=generator, dtype=torch.float64)
        log_weights = (q @ k.T * scale).log_softmax(dim=-1)
        return -(log_weights.exp() * log_weights).sum(dim=-1).mean().item()

    assert entropy(256, 1.0) < entropy(16, 1.0) / 2 < entropy(1, 1.0) / 2
    assert entropy(256, 256**-0.5) == pytest.approx(entropy(16, 16**-0.5), rel=0.02)


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


def test_a_softmax_over_only_minus_infinity_is_nan():
    """S20: it is 0 for a masked score only while another one is finite."""
    minus = -torch.inf
    assert torch.tensor([minus, 0.3]).softmax(dim=0).tolist() == [0.0, 1.0]
    assert torch.tensor([minus, minus]).softmax(dim=0).isnan().all()


def test_without_a_mask_a_model_can_copy_its_target():
    """S20: without a mask, the last token changes the logits of earlier positions."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_layer=1)).double()
    ids = torch.randint(65, (1, 8))
    other = ids.clone()
    other[0, -1] = (ids[0, -1] + 1) % 65
    assert torch.equal(model(ids)[0, :-1], model(other)[0, :-1])
    model.blocks[0].attention.causal = False
    assert not torch.allclose(model(ids)[0, 0], model(other)[0, 0])
