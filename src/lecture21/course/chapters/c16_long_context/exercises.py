"""Exercises of chapter 16: a decoding step with a cache, its memory, and a sliding window."""

import math
import random
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from lecture21.course.exercises.exercise import Case, Exercise, normal

# 16.1


def _decode_step(x, keys, values, w_query, w_key, w_value):
    """Return the output for one new token, and all keys and values, its own included.

    `x` of shape (C,) is the vector of the new token. `keys` (S, D) and `values` (S, Dv) belong to
    the S >= 0 tokens before it, the oldest first. `w_query`, `w_key` and `w_value` have the shapes
    (D, C), (D, C) and (Dv, C). The new token attends to all S + 1 tokens; scores are divided by the
    square root of D. Return the output (Dv,), the keys (S + 1, D) and the values (S + 1, Dv), all
    of the dtype of `x`, and do not modify the arguments.
    """
    q, k, v = w_query @ x, w_key @ x, w_value @ x
    keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    weights = (keys @ q / math.sqrt(len(q))).softmax(dim=-1)  # (S + 1,)
    return weights @ values, keys, values


def _step_cases(rng: random.Random) -> list[Case]:
    def case(s: int, c: int, d: int, e: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
        shapes = ((c,), (s, d), (s, e), (d, c), (d, c), (e, c))
        return tuple(normal(rng, *shape, dtype=dtype) for shape in shapes)

    s, c = rng.randint(3, 5), rng.randint(7, 9)
    return [
        Case(case(0, 2, 2, 2), "an empty cache"),
        Case(case(1, 4, 4, 4), "one token in the cache"),
        Case(case(s, c, 3, 5), f"{s} tokens in the cache, C = {c}, D = 3, E = 5"),
        Case(case(4, 3, 6, 2, torch.float64), "float64"),
    ]


_STEP = Exercise(
    number="16.1",
    name="decode_step",
    title="one decoding step with a cache",
    solution=_decode_step,
    cases=_step_cases,
    properties=(
        (
            "the first S keys and values must be those of the cache, in their order",
            lambda arguments, result: all(
                torch.equal(new[:-1], old) for new, old in zip(result[1:], arguments[1:3], strict=True)
            ),
        ),
    ),
    returns=("the output", "the keys", "the values"),
)

_STEP.wrong_lines(
    "attends before appending",
    """
    - keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    - return weights @ values, keys, values
    + return weights @ values, torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    """,
    hint="your keys and values are right, but the new token attends to earlier ones only. Append first, then attend.",
)

_STEP.wrong_lines(
    "without the scale",
    """
    - weights = (keys @ q / math.sqrt(len(q))).softmax(dim=-1)
    + weights = (keys @ q).softmax(dim=-1)
    """,
    hint="your keys and values are right, but the scores are not divided by the square root of D.",
)

_STEP.wrong_lines(
    "scaled by the width of the model",
    """
    - weights = (keys @ q / math.sqrt(len(q))).softmax(dim=-1)
    + weights = (keys @ q / math.sqrt(len(x))).softmax(dim=-1)
    """,
    hint="you divide by the square root of C, the width of the token. How wide are the two vectors in a score?",
)

_STEP.wrong_lines(
    "scaled by the number of keys",
    """
    - weights = (keys @ q / math.sqrt(len(q))).softmax(dim=-1)
    + weights = (keys @ q / math.sqrt(len(keys))).softmax(dim=-1)
    """,
    hint="you divide by the square root of the number of keys, so the weights depend on the length of the text.",
)

_STEP.wrong_lines(
    "prepended",
    """
    - keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    + keys, values = torch.cat([k[None], keys]), torch.cat([v[None], values])
    """,
    hint="the output is right, but the new key and value come first. Where does the newest token belong?",
)

_STEP.wrong_lines(
    "replaced",
    """
    - keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    + keys, values = k[None], v[None]
    """,
    hint="your result has one key and one value. What happens to those in the cache?",
)

_STEP.wrong_lines(
    "stores the query",
    """
    - keys, values = torch.cat([keys, k[None]]), torch.cat([values, v[None]])
    + keys, values = torch.cat([keys, q[None]]), torch.cat([values, v[None]])
    """,
    hint="the last row of your keys is the query of the new token. Which matrix computes a key?",
)

_STEP.wrong_lines(
    "without transpose",
    """
    - q, k, v = w_query @ x, w_key @ x, w_value @ x
    + q, k, v = x @ w_query, x @ w_key, x @ w_value
    """,
    hint="the shapes fit only if keys are as wide as x. A feature is the product of x with a row of its matrix.",
)


@_STEP.mistake(
    hint="your output is the value of the first token. With one query, is_causal=True allows the first key only. "
    "Does the newest token need a mask?",
)
def _causal_mask_aligned_with_the_first_key(x, keys, values, w_query, w_key, w_value):
    keys, values = torch.cat([keys, (w_key @ x)[None]]), torch.cat([values, (w_value @ x)[None]])
    query = (w_query @ x)[None, None]
    out = F.scaled_dot_product_attention(query, keys[None], values[None], is_causal=True)
    return out[0, 0], keys, values


# 16.2


def _stale_layers(keys_of, x):
    """Return the set of layers, counted from 1, whose cached keys the last token makes wrong.

    `keys_of` maps token vectors (T, C) to a list with the keys of each layer, T rows each. The
    cache holds the keys of the first T - 1 >= 1 tokens, computed without the last one. A layer is
    stale if one of these keys changes when all T tokens are processed. Ignore differences up to
    1e-5, which may be rounding, and do not modify `x`.
    """
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if (new[:-1] - old).abs().max() > 1e-5}


