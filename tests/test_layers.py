import math

import pytest
import torch
from torch import nn

from lecture21.attention import SelfAttention, causal_mask
from lecture21.layers import ACTIVATIONS, Block, FeedForward, KVCache, MultiHeadAttention, attention_weights


def randn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def copy_to_torch(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    """Copy our weights into torch's layer, which stacks query, key and value in one matrix."""
    parts = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.zero_()
        if ours.query.bias is not None:
            theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("n_head", [1, 2, 4])
def test_multi_head_attention_equals_torch_in_output_weights_and_gradients(dtype, qkv_bias, n_head):
    torch.manual_seed(0)
    ours = MultiHeadAttention(8, n_head, qkv_bias=qkv_bias).to(dtype)
    theirs = nn.MultiheadAttention(8, n_head, batch_first=True).to(dtype)
    copy_to_torch(ours, theirs)
    a, b = (randn(2, 5, 8, dtype=dtype).requires_grad_() for _ in range(2))
    blocked = ~causal_mask(5)  # torch's layer takes the opposite convention: True = may not attend
    reference, reference_weights = theirs(b, b, b, attn_mask=blocked, average_attn_weights=False)
    out = ours(a)
    torch.testing.assert_close(out, reference)
    torch.testing.assert_close(ours.explicit(a)[1], reference_weights)
    probe = randn(*out.shape, seed=7, dtype=dtype)
    (out * probe).sum().backward()
    (reference * probe).sum().backward()
    torch.testing.assert_close(a.grad, b.grad)
    gradients = torch.cat([part.weight.grad for part in (ours.query, ours.key, ours.value)])
    torch.testing.assert_close(gradients, theirs.in_proj_weight.grad)
    torch.testing.assert_close(ours.output.weight.grad, theirs.out_proj.weight.grad)


def test_the_explicit_path_equals_the_fast_one_in_gradients_too():
    layer = MultiHeadAttention(8, 2).double()
    a, b = (randn(2, 5, 8).requires_grad_() for _ in range(2))
    fast, (slow, _) = layer(a), layer.explicit(b)
    torch.testing.assert_close(fast, slow)
    fast.square().sum().backward()
    slow.square().sum().backward()
    torch.testing.assert_close(a.grad, b.grad)


def test_heads_are_single_heads_side_by_side():
    layer = MultiHeadAttention(6, 3).double()
    x = randn(1, 4, 6)
    heads = []
    for h in range(3):
        rows = slice(2 * h, 2 * h + 2)
        head = SelfAttention(6, 2).double()
        with torch.no_grad():
            for name in ("query", "key", "value"):
                getattr(head, name).weight.copy_(getattr(layer, name).weight[rows])
        out, weights = head(x, causal_mask(4))
        torch.testing.assert_close(weights, layer.explicit(x)[1][:, h])
        heads.append(out)
    torch.testing.assert_close(layer.output(torch.cat(heads, dim=-1)), layer(x))


@pytest.mark.parametrize(("d_model", "n_head"), [(6, 4), (6, 0), (6, -1)])
def test_heads_that_do_not_divide_the_width_are_refused(d_model, n_head):
    with pytest.raises(ValueError, match=f"d_model={d_model} and n_head={n_head}"):
        MultiHeadAttention(d_model, n_head)


@pytest.mark.parametrize(("activation", "theirs"), [("relu", "relu"), ("gelu", "gelu")])
def test_a_block_is_torch_s_pre_norm_layer(activation, theirs):
    torch.manual_seed(0)
    ours = Block(8, MultiHeadAttention(8, 2, qkv_bias=True), FeedForward(8, 16, activation=activation)).double()
    reference = nn.TransformerEncoderLayer(
        8, 2, dim_feedforward=16, dropout=0.0, activation=theirs, batch_first=True, norm_first=True
    ).double()
    copy_to_torch(ours.attention, reference.self_attn)
    reference.norm1.load_state_dict(ours.norm_attention.state_dict())
    reference.norm2.load_state_dict(ours.norm_feed_forward.state_dict())
    reference.linear1.load_state_dict(ours.feed_forward.up.state_dict())
    reference.linear2.load_state_dict(ours.feed_forward.down.state_dict())
    x = randn(2, 5, 8)
    torch.testing.assert_close(ours(x), reference(x, src_mask=~causal_mask(5)))


def test_an_unknown_activation_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'swish'.*relu"):
        FeedForward(4, 8, activation="swish")


def test_feed_forward_sees_one_position_at_a_time():
    layer = FeedForward(4, 8).double()
    x = randn(2, 5, 4)
    torch.testing.assert_close(layer(x)[:, 2:3], layer(x[:, 2:3]))


def test_a_cache_grows_by_what_it_is_given():
    cache = KVCache()
    assert len(cache) == 0
    first, second = randn(1, 2, 3, 4), randn(1, 2, 1, 4, seed=1)
    cache.append(first, first)
    k, v = cache.append(second, 2 * second)
    assert len(cache) == 4
    assert torch.equal(k, torch.cat([first, second], dim=2))
    assert torch.equal(v, torch.cat([first, 2 * second], dim=2))


def test_attention_weights_leave_the_model_as_it_was():
    layer = MultiHeadAttention(8, 2, dropout=0.5)
    model = nn.Sequential(nn.Embedding(5, 8), layer).train()
    weights = attention_weights(model, torch.arange(5)[None])
    assert weights.shape == (1, 1, 2, 5, 5)
    assert model.training
    assert layer.training
    assert not layer._forward_pre_hooks
    assert not weights.requires_grad


def test_attention_weights_name_a_model_without_attention():
    with pytest.raises(ValueError, match="Linear has no MultiHeadAttention"):
        attention_weights(nn.Linear(2, 2), torch.zeros(1, 2, dtype=torch.long))


def test_gelu_tanh_is_the_formula_of_gpt_1():
    x = torch.linspace(-4, 4, 50, dtype=torch.float64)
    formula = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    torch.testing.assert_close(ACTIVATIONS["gelu_tanh"](x), formula)
    assert (ACTIVATIONS["gelu"](x) - formula).abs().max() > 1e-4  # the exact one is another function


def test_dropout_drops_weights_and_outputs_in_training_only():
    torch.manual_seed(0)
    layer = MultiHeadAttention(64, 1, dropout=0.5)
    x = randn(4, 50, 64, dtype=torch.float32)
    dropped = (layer(x) == 0).float().mean().item()
    assert dropped == pytest.approx(0.5, abs=0.02)  # 12,800 outputs: four standard errors
    layer.output.register_forward_hook(lambda module, args, out: args[0])  # the joined heads before the projection
    # The first query has one key: its only weight is dropped half of the time, for the whole head.
    first = torch.stack([(layer(x[:1])[0, 0] == 0).all() for _ in range(50)])
    assert 10 < first.sum() < 40
    assert not (layer.eval()(x) == 0).any()
