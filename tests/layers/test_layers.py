import math

import pytest
import torch
from torch import nn

from lecture21 import GPT, GPTConfig
from lecture21.attention import causal_mask
from lecture21.layers import KVCache, MultiHeadAttention, attention_maps, attention_weights
from lecture21.layers.dropout import Dropout
from lecture21.layers.positions import Rotary


def randn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def copy_to_torch(ours: MultiHeadAttention, published: nn.MultiheadAttention) -> None:
    """Copy our weights into torch's layer, which stacks query, key and value in one matrix."""
    parts = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        published.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        published.in_proj_bias.zero_()
        if ours.query.bias is not None:
            published.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        published.out_proj.load_state_dict(ours.output.state_dict())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("n_head", [1, 2, 4])
def test_multi_head_attention_equals_torch_in_output_weights_and_gradients(dtype, qkv_bias, n_head):
    torch.manual_seed(0)
    ours = MultiHeadAttention(8, n_head, qkv_bias=qkv_bias).to(dtype)
    published = nn.MultiheadAttention(8, n_head, batch_first=True).to(dtype)
    copy_to_torch(ours, published)
    a, b = (randn(2, 5, 8, dtype=dtype).requires_grad_() for _ in range(2))
    blocked = ~causal_mask(5)  # torch's layer takes the opposite convention: True = may not attend
    reference, reference_weights = published(b, b, b, attn_mask=blocked, average_attn_weights=False)
    out = ours(a)
    torch.testing.assert_close(out, reference)
    torch.testing.assert_close(ours.explicit(a)[1], reference_weights)
    probe = randn(*out.shape, seed=7, dtype=dtype)
    (out * probe).sum().backward()
    (reference * probe).sum().backward()
    torch.testing.assert_close(a.grad, b.grad)
    gradients = torch.cat([part.weight.grad for part in (ours.query, ours.key, ours.value)])
    torch.testing.assert_close(gradients, published.in_proj_weight.grad)
    torch.testing.assert_close(ours.output.weight.grad, published.out_proj.weight.grad)


def test_a_cache_with_a_window_keeps_the_keys_of_the_next_query():
    cache = KVCache(window=3)
    x = randn(1, 2, 6, 4)
    k, v = cache.append(x[:, :, :5], 2 * x[:, :, :5])
    assert torch.equal(k, x[:, :, :5])  # the keys of the new queries
    k, v = cache.append(x[:, :, 5:], 2 * x[:, :, 5:])
    assert torch.equal(k, x[:, :, 3:])
    assert torch.equal(v, 2 * x[:, :, 3:])
    assert len(cache) == 6
    assert cache.k.untyped_storage().nbytes() == 2 * 2 * 4 * 8  # two positions, not a view of a longer tensor


@pytest.mark.parametrize("window", [1, 2, 5, 6, 23, 40])
@pytest.mark.parametrize("pieces", [[1] * 23, [7, 1, 15], [23]])
def test_a_layer_with_a_window_is_the_same_with_a_cache_and_under_its_mask(window, pieces):
    torch.manual_seed(0)
    layer = MultiHeadAttention(8, 2, n_kv_head=1, window=window, rotary=Rotary(23, 4)).double()
    x = randn(2, 23, 8)
    whole = layer(x)
    explicit, weights = layer.explicit(x)
    torch.testing.assert_close(whole, explicit)
    assert torch.equal(weights > 0, causal_mask(23, window=window).expand_as(weights))
    cache = KVCache(window)
    torch.testing.assert_close(torch.cat([layer(piece, cache) for piece in x.split(pieces, dim=1)], dim=1), whole)
    assert (len(cache), cache.k.shape[-2]) == (23, min(23, window - 1) if window <= 23 else 23)