def _keys_of_a_stack(weights: Tensor, masked: tuple[bool, ...], x: Tensor) -> list[Tensor]:
    """Return the keys of each layer of a stack of attention layers; in some of them, attention is causal."""
    mask, keys = torch.ones(len(x), len(x), dtype=torch.bool).tril(), []
    for w_key, causal in zip(weights, masked, strict=True):
        k = x @ w_key.T
        keys.append(k)
        scores = x @ k.T / math.sqrt(x.shape[1])
        scores = scores.masked_fill(~mask, -math.inf) if causal else scores
        x = x + scores.softmax(dim=-1) @ x
    return keys


def _with_rounding(x: Tensor) -> list[Tensor]:
    """Return the keys of three layers; the second has a rounding error that depends on the number of tokens."""
    return [x, x + 8e-6 * len(x), 2 * x]


def _in_another_order(x: Tensor) -> list[Tensor]:
    """Return the keys of two layers; in the second, the order of the components depends on the number of tokens."""
    return [x, x.roll(len(x), dims=1)]


def _adds(place: slice, change: tuple[float, ...], x: Tensor) -> list[Tensor]:
    """Return the keys of three layers; those at `place` in the second change by a positive multiple of `change`."""
    changed = x.clone()
    changed[place] += torch.tensor(change) * x.square().sum()
    return [x, changed, 2 * x]


def _positions_from_the_end(x: Tensor) -> list[Tensor]:
    """Return the keys of two layers; in the second, they depend on the number of later tokens."""
    return [x, x - 0.1 * torch.arange(len(x) - 1, -1, -1)[:, None]]


def _stale_cases(rng: random.Random) -> list[Case]:
    def stack(t: int, *masked: bool) -> tuple[object, Tensor]:
        c = rng.randint(3, 5)
        # Small weights, so that every token has a share in every sum.
        weights = 0.2 * normal(rng, len(masked), c, c)
        return partial(_keys_of_a_stack, weights, masked), normal(rng, t, c)

    def change(text: str, place: slice, size: tuple[float, ...]) -> Case:
        x = torch.cat([torch.tensor([[0.0, 1, 0]]), normal(rng, 3, 3)])
        return Case((partial(_adds, place, size), x / x.norm(dim=1, keepdim=True)), text)

    t = rng.randint(5, 7)
    return [
        # An error of 8e-6 is more than any part of a key of 0, and changes the fourth digit of one near 5e-5.
        Case(
            (_with_rounding, torch.tensor([[0.0, 3.9e-5], [0.7, -0.3]])), "differences of 8e-6, which may be rounding"
        ),
        Case(stack(3, True, True, True), "three causal layers"),
        Case(stack(4, False, False, False), "three layers without a mask"),
        Case(stack(t, True, False, True, True), "four layers, the second without a mask"),
        Case(stack(t, True, True, False), "three layers, the last without a mask"),
        change("a layer in which all keys increase", slice(None), (0.3, 0.3, 0.3)),
        change("a layer in which all keys decrease", slice(None), (-0.3, -0.3, -0.3)),
        change("a layer in which the first key changes", slice(1), (0.5, -0.5, 0.5)),
        change("a layer in which the last cached key changes", slice(2, 3), (0.5, -0.5, 0.5)),
        change("a layer in which two components change", slice(None), (0.0, 0.4, -0.4)),
        change("a layer whose keys change by about 1e-4", slice(None), (1e-4, -1e-4, 1e-4)),
        change("a layer in which a single number changes, by 4e-5", slice(1), (0.0, 4e-5, 0.0)),
        Case((_in_another_order, normal(rng, 4, 3)), "a layer in which the components change places"),
        Case((_positions_from_the_end, normal(rng, 4, 3)), "a layer that counts positions from the end of the text"),
    ]


