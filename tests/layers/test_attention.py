import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lecture21.attention import SelfAttention, attention, basic_self_attention, causal_mask, windowed_attention

sizes = st.integers(1, 6)


def randn(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@given(t=sizes, c=sizes, seed=st.integers(0, 99))
def test_basic_attention_is_the_softmax_of_dot_products(t, c, seed):
    x = randn(t, c, seed=seed)
    out, weights = basic_self_attention(x)
    for i in range(t):
        exponentials = [math.exp(x[i] @ x[j]) for j in range(t)]
        row = torch.tensor([e / sum(exponentials) for e in exponentials], dtype=x.dtype)
        torch.testing.assert_close(weights[i], row)
        torch.testing.assert_close(out[i], sum(row[j] * x[j] for j in range(t)))


@given(t=sizes, c=sizes, seed=st.integers(0, 99))
def test_basic_attention_is_permutation_equivariant(t, c, seed):
    x = randn(t, c, seed=seed)
    order = torch.randperm(t, generator=torch.Generator().manual_seed(seed))
    out, weights = basic_self_attention(x)
    shuffled_out, shuffled_weights = basic_self_attention(x[order])
    torch.testing.assert_close(shuffled_out, out[order])
    torch.testing.assert_close(shuffled_weights, weights[order][:, order])


def test_basic_attention_takes_any_batch_dimensions():
    x = randn(2, 3, 4, 5)
    out, weights = basic_self_attention(x)
    assert out.shape == (2, 3, 4, 5)
    assert weights.shape == (2, 3, 4, 4)
    torch.testing.assert_close(out[1, 2], basic_self_attention(x[1, 2])[0])


def test_causal_mask_is_lower_triangular_true_where_attending_is_allowed():
    expected = torch.tensor([[1, 0, 0], [1, 1, 0], [1, 1, 1]], dtype=torch.bool)
    assert torch.equal(causal_mask(3), expected)


@given(n_query=sizes, extra=st.integers(0, 4))
def test_causal_mask_with_cached_keys_is_the_last_rows_of_the_square_mask(n_query, extra):
    assert torch.equal(causal_mask(n_query, n_query + extra), causal_mask(n_query + extra)[extra:])


@given(n_query=sizes, extra=st.integers(0, 4), window=sizes, prefix=st.integers(0, 4))
def test_windows_and_prefixes_follow_their_definitions(n_query, extra, window, prefix):
    n_key = n_query + extra
    prefix = min(prefix, n_key)
    mask = causal_mask(n_query, n_key, window=window, n_prefix=prefix)
    for i in range(n_query):
        for s in range(n_key):
            t = extra + i
            assert mask[i, s] == (t - window < s <= t or max(s, t) < prefix)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_torch_in_value_and_gradient(dtype, masked):
    q, k, v = (randn(2, 3, *shape, seed=i, dtype=dtype) for i, shape in enumerate([(4, 5), (6, 5), (6, 7)]))
    mask = causal_mask(4, 6) if masked else None
    ours, published = ([t.clone().requires_grad_() for t in (q, k, v)] for _ in range(2))
    out, weights = attention(*ours, mask)
    reference = F.scaled_dot_product_attention(*published, attn_mask=mask)
    torch.testing.assert_close(out, reference)
    probe = randn(*out.shape, seed=9, dtype=dtype)
    (out * probe).sum().backward()
    (reference * probe).sum().backward()
    for a, b in zip(ours, published, strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
    if masked:
        assert (weights[..., ~mask] == 0).all()


@given(t=st.integers(1, 23), window=st.integers(1, 25), seed=st.integers(0, 99))
def test_attention_in_blocks_is_attention_under_the_mask_of_its_window_in_value_and_gradient(t, window, seed):
    shapes = [(2, 3, t, 4), (2, 3, t, 4), (2, 3, t, 5)]
    blocks, masked = (
        [randn(*shape, seed=seed + i).requires_grad_() for i, shape in enumerate(shapes)] for _ in range(2)
    )
    out = windowed_attention(*blocks, window)
    reference, _ = attention(*masked, causal_mask(t, window=window))
    torch.testing.assert_close(out, reference, rtol=1e-12, atol=1e-12)
    probe = randn(*out.shape, seed=seed + 9)
    (out * probe).sum().backward()
    (reference * probe).sum().backward()
    for a, b in zip(blocks, masked, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-12, atol=1e-12)


def test_attention_in_blocks_applies_dropout_only_if_given():
    q, k, v = (randn(1, 2, 12, 4, seed=i) for i in range(3))
    torch.manual_seed(0)
    dropped = windowed_attention(q, k, v, 3, dropout=0.5)
    assert not torch.allclose(dropped, windowed_attention(q, k, v, 3))
    # A query that attends only to itself outputs twice its value, or 0.
    alone = windowed_attention(q, k, v, 1, dropout=0.5)
    assert ((alone - 2 * v).abs() < 1e-12).logical_or(alone == 0).all()


def test_a_window_needs_a_key_for_each_query(untyped):
    q, k = randn(1, 1, 3, 2), randn(1, 1, 4, 2)
    with pytest.raises(
        ValueError,
        match=r"k must be floating-point numbers of shape \(B, H,.* got torch\.float64 of shape \(1, 1, 4, 2\)",
    ):
        windowed_attention(q, k, k, 8)


def test_attention_names_the_query_that_has_no_key():
    q = randn(2, 3, 4)
    mask = torch.ones(2, 3, 3, dtype=torch.bool)
    mask[1, 2] = False
    with pytest.raises(ValueError, match="query 1, 2 no key"):
        attention(q, q, q, mask)


def test_self_attention_is_the_slide_s_column_convention():
    layer = SelfAttention(4, 3, 2).double()
    x = randn(5, 4)
    q, k, v = (
        torch.stack([weight @ x[i] for i in range(5)])  # W x_i, one column vector at a time
        for weight in (layer.query.weight, layer.key.weight, layer.value.weight)
    )
    out, weights = layer(x)
    reference_out, reference_weights = attention(q, k, v)
    torch.testing.assert_close(out, reference_out)
    torch.testing.assert_close(weights, reference_weights)
    assert sum(p.numel() for p in layer.parameters()) == 4 * 3 + 4 * 3 + 4 * 2