@pytest.mark.parametrize(("window", "keys"), [(5, [5, 10]), (6, [20]), (None, [20])])
def test_a_sequence_of_four_windows_is_computed_in_blocks(window, keys):
    """The kernel is then called for the first block, and for all others with the keys of two."""
    layer = MultiHeadAttention(8, 2, window=window)
    seen = []
    kernel = torch.nn.functional.scaled_dot_product_attention
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.nn.functional,
            "scaled_dot_product_attention",
            lambda q, k, v, **options: seen.append(k.shape[-2]) or kernel(q, k, v, **options),
        )
        layer(torch.randn(1, 20, 8))
    assert seen == keys


def test_attention_weights_are_those_of_evaluation_and_leave_the_model_as_it_was():
    model = GPT(GPTConfig(vocab_size=5, block_size=5, n_layer=2, n_head=2, d_model=8, dropout=0.5)).train()
    weights = attention_weights(model, torch.arange(5)[None])
    assert weights.shape == (2, 1, 2, 5, 5)
    assert model.training
    assert not any(block.attention._forward_pre_hooks for block in model.blocks)
    assert not weights.requires_grad
    assert torch.equal(weights, attention_weights(model.eval(), torch.arange(5)[None]))


def test_attention_maps_refuse_a_sequence_that_continues_a_cache():
    """The map of the new tokens alone would lack the columns of the cached keys."""
    model = GPT(GPTConfig(vocab_size=5, block_size=6, n_layer=1, n_head=1, d_model=4)).eval()
    ids = torch.arange(5)[None]
    cache = model.new_cache()
    first = attention_maps(model, ids[:, :3], cache)["blocks.0.attention"]
    assert torch.equal(first, attention_weights(model, ids[:, :3])[0])
    with pytest.raises(ValueError, match="3 positions are in the cache"):
        attention_maps(model, ids[:, 3:], cache)
    assert model(ids[:, 3:], cache).shape == (1, 2, 5)  # the hooks are gone


@pytest.mark.parametrize("p", [0.1, 0.15, 0.5, 0.9])
def test_dropout_keeps_each_entry_with_its_probability_and_the_mean(p):
    torch.manual_seed(0)
    n = 40_003  # the last draw decides on three entries
    dropped = torch.stack([Dropout(p)(torch.ones(n, dtype=torch.float64)) == 0 for _ in range(4)])
    error = 4 * math.sqrt(p * (1 - p) / n)
    for part in range(4):  # of a draw
        assert dropped[:, part::4].double().mean().item() == pytest.approx(p, abs=error)
    both = (dropped[:, :-1] & dropped[:, 1:]).double().mean().item()  # neighbors are independent
    assert both == pytest.approx(p * p, abs=error)
    assert (dropped[0] & dropped[1]).double().mean().item() == pytest.approx(p * p, abs=2 * error)
    kept = Dropout(p)(torch.full((64,), 3.0, dtype=torch.float64))
    torch.testing.assert_close(kept[kept != 0], torch.full_like(kept[kept != 0], 3 / (1 - p)), rtol=1e-3, atol=0)


def test_dropout_has_the_limits_types_and_gradient_of_torch():
    x = randn(3, 5).requires_grad_()
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros_like(x))
    assert torch.equal(Dropout(0.5).eval()(x), x)
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        assert Dropout(0.5)(x.to(dtype)).dtype == dtype
    assert Dropout(1e-6)(torch.ones(100)).mean().item() > 0.9
    with torch.device("meta"):  # a default that is not where the input is
        assert Dropout(0.5)(x.detach()).device.type == "cpu"
    assert Dropout(0.5)(x.T).shape == (5, 3)
    assert Dropout(0.5)(x[:0]).shape == (0, 5)
    out = Dropout(0.5)(x)
    out.sum().backward()
    assert torch.equal(x.grad, torch.where(out == 0, 0.0, 2.0).to(x.dtype))
    with pytest.raises(ValueError, match=r"1\.5"):
        Dropout(1.5)


