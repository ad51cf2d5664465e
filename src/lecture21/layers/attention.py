"""Self-attention: first without matrices, then with queries, keys and values, then masked, then in a window.

Each idea is a plain function; `SelfAttention` only holds the three weight matrices of the slides.
Multi-head attention and its kernels are in `lecture21.layers`.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lecture21._support.contract import Count, Natural, Rate, checked
from lecture21._support.tensors import require_mask


@checked
def basic_self_attention(
    x: Float[Tensor, "*B T C"],
) -> tuple[Float[Tensor, "*B T C"], Float[Tensor, "*B T T"]]:
    """Replace each vector by an average of all vectors, weighted by similarity (slide 6).

    There are no parameters: w_ij = softmax_j(x_i . x_j) and out_i = sum_j w_ij x_j.

    Args:
        x: T vectors of width C, with any leading batch dimensions.

    Returns:
        The outputs, and the weights w: row i holds the weight of each token j in output i. Rows sum to 1.

    Source: slide 6; Raschka & Mirjalili, Python Machine Learning, 3rd ed., chapter 16.
    """
    scores = x @ x.transpose(-2, -1)  # (*B, T, T): all dot products
    weights = scores.softmax(dim=-1)
    return weights @ x, weights


@checked
def causal_mask(
    n_query: Count,
    n_key: Count | None = None,
    *,
    window: Count | None = None,
    n_prefix: Natural = 0,
    device: torch.device | str | None = None,
) -> Bool[Tensor, "T S"]:
    """Return which keys each query may attend to: its own position and all earlier ones (slide 20).

    True = may attend, as in `F.scaled_dot_product_attention`; `nn.MultiheadAttention` uses the opposite convention.
    With more keys than queries, the queries are the *last* positions, as they are when earlier keys come from a cache.
    A forward pass without windows and cache does not call this function: `MultiHeadAttention.forward` lets the kernel
    mask (`is_causal`).

    Args:
        n_query: number of queries T, at least 1.
        n_key: number of keys S, at least T; T if not given.
        window: number of positions that a query attends to, its own included; all earlier ones if not given
            (Child et al. 2019, "local" attention; Jiang et al. 2023, section 2).
        n_prefix: number of first positions that all attend to each other (Raffel et al. 2020, section 3.2.1,
            "prefix LM").
        device: device of the mask.
    """
    n_key = n_query if n_key is None else n_key
    if n_key < n_query:
        raise ValueError(f"n_key must be at least n_query, got n_query={n_query} and n_key={n_key}")
    if n_prefix > n_key:
        raise ValueError(f"n_prefix must be at most the number of keys, {n_key}, got {n_prefix}")
    offset = n_key - n_query  # position of the first query
    mask = torch.ones(n_query, n_key, dtype=torch.bool, device=device).tril(offset)
    if window is not None:
        mask = mask.triu(offset - window + 1)
    mask[: max(n_prefix - offset, 0), :n_prefix] = True
    return mask


@checked
def attention(
    q: Float[Tensor, "*B T D"],
    k: Float[Tensor, "*B S D"],
    v: Float[Tensor, "*B S Dv"],
    mask: Bool[Tensor, "*#B #T #S"] | None = None,
) -> tuple[Float[Tensor, "*B T Dv"], Float[Tensor, "*B T S"]]:
    """Scaled dot-product attention: softmax(q k^T / sqrt(d_k)) v, and the weights.

    The slide's formula lacks the factor 1/sqrt(d_k); without it the variance of a score grows with d_k, and the
    softmax saturates.

    Args:
        q: T queries.
        k: S keys, as wide as the queries.
        v: S values.
        mask: True where a query may attend to a key; every query attends to every key if not given.

    Returns:
        The outputs, and the weights (rows = query, columns = key; rows sum to 1).

    Source: slide 8; Vaswani et al. 2017, equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (*B, T, S)
    if mask is not None:
        require_mask(mask)
        # -inf before the softmax, not 0 after it: the rest of the row must still sum to 1.
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


@checked
def windowed_attention(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B H T D"],
    v: Float[Tensor, "B H T Dv"],
    window: Count,
    *,
    dropout: Rate = 0.0,
) -> Float[Tensor, "B H T Dv"]:
    """Causal attention in a window, computed in blocks: the work grows with T W instead of T squared.

    The sequence is cut into blocks of W positions. A query attends to keys of its own block and of the one before, so
    that each block of W queries is multiplied with 2 W keys, W of them masked for each query. The result equals
    `attention` with `causal_mask(T, window=window)`, up to rounding.

    Args:
        q: queries of T positions.
        k: keys of the same positions.
        v: values of the same positions.
        window: number W of positions that a query attends to, its own included; from T on, all earlier ones.
        dropout: probability of dropping a weight.

    Source: Jiang et al. 2023, section 2 (sliding window attention); Beltagy et al. 2020 use such blocks.
    """
    n_token = q.shape[-2]
    if window >= n_token:
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
    n_block = math.ceil(n_token / window)
    n_fill = n_block * window - n_token  # padding at the end, which no real query attends to
    filled = (torch.cat([x, x.new_zeros(*x.shape[:2], n_fill, x.shape[-1])], dim=-2) for x in (q, k, v))
    q, k, v = (x.unflatten(-2, (n_block, window)) for x in filled)  # (B, H, N, W, D)
    first = F.scaled_dot_product_attention(q[:, :, 0], k[:, :, 0], v[:, :, 0], dropout_p=dropout, is_causal=True)
    # Each later block, with the keys of the block before and its own. The fused kernel needs four dimensions.
    k, v = (torch.cat([x[:, :, :-1], x[:, :, 1:]], dim=-2).flatten(0, 1) for x in (k, v))  # (B H, N-1, 2W, D)
    mask = causal_mask(window, 2 * window, window=window, device=q.device)
    later = F.scaled_dot_product_attention(q[:, :, 1:].flatten(0, 1), k, v, attn_mask=mask, dropout_p=dropout)
    later = later.unflatten(0, first.shape[:2]).flatten(2, 3)  # (B, H, (N-1) W, Dv)
    return torch.cat([first, later], dim=-2)[:, :, :n_token]


class SelfAttention(nn.Module):
    """One head of learnable self-attention with the slide's W^q, W^k and W^v (slides 7 and 8).

    Args:
        d_in: width of the input vectors.
        d_k: width of queries and keys.
        d_v: width of values; d_k if not given.
    """

    @checked
    def __init__(self, d_in: Count, d_k: Count, d_v: Count | None = None):
        super().__init__()
        d_v = d_k if d_v is None else d_v
        # nn.Linear stores one row per output and computes x W^T, which is the slide's W x_i for all i.
        self.query = nn.Linear(d_in, d_k, bias=False)
        self.key = nn.Linear(d_in, d_k, bias=False)
        self.value = nn.Linear(d_in, d_v, bias=False)

    @checked
    def forward(
        self, x: Float[Tensor, "*B T C"], mask: Bool[Tensor, "*#B #T #T"] | None = None
    ) -> tuple[Float[Tensor, "*B T Dv"], Float[Tensor, "*B T T"]]:
        """Return outputs and attention weights; `mask` as in `attention`."""
        if x.shape[-1] != self.query.in_features:
            raise ValueError(f"x must have vectors of width {self.query.in_features}, got {tuple(x.shape)}")
        return attention(self.query(x), self.key(x), self.value(x), mask)