_STALE = Exercise(
    number="16.2",
    name="stale_layers",
    title="where a cache becomes wrong",
    solution=_stale_layers,
    cases=_stale_cases,
)


@_STALE.mistake(hint="your layers are counted from 0, as `enumerate` does by default.")
def _counted_from_0(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True))
    return {n for n, (old, new) in pairs if (new[:-1] - old).abs().max() > 1e-5}


@_STALE.mistake(
    hint="the complete pass has a key for each of T tokens, and the cache one fewer. Which of them can you compare?"
)
def _all_rows(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if (new - old).abs().max() > 1e-5}


@_STALE.mistake(
    hint="you compare the keys of different tokens. Which row of the complete pass does the last token have?"
)
def _aligned_at_the_end(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if (new[1:] - old).abs().max() > 1e-5}


@_STALE.mistake(hint="your set contains the layers that remain exact. Is it the other ones that are asked for?")
def _the_exact_ones(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if (new[:-1] - old).abs().max() <= 1e-5}


@_STALE.mistake(hint="you test for equality to the last bit. Differences up to 1e-5 may be rounding.")
def _to_the_last_bit(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if not torch.equal(old, new[:-1])}


@_STALE.mistake(hint="you compare the newest key of the cache only. The earlier ones can change too.")
def _newest_key_only(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if (new[-2] - old[-1]).abs().max() > 1e-5}


@_STALE.mistake(hint="your function ends at the first stale layer. Do later layers remain exact?")
def _the_first_one_only(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    for n, (old, new) in pairs:
        if (new[:-1] - old).abs().max() > 1e-5:
            return {n}
    return set()


@_STALE.mistake(hint="your set misses a layer whose keys decrease. A difference can be negative; how large is it then?")
def _without_abs(keys_of, x):
    cached, complete = keys_of(x[:-1]), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if (new[:-1] - old).max() > 1e-5}


@_STALE.mistake(hint="you compare two texts of the same length. The cache was computed without the last token.")
def _another_last_token(keys_of, x):
    cached, complete = keys_of(torch.cat([x[:-1], x[:1] + 1])), keys_of(x)
    pairs = enumerate(zip(cached, complete, strict=True), start=1)
    return {n for n, (old, new) in pairs if (new[:-1] - old[:-1]).abs().max() > 1e-5}


# 16.3