def test_attention_weights_may_have_a_dropout_of_their_own():
    torch.manual_seed(0)
    x = randn(4, 50, 64, dtype=torch.float32)
    outputs = MultiHeadAttention(64, 1, dropout=0.5, attention_dropout=0.0)
    heads = []
    outputs.output.register_forward_pre_hook(lambda module, args: heads.append(args[0]))
    assert (outputs(x) == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    outputs(x)
    assert torch.equal(*heads)  # no weight is dropped
    weights = MultiHeadAttention(64, 1, attention_dropout=0.5)
    assert not torch.equal(weights(x), weights(x))
    first = torch.stack([(weights(x[:1])[0, 0] == weights.output.bias).all() for _ in range(50)])
    assert 10 < first.sum() < 40
    assert torch.equal(weights.eval()(x), weights(x))


def test_a_mask_joins_the_causal_one_in_both_paths():
    layer = MultiHeadAttention(8, 2).double()
    x = randn(1, 4, 8)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[2:, 1] = False
    weights = layer.explicit(x, mask=mask)[1]
    assert torch.equal(weights[0, 0] > 0, mask & causal_mask(4))
    torch.testing.assert_close(layer(x, mask=mask), layer.explicit(x, mask=mask)[0])


@pytest.mark.usefixtures("untyped")
def test_a_caught_error_leaves_a_cache_as_it_was():
    torch.manual_seed(0)
    layer, x, cache = MultiHeadAttention(8, 2).double(), randn(2, 6, 8), KVCache()
    layer(x[:, :3], cache)
    for bad in (x[:1, 3:], x.repeat(2, 1, 1)[:, 3:]):  # another batch
        with pytest.raises(ValueError, match=r"the cache: it holds \(2, 2, T, 4\)"):
            layer(bad, cache)
    with pytest.raises(ValueError, match=r"new keys do not match the cache.*float64.*float32"):
        cache.append(torch.zeros(2, 2, 1, 4), torch.zeros(2, 2, 1, 4))
    with pytest.raises(ValueError, match="mask must be boolean"):
        layer(x[:, 3:], cache, mask=torch.ones(3, 6))
    assert len(cache) == 3
    torch.testing.assert_close(layer(x[:, 3:], cache), layer(x)[:, 3:])


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.ones(3, 3), "mask must be boolean, True = may attend; got torch.float32"),
        (torch.ones(3, 3, dtype=torch.long), "mask must be boolean, True = may attend; got torch.int64"),
        (torch.tensor([[1, 1, 1], [0, 0, 0], [1, 1, 1]]).bool(), "the mask leaves query 1 no key"),
        (torch.ones(4, 4, dtype=torch.bool), r"mask must broadcast to \(B, H, T, S\) = \(2, 2, 3, 3\), got \(4, 4\)"),
        (torch.ones(5, 1, 3, 3, dtype=torch.bool), r"mask must broadcast to .*, got \(5, 1, 3, 3\)"),
    ],
)
def test_both_paths_refuse_a_mask_that_does_not_fit(causal, mask, message):
    layer, x = MultiHeadAttention(8, 2, causal=causal).double(), randn(2, 3, 8)
    for path in (layer, layer.explicit):
        with pytest.raises(ValueError, match=message):
            path(x, mask=mask)


def test_a_mask_that_leaves_only_later_keys_is_refused_in_causal_attention():
    mask = torch.tensor([[False, True, True], [True, True, True], [True, True, True]])
    layer, x = MultiHeadAttention(8, 2).double(), randn(2, 3, 8)
    for path in (layer, layer.explicit):
        with pytest.raises(ValueError, match="the mask leaves query 0 no key"):
            path(x, mask=mask)


@torch.no_grad()
def test_explicit_equals_forward_in_half_precision_where_scores_overflow():
    layer = MultiHeadAttention(8, 1).half().eval()
    x = 300 * torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0)).half()
    for name in ("query", "key"):
        torch.nn.init.eye_(getattr(layer, name).weight)
    output, weights = layer.explicit(x)
    assert weights.isfinite().all()
    torch.testing.assert_close(output, layer(x), rtol=2e-3, atol=2e-1)
