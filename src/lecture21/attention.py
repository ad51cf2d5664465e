"""Self-attention, first without a single weight, then with queries, keys and values, then masked, then in a window.

Each idea is a plain function; `SelfAttention` only holds the three weight matrices of the slides.
Several heads at once, and which kernel computes them, live in `lecture21.layers`.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn


def basic_self_attention(
    x: Float[Tensor, "*B T C"],
) -> tuple[Float[Tensor, "*B T C"], Float[Tensor, "*B T T"]]:
    """Mix every vector with every other one, weighted by how similar they are (slide 6).

    There is nothing to learn here: w_ij = softmax_j(x_i . x_j) and out_i = sum_j w_ij x_j.

    Args:
        x: T vectors of width C, with any batch dimensions in front.

    Returns:
        The mixed vectors, and the weights: row i says what token i took from each token j. Rows sum to 1.

    Source: slide 6; Raschka & Mirjalili, Python Machine Learning, 3rd ed., chapter 16.
    """
    scores = x @ x.transpose(-2, -1)  # (*B, T, T): every dot product
    weights = scores.softmax(dim=-1)
    return weights @ x, weights


def causal_mask(
    n_query: int,
    n_key: int | None = None,
    *,
    window: int | None = None,
    prefix: int = 0,
    device: torch.device | str | None = None,
) -> Bool[Tensor, "T S"]:
    """Say which keys each query may attend to: its own position and everything before (slide 20).

    True = may attend, as in `F.scaled_dot_product_attention` (`nn.MultiheadAttention` has it the other way round).
    With more keys than queries, the queries are the *last* positions,
    as they are when earlier keys come from a cache.

    Args:
        n_query: number of queries T, at least 1.
        n_key: number of keys S, at least T; T if not given.
        window: how far back a query sees: its own position and the `window` - 1 before it; to the first one if not
            given (Child et al. 2019, "local" attention; Jiang et al. 2023, section 2).
        prefix: the first so many positions are known as a whole before anything is written, and see each other,
            whatever lies before or after whom (Raffel et al. 2020, section 3.2.1, "prefix LM").
        device: where the mask is made.

    Raises:
        ValueError: where some query would be left with no key at all, or the prefix does not fit the keys.
    """
    n_key = n_query if n_key is None else n_key
    if n_query < 1 or n_key < n_query:
        raise ValueError(f"causal_mask needs 1 <= n_query <= n_key, got n_query={n_query}, n_key={n_key}")
    if window is not None and window < 1:
        raise ValueError(f"window must be >= 1, a query sees at least itself; got {window}")
    if not 0 <= prefix <= n_key:
        raise ValueError(f"prefix must be between 0 and the number of keys, {n_key}, got {prefix}")
    newest = n_key - n_query  # the key that stands where the first query does
    mask = torch.ones(n_query, n_key, dtype=torch.bool, device=device).tril(newest)
    if window is not None:
        mask = mask.triu(newest - window + 1)
    mask[: max(prefix - newest, 0), :prefix] = True
    return mask


def attention(
    q: Float[Tensor, "*B T D"],
    k: Float[Tensor, "*B S D"],
    v: Float[Tensor, "*B S Dv"],
    mask: Bool[Tensor, "*#B T S"] | None = None,
) -> tuple[Float[Tensor, "*B T Dv"], Float[Tensor, "*B T S"]]:
    """Scaled dot-product attention: softmax(q k^T / sqrt(d_k)) v, with the weights beside the result.

    This is the slide's formula with the 1/sqrt(d_k) that it leaves out. Without it the variance of a score
    grows with d_k and the softmax saturates.

    Args:
        q: one query per position that asks.
        k: one key per position that can be asked, as wide as a query.
        v: one value per key.
        mask: True where a query may attend to a key; everything may attend to everything if not given.

    Returns:
        The mixed values, and the weights (rows = query, columns = key; rows sum to 1).

    Raises:
        ValueError: if the mask is not boolean, or leaves a query nothing to attend to: the softmax of only -inf is NaN.

    Source: slide 8; Vaswani et al. 2017, equation 1.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (*B, T, S)
    if mask is not None:
        if mask.dtype != torch.bool:
            raise ValueError(f"mask must be boolean, True = may attend; got {mask.dtype}")
        blind = ~mask.any(dim=-1)
        if blind.any():
            where = ", ".join(str(int(i)) for i in blind.nonzero()[0])
            raise ValueError(f"the mask leaves query {where} no key; each query needs at least one True in its row")
        # -inf before the softmax, not 0 after it: the rest of the row must still sum to 1.
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