def _cache_bytes(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    """Return the number of bytes of the cached keys and values of one text with `n_token` tokens.

    Each of the `n_layer` layers has `n_head` query heads of width d_model / n_head, and `n_kv_head`
    heads of keys and values of the same width. Every number takes `bits` bits. The result is an
    integer.
    """
    return 2 * n_layer * n_kv_head * (d_model // n_head) * n_token * bits // 8


def _bytes_cases(rng: random.Random) -> list[Case]:
    def case(n_layer: int, n_head: int, group: int, width: int, n_token: int, bits: int) -> Case:
        arguments = (n_layer, n_head * width, n_head, n_head // group, n_token, bits)
        return Case(arguments, f"arguments {arguments}")

    return [
        case(1, 1, 1, 4, 1, 16),
        case(rng.randint(3, 9), 4, 1, 16, rng.randint(20, 90), 16),
        case(rng.randint(3, 9), 8, 4, 32, rng.randint(200, 900), 16),
        case(rng.randint(10, 40), 6, 6, 64, rng.randint(200, 900), 4),
        case(rng.randint(3, 9), 4, 2, 16, rng.randint(200, 900), 8),
        case(rng.randint(10, 40), 12, 3, 64, 1024, 32),
        Case(case(rng.randint(3, 9), 8, 2, 32, 100, 16).arguments[:-1], "the default of 16 bits"),
    ]


_BYTES = Exercise(
    number="16.3",
    name="cache_bytes",
    title="the memory of a cache",
    solution=_cache_bytes,
    cases=_bytes_cases,
)


@_BYTES.mistake(hint="your result is half of the right one. What does a layer cache besides the keys?")
def _keys_only(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return n_layer * n_kv_head * (d_model // n_head) * n_token * bits // 8


@_BYTES.mistake(
    hint="your result is 3/2 of the right one, as if queries were cached. Does any later token need an earlier query?"
)
def _queries_too(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 3 * n_layer * n_kv_head * (d_model // n_head) * n_token * bits // 8


@_BYTES.mistake(hint="your result does not depend on n_layer. Can two layers share their keys?")
def _one_layer(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_kv_head * (d_model // n_head) * n_token * bits // 8


@_BYTES.mistake(hint="your result does not depend on n_kv_head. How many heads of keys does a layer compute?")
def _all_heads(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * d_model * n_token * bits // 8


@_BYTES.mistake(hint="each of your heads is as wide as the model. How wide is one of n_head heads?")
def _heads_as_wide_as_the_model(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * n_kv_head * d_model * n_token * bits // 8


@_BYTES.mistake(hint="your result is in bits. How many of them are a byte?")
def _in_bits(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * n_kv_head * (d_model // n_head) * n_token * bits


@_BYTES.mistake(hint="your result does not depend on bits, which is 16 only by default.")
def _always_16_bits(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 4 * n_layer * n_kv_head * (d_model // n_head) * n_token


@_BYTES.mistake(hint="right unless a number takes less than a byte. What is 4 // 8?")
def _bytes_of_each_number(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * n_kv_head * (d_model // n_head) * n_token * (bits // 8)


@_BYTES.mistake(
    hint="your result grows with the square of n_token, as a table of scores does. Is the cache such a table?"
)
def _quadratic(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * n_kv_head * (d_model // n_head) * n_token**2 * bits // 8


# 16.4


def _window_mask(n, window):
    """Return the causal mask of a sliding window for n tokens: dtype bool, shape (n, n).

    Entry (i, j) is True if query i may attend to key j. A query attends to at most `window` keys:
    its own token and the `window` - 1 tokens before it. `window` may exceed n.
    """
    return torch.ones(n, n, dtype=torch.bool).tril().triu(1 - window)


_WINDOW = Exercise(
    number="16.4",
    name="window_mask",
    title="a sliding window",
    solution=_window_mask,
    cases=lambda rng: [
        Case((n, window), f"n = {n}, window = {window}")
        for n, window in ((1, 1), (4, 1), (5, 2), (rng.randint(7, 9), rng.randint(3, 5)), (3, rng.randint(6, 9)))
    ],
    properties=(
        ("each token must be allowed to attend to itself", lambda arguments, mask: bool(mask.diagonal().all())),
        ("no token may attend to a later one", lambda arguments, mask: not mask.triu(1).any()),
        (
            "no query may attend to more than `window` keys",
            lambda arguments, mask: int(mask.sum(dim=1).max()) <= arguments[1],
        ),
    ),
)


@_WINDOW.mistake(hint="a query attends to window + 1 keys. Its own token is one of the `window` keys.")
def _one_too_many(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril().triu(-window)


@_WINDOW.mistake(hint="each query attends to the `window` tokens before it, and not to itself.")
def _before_the_query(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril(-1).triu(-window)


@_WINDOW.mistake(hint="your window extends to both sides. May a query attend to later tokens?")
def _both_sides(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril(window - 1).triu(1 - window)


@_WINDOW.mistake(hint="your mask does not depend on the window: the last query attends to every token.")
def _without_a_window(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril()


@_WINDOW.mistake(
    hint="your window starts at the query and extends to later tokens. Which side of the diagonal is the past?"
)
def _forward(n, window):
    return torch.ones(n, n, dtype=torch.bool).triu().tril(window - 1)


@_WINDOW.mistake(hint="your mask is True where attention is forbidden. Here True means allowed.")
def _forbidden(n, window):
    return ~torch.ones(n, n, dtype=torch.bool).tril().triu(1 - window)


@_WINDOW.mistake(
    hint="your mask cuts the text into blocks of `window` tokens. The window of a query ends at the query itself."
)
def _blocks(n, window):
    block = torch.arange(n) // window
    return (block[:, None] == block).tril()


@_WINDOW.mistake(hint="the entries are right, but they are floats. Which dtype holds True and False?")
def _floats(n, window):
    return torch.ones(n, n).tril().triu(1 - window)
