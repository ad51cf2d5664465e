"""Exercises of chapter 16: the memory of a cache, a sliding window, and positions beyond the trained ones."""

import random

import torch

from lecture21.exercises._exercise import Case, Exercise

# 16.3


def _cache_bytes(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    """Return the number of bytes of the cached keys and values of one text with `n_token` tokens.

    Each of the `n_layer` layers has `n_head` query heads of width d_model / n_head, and `n_kv_head`
    heads of keys and values of the same width. Every number takes `bits` bits.
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
        case(rng.randint(10, 40), 6, 6, 64, rng.randint(200, 900), rng.choice([4, 8])),
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


@_BYTES.mistake(
    looks="Half of the memory.",
    hint="your result is half of the right one. What does a layer cache besides the keys?",
)
def _keys_only(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return n_layer * n_kv_head * (d_model // n_head) * n_token * bits // 8


@_BYTES.mistake(
    looks="One and a half times the memory.",
    hint="your result is 3/2 of the right one, as if queries were cached. Does any later token need an earlier query?",
)
def _queries_too(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 3 * n_layer * n_kv_head * (d_model // n_head) * n_token * bits // 8


@_BYTES.mistake(
    looks="The memory of a single layer.",
    hint="your result does not depend on n_layer. Can two layers share their keys?",
)
def _one_layer(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_kv_head * (d_model // n_head) * n_token * bits // 8


@_BYTES.mistake(
    looks="Grouped heads appear to save nothing.",
    hint="your result does not depend on n_kv_head. How many heads of keys does a layer compute?",
)
def _all_heads(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * d_model * n_token * bits // 8


@_BYTES.mistake(
    looks="Too large by the number of query heads.",
    hint="each of your heads is as wide as the model. How wide is one of n_head heads?",
)
def _heads_as_wide_as_the_model(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * n_kv_head * d_model * n_token * bits // 8


@_BYTES.mistake(
    looks="Eight times the memory.",
    hint="your result is in bits. How many of them are a byte?",
)
def _in_bits(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 2 * n_layer * n_kv_head * (d_model // n_head) * n_token * bits


@_BYTES.mistake(
    looks="Right for 16 bits only; a cache at 8 bits appears to save nothing.",
    hint="your result does not depend on bits, which is 16 only by default.",
)
def _always_16_bits(n_layer, d_model, n_head, n_kv_head, n_token, bits=16):
    return 4 * n_layer * n_kv_head * (d_model // n_head) * n_token


@_BYTES.mistake(
    looks="The memory grows with the square of the length.",
    hint="your result grows with the square of n_token, as a table of scores does. Is the cache such a table?",
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


@_WINDOW.mistake(
    looks="Each row has one True too many, and with L layers the reach is too long by L.",
    hint="a query attends to window + 1 keys. Its own token is one of the `window` keys.",
)
def _one_too_many(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril().triu(-window)


@_WINDOW.mistake(
    looks="The first row has no True, so its softmax is NaN.",
    hint="each query attends to the `window` tokens before it, and not to itself.",
)
def _before_the_query(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril(-1).triu(-window)


@_WINDOW.mistake(
    looks="The mask is a band on both sides of the diagonal, so every target leaks into the input.",
    hint="your window extends to both sides. May a query attend to later tokens?",
)
def _both_sides(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril(window - 1).triu(1 - window)


@_WINDOW.mistake(
    looks="The mask is the causal mask of chapter 04, and the cache grows without a bound.",
    hint="your mask does not depend on the window: the last query attends to every token.",
)
def _without_a_window(n, window):
    return torch.ones(n, n, dtype=torch.bool).tril()


@_WINDOW.mistake(
    looks="Every query attends to itself and to later tokens.",
    hint="your window starts at the query and extends to later tokens. Which side of the diagonal is the past?",
)
def _forward(n, window):
    return torch.ones(n, n, dtype=torch.bool).triu().tril(window - 1)


@_WINDOW.mistake(
    looks="True and False are exchanged, as in nn.MultiheadAttention.",
    hint="your mask is True where attention is forbidden. Here True means allowed.",
)
def _forbidden(n, window):
    return ~torch.ones(n, n, dtype=torch.bool).tril().triu(1 - window)


@_WINDOW.mistake(
    looks="The text is cut into blocks, and the first token of each block knows nothing about the text before it.",
    hint="your mask cuts the text into blocks of `window` tokens. The window of a query ends at the query itself.",
)
def _blocks(n, window):
    block = torch.arange(n) // window
    return (block[:, None] == block).tril()


@_WINDOW.mistake(
    looks="The numbers are right, but `~mask` raises an error for floats.",
    hint="the entries are right, but they are floats. Which dtype holds True and False?",
)
def _floats(n, window):
    return torch.ones(n, n).tril().triu(1 - window)