def windowed_attention(
    q: Float[Tensor, "B H T D"],
    k: Float[Tensor, "B H T D"],
    v: Float[Tensor, "B H T Dv"],
    window: int,
    *,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T Dv"]:
    """Compute causal attention in a window block by block: the work grows with T W, not with T squared.

    The text is cut into blocks as long as the window. A query then sees nothing beyond its own block and the one
    before, so that each block of W queries meets 2 W keys, W of them masked for each query. The result is that of
    `attention` with `causal_mask(T, window=window)`, up to rounding, and no weight is kept.

    Args:
        q: queries of T positions, one row of them for each head.
        k: their keys, as many.
        v: their values.
        window: positions W that a query sees, itself included; at T or more it sees all that came before.
        dropout: probability of dropping a weight.

    Raises:
        ValueError: if the window is below 1, or there are not as many keys and values as queries.

    Source: Jiang et al. 2023, section 2 (sliding window attention); Beltagy et al. 2020 compute it in such blocks.
    """
    if window < 1:
        raise ValueError(f"window must be >= 1, a query sees at least itself; got {window}")
    n_token = q.shape[-2]
    if k.shape[-2] != n_token or v.shape[-2] != n_token:
        given = f"{n_token} queries, {k.shape[-2]} keys and {v.shape[-2]} values"
        raise ValueError(f"a window needs a key and a value for each query, got {given}")
    if window >= n_token:
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
    n_block = math.ceil(n_token / window)
    n_fill = n_block * window - n_token  # at the end, where no query of the text sees it
    filled = (torch.cat([x, x.new_zeros(*x.shape[:2], n_fill, x.shape[-1])], dim=-2) for x in (q, k, v))
    q, k, v = (x.unflatten(-2, (n_block, window)) for x in filled)  # (B, H, N, W, D)
    first = F.scaled_dot_product_attention(q[:, :, 0], k[:, :, 0], v[:, :, 0], dropout_p=dropout, is_causal=True)
    # Each other block with the keys of the one before and its own. The fused kernel wants four dimensions.
    k, v = (torch.cat([x[:, :, :-1], x[:, :, 1:]], dim=-2).flatten(0, 1) for x in (k, v))  # (B H, N-1, 2W, D)
    mask = causal_mask(window, 2 * window, window=window, device=q.device)
    later = F.scaled_dot_product_attention(q[:, :, 1:].flatten(0, 1), k, v, attn_mask=mask, dropout_p=dropout)
    later = later.unflatten(0, first.shape[:2]).flatten(2, 3)  # (B, H, (N-1) W, Dv)
    return torch.cat([first, later], dim=-2)[:, :, :n_token]


class SelfAttention(nn.Module):
    """One head of learnable self-attention: the slide's W^q, W^k and W^v, and nothing else (slides 7 and 8).

    Args:
        d_in: width of the input vectors.
        d_k: width of queries and keys.
        d_v: width of values; d_k if not given.
    """

    def __init__(self, d_in: int, d_k: int, d_v: int | None = None):
        super().__init__()
        d_v = d_k if d_v is None else d_v
        for name, value in {"d_in": d_in, "d_k": d_k, "d_v": d_v}.items():
            if value < 1:
                raise ValueError(f"SelfAttention needs {name} >= 1, got {value}")
        # nn.Linear stores the matrix with one row per output, so that it computes x W^T: the slide's W x_i for all i.
        self.query = nn.Linear(d_in, d_k, bias=False)
        self.key = nn.Linear(d_in, d_k, bias=False)
        self.value = nn.Linear(d_in, d_v, bias=False)

    def forward(
        self, x: Float[Tensor, "*B T C"], mask: Bool[Tensor, "*#B T T"] | None = None
    ) -> tuple[Float[Tensor, "*B T Dv"], Float[Tensor, "*B T T"]]:
        """Return the mixed values and the attention weights; `mask` as in `attention`."""
        return attention(self.query(x), self.key(x), self.value(x), mask)
